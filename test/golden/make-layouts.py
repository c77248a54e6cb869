"""Writes the tiny random checkpoints of test/golden/layouts, and what sentence-transformers makes of them.

Each folder is a layout in which sparse encoders are published; its golden.json holds the vectors of
our texts by `encode_query` and `encode_document`. All have the same tokenizer and one of two sets of
weights, which are stored as bfloat16 and computed with as float32.

    pip install "sentence-transformers==6.2.0" && python make-layouts.py
"""

import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import (
    Router,
    SparseStaticEmbedding,
    SpladePooling,
    Transformer,
)
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

OUT = Path(__file__).parent / "layouts"
TEXTS = [
    "",
    "The harbour fog lifts, and the ferry leaves for the island.",
    "  Who sells FRESH bread near the old mill?  ",
    "rain rain rain: the river rose two metres in one night (again)",
    "a café by the [SEP] sea; señor Ortega's boat no. 17",
    "the miller grinds the wheat and the baker bakes the bread " * 9,
]
WORDS = """the harbour fog lifts and ferry leaves for island who sells fresh bread near old mill rain
river rose two metres in one night again cafe by sea boat no miller grinds wheat baker bakes a of to
is was it on with as at from water stone bridge road market fish salt wind sail storm calm morning
evening light dark garden apple pear tree leaf root seed field farmer horse cow goat sheep wool cloth
tailor needle thread shirt coat shoe leather smith iron hammer nail wood plank roof wall door window
house room table chair bed lamp oil fire smoke ash coal warm cold snow ice melt spring summer autumn
winter year month week day hour query document search title text what where when why how which""".split()


def vocabulary():
    terms = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"0123456789.,:;?!()'-"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    terms += [*letters, *(f"##{one}" for one in letters + "0123456789")]
    terms += [word for word in dict.fromkeys(WORDS) if len(word) > 1]
    syllables = [first + second for first in "bcdfghjklmnprstvwz" for second in "aeiouy"]
    syllables += [first + last for first in syllables for last in "nrst"]
    for syllable in syllables:
        terms += [term for term in (f"##{syllable}", syllable) if term not in terms]
    return terms[:1000]


