"""Makes eval-random.qrels.txt, eval-random.run.txt and eval-random.expected.json.

    pip install pytrec_eval-terrier==0.5.11 ir-measures==0.4.3 cwl-eval==1.0.12
    python eval-random.py TREC_EVAL

where TREC_EVAL is the program built from version 10.0 of github.com/usnistgov/trec_eval.

The run and the judgements are random (seeded) and made to be awkward: graded judgements, negative
grades, scores that tie, scores that tie in float32 only, unjudged documents, judged documents that
were not retrieved, judged queries that the run lacks, a query without a relevant document, queries
without judgements, short rankings, keys whose order in UTF-8 differs from that in UTF-16.

The figures under "float32" are those of eval_figures.py: trec_eval's, through pytrec_eval, which
contains it in a version that compares scores in 32 bits, and for some measures other programs'.
trec_eval 10.0 compares scores in 64 bits and gives the means under "float64", to four digits. The
spelling of the metrics is that of ir-measures, whose parser is asked to confirm it.
"""
import json
import pathlib
import random
import subprocess
import sys

import ir_measures

from eval_figures import figures, trec_name

HERE = pathlib.Path(__file__).parent
NUM_QUERIES, NUM_DOCUMENTS = 24, 120
random.seed(20)

keys = [f'd{i}' for i in range(NUM_DOCUMENTS)] + ['D-7', 'é', 'z', '\uff5e', '\U0001f98a', '\ue000']
qrels, run = {}, {}
for q in range(1, NUM_QUERIES + 1):
    judged = random.sample(keys, random.randint(3, 40))
    grades = [0, 0, 1, 1, 2, 3, -1] if q != 5 else [0]
    qrels[f'q{q}'] = {key: random.choice(grades) for key in judged}
    if q in (3, 11):
        continue
    size = 1 if q == 7 else random.randint(5, len(keys))
    hits = random.sample(keys, size)
    step = random.choice([0.5, 0.125, 1e-9])
    run[f'q{q}'] = {key: round((random.randint(0, 12) + 5 * max(0, qrels[f'q{q}'].get(key, 0))) * step + (step < 1e-3), 12)
                    for key in hits}
    if q == 9:
        run[f'q{q}'] = {key: 1.0 for key in hits}
for q in ('unjudged-1', 'unjudged-2'):
    run[q] = {key: random.random() for key in random.sample(keys, 4)}

METRICS = [
    'nDCG', 'nDCG@1', 'nDCG@10', 'nDCG@1000', 'nDCG(judged_only=True)@10',
    "nDCG(dcg='exp-log2')@1", "nDCG(dcg='exp-log2')@10", "nDCG(dcg='exp-log2')@1000",
    'RR', 'RR@2', 'RR@10', 'RR(rel=2)@10', 'RR(rel=3)', 'RR(judged_only=True)',
    'AP', 'AP(rel=2)', 'AP@10', 'AP(rel=2)@100', 'AP(rel=2,judged_only=True)',
    'P@1', 'P@10', 'P(rel=2)@5', 'P@1000', 'P(judged_only=True)@10',
    'R@5', 'R@100', 'R(rel=2)@10', 'R(judged_only=True)@10',
    'Success@1', 'Success@10', 'Success(rel=3)@5', 'Success(judged_only=True)@1',
    'Rprec', 'Rprec(rel=2)', 'Rprec(rel=2,judged_only=True)',
    'Bpref', 'Bpref(rel=2)', 'Bpref(rel=3)',
    'RBP(rel=1)', 'RBP(rel=2)', 'RBP(p=0.5,rel=1)', 'RBP(p=0.95,rel=3)',
    'Judged@1', 'Judged@10', 'Judged@1000', 'Judged',
]

float32, float64 = {}, {}
for name in METRICS:
    values = figures(name, qrels, run)
    float32[name] = {'mean': sum(values.values()) / len(values), 'perQuery': values}

lines = [f'{q} 0 {key} {grade}' for q, judged in qrels.items() for key, grade in judged.items()]
(HERE / 'eval-random.qrels.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
# The rank column is wrong on purpose: a reader has to ignore it.
lines = [f'{q} Q0 {key} {random.randint(1, 99)} {score!r} random' for q, hits in run.items() for key, score in hits.items()]
random.shuffle(lines)
(HERE / 'eval-random.run.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')

for name in METRICS:
    measure = ir_measures.parse_measure(name)
    if measure.NAME in ('RBP', 'Judged') or 'exp-log2' in name or name.startswith('RR') and '@' in name:
        continue
    flags = ['-J'] if measure.params.get('judged_only') else []
    printed = subprocess.run(
        [sys.argv[1], '-c', *flags, '-l', str(measure.params.get('rel', 1)), '-m', trec_name(measure)[0],
         HERE / 'eval-random.qrels.txt', HERE / 'eval-random.run.txt'],
        check=True, capture_output=True, text=True).stdout
    float64[name] = float(printed.split()[2])
expected = {'float32': float32, 'float64': float64}
(HERE / 'eval-random.expected.json').write_text(json.dumps(expected, indent=1) + '\n')
