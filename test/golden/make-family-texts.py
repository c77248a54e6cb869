"""Makes test/golden/family-texts.json: texts through whole checkpoints, as sentence-transformers encodes them.

    python test/golden/make-family-texts.py

needs sentence-transformers 6 with transformers 5, and no network. A checkpoint is the weights of a
family in test/golden/families and its tokenizer in test/golden/tokenizers, in one folder. For each: the
vectors of our texts by SpladePooling, cut at 24 tokens, with their token ids; and what the head predicts
for the mask in one text. The modernbert has 14 terms more than its tokenizer.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import sentence_transformers
import torch
import transformers
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer

here = Path(__file__).parent
FAMILIES = ["roberta", "xlm-roberta", "modernbert"]
MAX_TOKENS = 24
TEXTS = [
    "",
    "The heron waits at the edge of the harbour.",
    "  Two  blanks before,\nand a line:  déjà vu, 3.14 × 2 = 6.28 ",
    "我喜欢喝茶。 Привет, мир! 👍🏽 ﬁn",
    "Nothing <mask> here [MASK] </s> [SEP].",
    "the ferry crosses the strait and the gulls follow it to the island " * 5,
]


def vectors_of(matrix):
    return [
        {"terms": row.nonzero().flatten().tolist(), "weights": [float(f"{one:.6g}") for one in row[row != 0].tolist()]}
        for row in matrix.to_dense()
    ]


@torch.no_grad()
def predictions_of(folder, tokenizer):
    """The ten most probable terms for the mask."""
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    text = f"The {tokenizer.mask_token} waits at the harbour."
    batch = tokenizer(text, return_tensors="pt")
    batch.pop("token_type_ids", None)
    at = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    found = model(**batch).logits[0, at].softmax(dim=0).topk(10)
    weights = [float(f"{one:.6g}") for one in found.values.tolist()]
    return {"text": text, "terms": found.indices.tolist(), "weights": weights}


def golden(family, folder):
    for source in [here / "families" / family, here / "tokenizers" / family]:
        for path in source.iterdir():
            if path.name not in ("golden.json", "cases.json"):
                shutil.copy(path, folder)
    module = Transformer(str(folder), transformer_task="fill-mask", max_seq_length=MAX_TOKENS)
    encoder = SparseEncoder(modules=[module, SpladePooling("max")], device="cpu")
    tokenizer = encoder.tokenizer
    # Whatever class transformers has for a family, the tokens are those of tokenizer.json.
    plain = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ids = [tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"] for text in TEXTS]
    assert ids == [plain(text, truncation=True, max_length=MAX_TOKENS)["input_ids"] for text in TEXTS], family
    return {
        "ids": ids,
        "vectors": vectors_of(encoder.encode_document(TEXTS)),
        "masked": predictions_of(folder, tokenizer),
    }


def main():
    result = {
        "made_by": f"sentence-transformers {sentence_transformers.__version__}, transformers {transformers.__version__}",
        "max_tokens": MAX_TOKENS,
        "texts": TEXTS,
    }
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            result[family] = golden(family, Path(folder))
        print(family, [len(vector["terms"]) for vector in result[family]["vectors"]])
    lines = json.dumps(result).replace('{"terms"', '\n{"terms"')
    (here / "family-texts.json").write_text(lines + "\n")


main()
