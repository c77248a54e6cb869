"""Makes bm25.json: scores of bm25s for a few texts of our own.

    pip install bm25s==0.3.16 PyStemmer
    python bm25.py
"""
import json

import bm25s
import Stemmer

DOCUMENTS = [
    "The lighthouse keeper lights the lamp when the fog rolls in from the sea.",
    "Fog horns warned ships long before radar; a fog horn is still heard in the harbour.",
    "Baking bread needs flour, water, salt and yeast, and the patience to let the dough rise.",
    "Yeast turns sugar into gas, so the dough rises and the bread is light.",
    "A lamp of oil, a lamp of gas, an electric lamp: keepers of lighthouses used them all.",
    "Ships.",
    "Sea water holds salt; evaporating it in shallow pans gives sea salt, which bakers like.",
    "The quick training of neural networks needs data, data and more data.",
    "Les phares de Bretagne éclairent la mer; naïve façades, 3.5 km away from Brest_2024.",
    "Warned ships, warning horns, warnings of fog: the harbour's pilots heard every warning.",
]
QUERIES = [
    "fog warnings for ships",
    "how does bread dough rise",
    "lamp lamp lighthouse",
    "salt of the sea",
    "data",
    "phares éclairent",
    "an unheard-of quagga",
    "the of and",
]
VARIANTS = ("lucene", "robertson", "bm25+")

stemmer = Stemmer.Stemmer("english")
options = {"stopwords": "en", "stemmer": stemmer, "show_progress": False, "return_ids": False}
documents = bm25s.tokenize(DOCUMENTS, **options)
queries = bm25s.tokenize(QUERIES, **options)


def scores(k1, b, variant):
    retriever = bm25s.BM25(method=variant, k1=k1, b=b, delta=1, dtype="float64")
    retriever.index(documents, show_progress=False)
    # get_scores counts a token of the query each time that it stands there.
    return [
        [float(score) for score in retriever.get_scores(query)] if query else [0.0] * len(DOCUMENTS)
        for query in queries
    ]


runs = [
    {"variant": variant, "k1": k1, "b": b, "scores": scores(k1, b, variant)}
    for variant in VARIANTS
    for k1, b in [(1.2, 0.75), (0.9, 0.4), (2.0, 1.0)]
]
with open("bm25.json", "w") as file:
    json.dump(
        {
            "bm25s": bm25s.__version__,
            "documents": DOCUMENTS,
            "queries": QUERIES,
            "documentWords": documents,
            "queryWords": queries,
            "runs": runs,
        },
        file,
        ensure_ascii=False,
    )
    file.write("\n")
