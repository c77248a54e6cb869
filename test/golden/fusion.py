"""Makes fusion.json: three random runs and what ranx makes of them.

    pip install ranx==0.3.21
    python fusion.py

Scores are distinct; where fused scores tie all the same, ranx states no rule.
"""
import json
import random

from ranx import Run, fuse

random.seed(7)
NUM_DOCUMENTS = 60
documents = [f"d{i}" for i in range(NUM_DOCUMENTS)]


def ranking(size, low, high):
    found = random.sample(documents, size)
    return {key: random.uniform(low, high) for key in found}


runs = {"sparse": ranking(30, 0.5, 40), "bm25": ranking(22, 1, 18), "dense": ranking(35, 0.1, 0.9)}


def fused(**options):
    result = fuse([Run({"q": run}, name=name) for name, run in runs.items()], **options)
    scores = dict(result["q"])
    return sorted(([key, float(score)] for key, score in scores.items()), key=lambda hit: -hit[1])


weights = (0.25, 0.25, 0.5)
expected = {
    "rrf": fused(method="rrf", params={"k": 60}),
    "rrf-10": fused(method="rrf", params={"k": 10}),
    "comb-sum": fused(norm="min-max", method="sum"),
    "comb-mnz": fused(norm="min-max", method="mnz"),
    "weighted": fused(norm="min-max", method="wsum", params={"weights": weights}),
}
with open("fusion.json", "w") as file:
    json.dump({"ranx": "0.3.21", "weights": weights, "runs": runs, "expected": expected}, file)
    file.write("\n")
