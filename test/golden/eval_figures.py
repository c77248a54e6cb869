"""Figures of a run by the programs that define the measures, for eval-random.py and teachers.py.

    pip install pytrec_eval-terrier==0.5.11 ir-measures==0.4.3 cwl-eval==1.0.12

- trec_eval, through pytrec_eval: all but the three below. RR@k is its recip_rank with -M k.
- cwl_eval, through ir-measures: RBP.
- gdeval.pl of TREC, as ir-measures ships it, but printing ten digits instead of five (needs perl):
  nDCG(dcg='exp-log2')@k.
- ir-measures itself: Judged.

The last three break ties in ways of their own, so they are given the run with scores that fall
strictly, in the order in which trec_eval sees it: by score in 32 bits, then by key, both descending.
Queries that the run lacks count 0, as with trec_eval -c.
"""
import pkgutil
import re
import subprocess
import tempfile

import ir_measures
import numpy
import pytrec_eval


def figures(name, qrels, run):
    """The values of a measure, by its ir-measures name: query id -> value."""
    measure = ir_measures.parse_measure(name)
    assert str(measure) == name, (str(measure), name)
    if measure.NAME in ('RBP', 'Judged'):
        found = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, untied(run))}
    elif measure.NAME == 'nDCG' and 'exp-log2' in name:
        found = gdeval(measure['cutoff'], qrels, untied(run))
    else:
        found = trec_eval(measure, qrels, run)
    return {query: float(found.get(query, 0)) for query in qrels}


def trec_name(measure):
    """What trec_eval calls a measure: the name asked for, and the name of the value it gives."""
    cutoff = measure.params.get('cutoff')
    plain = {'nDCG': 'ndcg', 'RR': 'recip_rank', 'AP': 'map', 'Bpref': 'bpref', 'Rprec': 'Rprec'}
    cut = {'nDCG': 'ndcg_cut', 'AP': 'map_cut', 'P': 'P', 'R': 'recall', 'Success': 'success'}
    if cutoff is None or measure.NAME == 'RR':
        return plain[measure.NAME], plain[measure.NAME]
    return f'{cut[measure.NAME]}.{cutoff}', f'{cut[measure.NAME]}_{cutoff}'


def trec_eval(measure, qrels, run):
    asked, given = trec_name(measure)
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {asked}, relevance_level=measure.params.get('rel', 1),
        judged_docs_only_flag=measure.params.get('judged_only', False))
    values = {query: got[given] for query, got in evaluator.evaluate(run).items()}
    if measure.NAME == 'RR' and 'cutoff' in measure.params:
        smallest = 1 / measure.params['cutoff']
        values = {query: v if v >= smallest else 0.0 for query, v in values.items()}
    return values


def untied(run):
    """The same ranking with scores that no two documents share."""
    result = {}
    for query, hits in run.items():
        keys = sorted(hits, key=lambda key: (numpy.float32(hits[key]), key.encode()), reverse=True)
        result[query] = {key: float(len(keys) - i) for i, key in enumerate(keys)}
    return result


def gdeval(cutoff, qrels, run):
    numbers = {query: i + 1 for i, query in enumerate(sorted({*qrels, *run}))}
    names = {number: query for query, number in numbers.items()}
    program = pkgutil.get_data('ir_measures', 'bin/gdeval.pl').decode()
    assert '%.5f' in program
    with tempfile.TemporaryDirectory() as folder:
        def write(name, lines):
            with open(f'{folder}/{name}', 'w', encoding='utf-8') as file:
                file.write('\n'.join(lines))
            return f'{folder}/{name}'
        qrels_file = write('qrels', [f'{numbers[q]} 0 {key} {grade}' for q, judged in qrels.items() for key, grade in judged.items()])
        run_file = write('run', [f'{numbers[q]} Q0 {key} 1 {score} t' for q, hits in run.items() for key, score in hits.items()])
        perl = write('gdeval.pl', [program.replace('%.5f', '%.10f')])
        printed = subprocess.run(['perl', perl, qrels_file, run_file, str(cutoff)],
                                 check=True, capture_output=True, text=True).stdout
    rows = re.findall(r'^t,(\d+),([\d.]+),', printed, re.M)
    return {names[int(number)]: float(value) for number, value in rows}