def tokenizer():
    terms = {term: i for i, term in enumerate(vocabulary())}
    made = Tokenizer(models.WordPiece(terms, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", terms["[CLS]"]), ("[SEP]", terms["[SEP]"])],
    )
    return BertTokenizerFast(tokenizer_object=made, model_max_length=64)


def checkpoint(folder, seed, hidden_size):
    """A random masked language model whose weights bfloat16 holds exactly."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=1000,
        hidden_size=hidden_size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.25,
    )
    model = BertForMaskedLM(config)
    with torch.no_grad():
        model.cls.predictions.bias.fill_(-3)
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16().float())
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def halve(folder):
    """Stores the weights of the models in and under a folder as bfloat16."""
    for path in folder.rglob("model.safetensors"):
        tensors = load_file(path)
        if set(tensors) != {"weight"}:
            halves = {name: tensor.bfloat16().contiguous() for name, tensor in tensors.items()}
            save_file(halves, path, metadata={"format": "pt"})


def weights_of(matrix):
    return [
        {"terms": row.nonzero().flatten().tolist(), "weights": [float(f"{one:.6g}") for one in row[row != 0].tolist()]}
        for row in matrix.to_dense()
    ]


def rewrite(path, change):
    value = json.loads(path.read_text())
    path.write_text(json.dumps(change(value) or value, indent=2) + "\n")


def finish(name, model=None):
    folder = OUT / name
    halve(folder)
    for path in [*folder.rglob("README.md"), *folder.rglob(".gitattributes")]:
        path.unlink()
    model = model or SparseEncoder(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
    golden = {
        "texts": TEXTS,
        "queries": weights_of(model.encode_query(TEXTS)),
        "documents": weights_of(model.encode_document(TEXTS)),
    }
    lines = json.dumps(golden).replace('{"terms"', '\n{"terms"')
    (folder / "golden.json").write_text(lines + "\n")
    counts = [len(row["terms"]) for row in golden["queries"] + golden["documents"]]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(name, f"{size // 1000} kB", counts)


def masked(folder, **settings):
    return Transformer(str(folder), transformer_task="fill-mask", **settings)


def idf():
    """Weights as an idf table has them: every term but the special ones and a few more."""
    return {term: round(1 + (7 * i % 83) / 10, 4) for i, term in enumerate(vocabulary()) if i > 30}


def static(folder, weight=None):
    own = BertTokenizerFast.from_pretrained(folder)
    return SparseStaticEmbedding(own, weight=weight, frozen=weight is not None)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    plain = OUT / "plain"
    checkpoint(plain, seed=1, hidden_size=32)
    halve(plain)
    other = OUT / "other"
    checkpoint(other, seed=2, hidden_size=16)

    def save(name, modules, **settings):
        SparseEncoder(modules=modules, device="cpu", **settings).save_pretrained(str(OUT / name))

    # As sentence-transformers 6 writes it: the transformer in the root.
    save(
        "splade-6",
        [masked(plain, max_seq_length=16), SpladePooling("sum", activation_function="log1p_relu")],
        prompts={"query": "query: ", "document": "title "},
        max_active_dims=40,
        similarity_fn_name="cosine",
    )

    # As version 5 named things, the transformer in a folder of its own. There is a prompt "passage",
    # which documents get only where there is no "document".
    folder = OUT / "splade-5"
    shutil.copytree(plain, folder / "0_MLMTransformer")
    names = {"0_MLMTransformer": "MLMTransformer", "1_SpladePooling": "SpladePooling"}
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": path,
            "type": f"sentence_transformers.sparse_encoder.models.{kind}",
        }
        for i, (path, kind) in enumerate(names.items())
    ]
    (folder / "1_SpladePooling").mkdir()
    pooling = {
        "pooling_strategy": "max",
        "activation_function": "relu",
        "word_embedding_dimension": 1000,
    }
    settings = {
        "model_type": "SparseEncoder",
        "__version__": {"sentence_transformers": "5.0.0"},
        "prompts": {"query": "search: ", "passage": "text: "},
        "default_prompt_name": "passage",
        "similarity_fn_name": "dot",
    }
    for path, value in {
        "modules.json": modules,
        "config_sentence_transformers.json": settings,
        "0_MLMTransformer/sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": True},
        "1_SpladePooling/config.json": pooling,
    }.items():
        (folder / path).write_text(json.dumps(value, indent=2) + "\n")

    # No model for queries: a table of weights, and as naver's splade-v3-doc a table of ones.
    table = torch.tensor([idf().get(term, 0.0) for term in vocabulary()])
    for name, weight in {"router-table": table, "router-ones": None}.items():
        router = Router.for_query_document(
            query_modules=[static(plain, weight)],
            document_modules=[masked(plain), SpladePooling("max")],
        )
        save(name, [router], prompts={"query": "what ", "document": "text: "})

    # No expansion of queries: the model weighs their own terms, as naver's splade-v3-lexical.
    model, pooling = masked(plain), SpladePooling("max")
    weights = torch.arange(1000) % 7 / 4
    router = Router.for_query_document(
        query_modules=[model, pooling, static(plain, weights)], document_modules=[model, pooling]
    )
    save("router-lexical", [router], prompts={"query": "text: "})

    # As OpenSearch publishes them: the document model in the root, beside idf.json.
    folder = OUT / "opensearch-router"
    shutil.copytree(OUT / "router-table", folder)
    shutil.rmtree(folder / "document_0_Transformer")
    shutil.copytree(plain, folder, dirs_exist_ok=True)
    shutil.copy(OUT / "router-table/document_0_Transformer/sentence_bert_config.json", folder)
    (folder / "idf.json").write_text(json.dumps(idf()) + "\n")
    at_root = {"document_0_Transformer": ""}
    rewrite(
        folder / "router_config.json",
        lambda config: {
            **config,
            "types": {at_root.get(one, one): kind for one, kind in config["types"].items()},
            "structure": {
                route: [at_root.get(one, one) for one in ids]
                for route, ids in config["structure"].items()
            },
        },
    )
    rewrite(
        folder / "document_1_SpladePooling/config.json",
        lambda config: {**config, "activation_function": "log1p_relu"},
    )
    rewrite(folder / "config_sentence_transformers.json", lambda config: config.pop("prompts") and None)

    # The same without sentence-transformers' files.
    folder = OUT / "opensearch-plain"
    shutil.copytree(plain, folder)
    (folder / "idf.json").write_text(json.dumps(idf()) + "\n")

    # Two models: one encodes queries, the other documents.
    router = Router.for_query_document(
        query_modules=[masked(other), SpladePooling("max", activation_function="log1p_relu")],
        document_modules=[masked(plain, max_seq_length=16), SpladePooling("sum")],
    )
    save("router-models", [router])

    for name in ["plain", "splade-6", "splade-5", "router-table", "router-ones", "router-lexical"]:
        finish(name)
    finish("opensearch-router")
    by_hand = Router.for_query_document(
        query_modules=[
            SparseStaticEmbedding.from_json(
                str(OUT / "opensearch-plain/idf.json"), tokenizer=static(plain).tokenizer
            )
        ],
        document_modules=[masked(plain), SpladePooling("max")],
    )
    finish("opensearch-plain", SparseEncoder(modules=[by_hand], device="cpu"))
    finish("router-models")
    shutil.rmtree(other)


if __name__ == "__main__":
    main()
