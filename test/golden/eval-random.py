"""Makes eval-random.qrels.txt, eval-random.run.txt and eval-random.expected.json.

    pip install pytrec_eval-terrier==0.5.11 ir-measures==0.4.3 numpy
    python eval-random.py TREC_EVAL

where TREC_EVAL is the program built from version 10.0 of github.com/usnistgov/trec_eval.

The run and the judgements are random (seeded) and made to be awkward: graded judgements, negative
grades, scores that tie, scores that tie in float32 only, unjudged documents, judged documents that
were not retrieved, judged queries that the run lacks, a query without a relevant document, queries
without judgements, short rankings, keys whose order in UTF-8 differs from that in UTF-16.

The figures under "float32" are trec_eval's, through pytrec_eval, which contains it in a version
that compares scores in 32 bits; trec_eval 10.0 compares them in 64 bits and gives the means under
"float64", to four digits. The spelling of the metrics is that of ir-measures, whose parser is asked
to confirm it. RR@k is trec_eval's recip_rank with -M k. (ir-measures itself computes RR@k by another
program, which breaks ties by key ascending.) Queries that the run lacks count 0, as with -c.
"""
import json
import pathlib
import random
import subprocess
import sys

import ir_measures
import pytrec_eval

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

METRICS = {
    'nDCG': ('ndcg', 1), 'nDCG@1': ('ndcg_cut_1', 1), 'nDCG@10': ('ndcg_cut_10', 1),
    'nDCG@1000': ('ndcg_cut_1000', 1),
    'RR': ('recip_rank', 1), 'RR@2': ('recip_rank', 1), 'RR@10': ('recip_rank', 1),
    'RR(rel=2)@10': ('recip_rank', 2), 'RR(rel=3)': ('recip_rank', 3),
    'AP': ('map', 1), 'AP(rel=2)': ('map', 2), 'AP@10': ('map_cut_10', 1),
    'AP(rel=2)@100': ('map_cut_100', 2),
    'P@1': ('P_1', 1), 'P@10': ('P_10', 1), 'P(rel=2)@5': ('P_5', 2), 'P@1000': ('P_1000', 1),
    'R@5': ('recall_5', 1), 'R@100': ('recall_100', 1), 'R(rel=2)@10': ('recall_10', 2),
    'Success@1': ('success_1', 1), 'Success@10': ('success_10', 1),
    'Success(rel=3)@5': ('success_5', 3),
}

float32, float64 = {}, {}
for name, (measure, rel) in METRICS.items():
    assert str(ir_measures.parse_measure(name)) == name
    family, _, cutoff = measure.rpartition('_')
    asked = f'{family}.{cutoff}' if cutoff.isdigit() else measure
    got = pytrec_eval.RelevanceEvaluator(qrels, {asked}, relevance_level=rel).evaluate(run)
    values = {q: got[q][measure] if q in got else 0.0 for q in qrels}
    if measure == 'recip_rank' and '@' in name:
        smallest = 1 / int(name.split('@')[1])
        values = {q: v if v >= smallest else 0.0 for q, v in values.items()}
    float32[name] = {'mean': sum(values.values()) / len(values), 'perQuery': values}

lines = [f'{q} 0 {key} {grade}' for q, judged in qrels.items() for key, grade in judged.items()]
(HERE / 'eval-random.qrels.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
# The rank column is wrong on purpose: a reader has to ignore it.
lines = [f'{q} Q0 {key} {random.randint(1, 99)} {score!r} random' for q, hits in run.items() for key, score in hits.items()]
random.shuffle(lines)
(HERE / 'eval-random.run.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')

for name, (measure, rel) in METRICS.items():
    if measure == 'recip_rank' and '@' in name:
        continue
    family, _, cutoff = measure.rpartition('_')
    asked = f'{family}.{cutoff}' if cutoff.isdigit() else measure
    printed = subprocess.run(
        [sys.argv[1], '-c', '-l', str(rel), '-m', asked, HERE / 'eval-random.qrels.txt', HERE / 'eval-random.run.txt'],
        check=True, capture_output=True, text=True).stdout
    float64[name] = float(printed.split()[2])
expected = {'float32': float32, 'float64': float64}
(HERE / 'eval-random.expected.json').write_text(json.dumps(expected, indent=1) + '\n')
