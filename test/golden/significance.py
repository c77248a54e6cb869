"""Makes significance.json: values of two systems on some queries, and what scipy says of them.

    pip install scipy==1.17.1 numpy
    python significance.py

The pairs are random (seeded): like measures of retrieval, with ties; few queries and many; nearly
equal systems and very different ones. The randomisation test is exact where there are few queries
("all") and otherwise drawn (100,000 times, by scipy's generator, not ours). The intervals are
percentile bootstraps of the mean difference, of 200,000 draws.
"""
import json
import pathlib

import numpy
from scipy import stats

random = numpy.random.default_rng(7)


def pair(size, shift, spread):
    a = numpy.round(random.beta(1.2, 1.5, size), 4)
    b = numpy.clip(numpy.round(a + random.normal(shift, spread, size), 4), 0, 1)
    b = numpy.where(random.random(size) < 0.3, a, b)
    return a, b


cases = []
for size, shift, spread in [(2, 0.1, 0.1), (3, 0.2, 0.1), (9, 0.05, 0.1), (12, -0.1, 0.2), (16, 0.0, 0.05), (43, 0.02, 0.1),
                            (54, 0.06, 0.15), (200, 0.01, 0.1), (200, 0.1, 0.05), (1000, -0.005, 0.1), (3001, 0.2, 0.05)]:
    a, b = pair(size, shift, spread)
    a[0], b[0] = 0.25, 0.5
    test = stats.ttest_rel(b, a)
    is_all = size <= 16
    drawn = stats.permutation_test(
        (b - a,), numpy.mean, permutation_type='samples', vectorized=True,
        n_resamples=numpy.inf if is_all else 100_000, rng=random)
    interval = stats.bootstrap((b - a,), numpy.mean, n_resamples=200_000, batch=2_000, method='percentile', rng=random)
    cases.append({
        'a': a.tolist(), 'b': b.tolist(), 't': test.statistic, 'p': test.pvalue,
        'randomization': {'p': drawn.pvalue, 'isExact': is_all},
        'interval': [interval.confidence_interval.low, interval.confidence_interval.high]})

tails = [[t, df, 2 * stats.t.sf(abs(t), df)] for df in (1, 2, 3, 7, 29, 42, 43, 100, 6979, 1_000_000)
         for t in (0.001, 0.01, -0.7, 1.0, 1.96, -3.5, 8.0, 40.0)]
path = pathlib.Path(__file__).parent / 'significance.json'
path.write_text('{\n"tails": ' + json.dumps(tails) + ',\n"cases": [\n' + ',\n'.join(json.dumps(case) for case in cases) + '\n]\n}\n')
