"""Makes cost.json: random sparse vectors, and what numpy makes of them as dense matrices.

    pip install numpy==2.4.6
    python cost.py

The formulas are those of naver/splade: splade/flops.py, splade/losses/regularization.py.
"""
import json

import numpy as np

NUM_TERMS = 60
generator = np.random.default_rng(7)


def matrix(rows, share):
    """Terms of low numbers are frequent, as in a vocabulary; some rows are empty."""
    frequency = share / (1 + np.arange(NUM_TERMS) / 8)
    active = generator.random((rows, NUM_TERMS)) < frequency
    active[rows // 2] = False
    return np.where(active, generator.random((rows, NUM_TERMS)) * 3 + 0.01, 0).astype(np.float32)


def rows(vectors):
    return [
        {"terms": np.flatnonzero(row).tolist(), "weights": [float(w) for w in row[row > 0]]}
        for row in vectors
    ]


def flops(queries, documents):
    return float(np.sum((queries > 0).mean(axis=0) * (documents > 0).mean(axis=0)))


def flops_loss(vectors):
    return float(np.sum(np.mean(np.abs(vectors.astype(np.float64)), axis=0) ** 2))


cases = []
for num_queries, num_documents in [(1, 1), (7, 20), (30, 80)]:
    queries = matrix(num_queries, 0.5) if num_queries > 1 else matrix(3, 0.5)[:1]
    documents = matrix(num_documents, 0.9) if num_documents > 1 else matrix(3, 0.9)[:1]
    cases.append(
        {
            "queries": rows(queries),
            "documents": rows(documents),
            "flops": flops(queries, documents),
            "queryTerms": float((queries > 0).sum(axis=1).mean()),
            "documentTerms": float((documents > 0).sum(axis=1).mean()),
            "queryLoss": flops_loss(queries),
            "documentLoss": flops_loss(documents),
        }
    )
with open("cost.json", "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
