"""Makes eval-conventions.json: what trec_eval makes of input that is odd, though well formed.

    python eval-conventions.py TREC_EVAL

where TREC_EVAL is the program built from version 10.0 of github.com/usnistgov/trec_eval. It is called
with -c. Figures have the four digits that it prints. A query with negative grades alone is not among the
cases: it ends this program with an error.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
OPTIONS = ['ndcg_cut.5', 'recip_rank', 'map', 'map_cut.1000', 'P.5,1000', 'recall.5', 'success.5', 'Rprec', 'bpref']
PRINTED = {
    'nDCG@5': 'ndcg_cut_5', 'RR': 'recip_rank', 'AP': 'map', 'AP@1000': 'map_cut_1000', 'P@5': 'P_5',
    'P@1000': 'P_1000', 'R@5': 'recall_5', 'Success@5': 'success_5', 'Rprec': 'Rprec', 'Bpref': 'bpref',
}
PAIR = ['q1 Q0 a 1 2.0 t', 'q1 Q0 b 2 1.0 t']
CASES = {
    'a judged query that the run lacks': (['q1 0 a 1', 'q2 0 a 1', 'q3 0 b 2'], PAIR),
    'a query of the run without judgements': (['q1 0 b 1'], [*PAIR, 'q9 Q0 a 1 1.0 t']),
    'a judged query without a relevant document': (['q1 0 a 1', 'q2 0 a 0'], [*PAIR, 'q2 Q0 a 1 1.0 t']),
    'judgements of documents that nobody found': (['q1 0 a 1', 'q1 0 nowhere 1', 'q1 0 gone 0'], PAIR),
    'hits without a judgement': (['q1 0 b 1'], [*PAIR, 'q1 Q0 c 3 1.5 t']),
    'no hit is judged': (['q1 0 x 1', 'q1 0 y 0'], PAIR),
    'negative grades': (['q1 0 a -1', 'q1 0 b 2', 'q1 0 c -2', 'q1 0 d 1'], [*PAIR, 'q1 Q0 c 3 0.5 t']),
    'k beyond the end of the list': (['q1 0 a 1', 'q1 0 b 2', 'q1 0 c 3'], PAIR),
    'scores that tie': (['q1 0 a 1', 'q1 0 c 2'], [f'q1 Q0 {key} 1 0.5 t' for key in 'acbd']),
    'ranks that contradict the scores': (['q1 0 b 1'], ['q1 Q0 a 2 2.0 t', 'q1 Q0 b 1 1.0 t']),
    'scores of all signs and spellings': (
        ['q1 0 a 1', 'q1 0 d 1'],
        ['q1 Q0 a 1 -1e-3 t', 'q1 Q0 b 1 -0.5 t', 'q1 Q0 c 1 +.25e1 t', 'q1 Q0 d 1 0 t']),
    'lines of a query that are apart': (
        ['q1 0 b 1', 'q2 0 a 1', 'q1 0 a 0'],
        ['q1 Q0 a 1 2 t', 'q2 Q0 a 1 2 t', 'q1 Q0 b 2 3 t', 'q2 Q0 b 1 3 t']),
}

cases = []
for name, (qrels, run) in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for kind, lines in (('qrels', qrels), ('run', run)):
            files.append(pathlib.Path(folder) / kind)
            files[-1].write_text('\n'.join(lines) + '\n')
        options = [word for option in OPTIONS for word in ('-m', option)]
        printed = subprocess.run([sys.argv[1], '-c', *options, *files], check=True, capture_output=True, text=True)
    values = {line.split()[0]: float(line.split()[2]) for line in printed.stdout.splitlines()}
    expected = {own: values[printed_name] for own, printed_name in PRINTED.items()}
    cases.append({'name': name, 'qrels': qrels, 'run': run, 'expected': expected})
(HERE / 'eval-conventions.json').write_text(json.dumps(cases, indent=1) + '\n')
