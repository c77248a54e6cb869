"""Makes teachers.expected.json.

    pip install pytrec_eval-terrier==0.5.11 ir-measures==0.4.3 cwl-eval==1.0.12
    python teachers.py SHARED/data/train/msmarco-teachers

The runs are those of six published systems on the judged queries of TREC Deep Learning 2019 and
2020. They are not part of the project, so only the figures are here: for each run and measure the
values per query, in the order of the query ids, to ten digits. eval_figures.py says whose they are.
"""
import gzip
import json
import pathlib
import sys

from eval_figures import figures

FOLDER = pathlib.Path(sys.argv[1])
METRICS = [
    'nDCG@10', "nDCG(dcg='exp-log2')@10", 'nDCG', 'RR(rel=2)@10', 'AP(rel=2)', 'AP@100', 'P(rel=2)@10',
    'R(rel=2)@100', 'Success(rel=3)@5', 'Rprec(rel=2)', 'RBP(rel=2)', 'RBP(p=0.95,rel=1)', 'Bpref(rel=2)',
    'Judged@10', 'nDCG(judged_only=True)@10',
]


def lines(path):
    return [line.split() for line in path.read_text().splitlines()]


expected = {}
for track in ('dl19', 'dl20'):
    qrels = {}
    for query, _, key, grade in lines(FOLDER / f'qrels.{track}-passage.txt'):
        qrels.setdefault(query, {})[key] = int(grade)
    for path in sorted(FOLDER.glob(f'*.{track}.trec.gz')):
        run = {}
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            query, _, key, _, score, _ = line.split()
            run.setdefault(query, {})[key] = float(score)
        rows = {name: figures(name, qrels, run) for name in METRICS}
        expected[path.name.removesuffix('.trec.gz')] = {
            name: [float(f'{values[query]:.10g}') for query in sorted(qrels)] for name, values in rows.items()}

systems = [
    f' {json.dumps(system)}: {{\n' + ',\n'.join(f'  {json.dumps(name)}: {json.dumps(values)}' for name, values in rows.items()) + '\n }'
    for system, rows in expected.items()]
target = pathlib.Path(__file__).parent / 'teachers.expected.json'
target.write_text('{\n' + ',\n'.join(systems) + '\n}\n')
