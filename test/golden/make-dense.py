"""Writes test/golden/dense: tiny random dense encoders, and what sentence-transformers makes of our texts.

Each folder is a model as sentence-transformers saves it, with one family, pooling and setting of its own;
its golden.json holds the vectors of `encode_query` and `encode_document`. `masked-bert.json` has those of
the folder families/bert, whose weights have a masked-language head; `minilm.json` those of
models/all-MiniLM-L6-v2, by onnxruntime.

    pip install "sentence-transformers==6.2.0" onnxruntime && python make-dense.py
"""

import importlib.util
import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.base.modules import Transformer
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

try:
    from sentence_transformers.sentence_transformer.modules import Normalize
except ImportError:
    from sentence_transformers.models import Normalize

HERE = Path(__file__).parent
OUT = HERE / "dense"
spec = importlib.util.spec_from_file_location("make_layouts", HERE / "make-layouts.py")
layouts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(layouts)
all_terms = layouts.vocabulary
layouts.vocabulary = lambda: all_terms()[:NUM_TERMS]

NUM_TERMS = 320
TEXTS = [*layouts.TEXTS, "storm", "warm bread"]
SHAPE = dict(vocab_size=NUM_TERMS, hidden_size=16, num_attention_heads=2, intermediate_size=24)
BERT_LIKE = dict(**SHAPE, num_hidden_layers=2, max_position_embeddings=64)
ROBERTA_LIKE = dict(
    **SHAPE, num_hidden_layers=2, max_position_embeddings=66, pad_token_id=0, bos_token_id=2, eos_token_id=3
)
MODERN = dict(
    **SHAPE,
    num_hidden_layers=3,
    max_position_embeddings=64,
    local_attention=8,
    pad_token_id=0,
    bos_token_id=2,
    eos_token_id=3,
    cls_token_id=2,
    sep_token_id=3,
)
DISTILBERT = dict(
    vocab_size=NUM_TERMS, dim=16, n_heads=2, n_layers=2, hidden_dim=24, max_position_embeddings=64
)
PROMPTS = {"query": "Who knows: ", "document": "note: "}

# Folder, model, pooling, whether vectors are normalised, prompts, tokens read.
MODELS = [
    ("bert-mean", BertModel(BertConfig(**BERT_LIKE)), "mean", True, PROMPTS, None),
    ("distilbert-cls", DistilBertModel(DistilBertConfig(**DISTILBERT)), "cls", False, None, 20),
    ("roberta-max", RobertaModel(RobertaConfig(**ROBERTA_LIKE)), "max", False, {"query": "find "}, None),
    ("xlm-roberta-mean", XLMRobertaModel(XLMRobertaConfig(**ROBERTA_LIKE)), "mean", False, None, None),
    ("modernbert-cls", ModernBertModel(ModernBertConfig(**MODERN)), "cls", True, None, None),
]


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            is_norm = "norm" in name.lower()
            scale = 0.25 if is_norm else 0.4
            mean = 1.0 if is_norm and name.endswith("weight") else 0.0
            values = torch.randn(tensor.shape, generator=generator) * scale + mean
            # What bfloat16 holds exactly, and so takes half the bytes.
            tensor.copy_(values.to(torch.bfloat16).float())


def rounded(vectors):
    return [[round(float(value), 6) for value in vector] for vector in vectors]


def golden(model, file):
    content = {
        "texts": TEXTS,
        "queries": rounded(model.encode_query(TEXTS)),
        "documents": rounded(model.encode_document(TEXTS)),
    }
    file.write_text(json.dumps(content) + "\n")


def make(folder, model, pooling, normalized, prompts, max_tokens, seed):
    randomise(model, seed)
    path = OUT / folder
    source = OUT / "source"
    model.save_pretrained(source)
    layouts.tokenizer().save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=max_tokens)
    modules = [transformer, Pooling(model.config.hidden_size, pooling)]
    if normalized:
        modules.append(Normalize())
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save_pretrained(
        str(path), create_model_card=False
    )
    shutil.rmtree(source)
    weights = load_file(path / "model.safetensors")
    halves = {name: tensor.to(torch.bfloat16) for name, tensor in weights.items()}
    golden(SentenceTransformer(str(path), device="cpu"), path / "golden.json")
    save_file(halves, path / "model.safetensors", metadata={"format": "pt"})


def minilm():
    folder = HERE.parent.parent / "models" / "all-MiniLM-L6-v2"
    session = onnxruntime.InferenceSession(folder / "model_int8.onnx", providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    vectors = []
    for text in TEXTS:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (states,) = session.run(["last_hidden_state"], feeds)
        mean = states[0].astype(np.float64).mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    (OUT / "minilm.json").write_text(json.dumps({"texts": TEXTS, "vectors": rounded(vectors)}) + "\n")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for seed, (folder, *rest) in enumerate(MODELS):
        make(folder, *rest, seed)
    transformer = Transformer(str(HERE / "families" / "bert"))
    masked = SentenceTransformer(modules=[transformer, Pooling(32, "mean")], device="cpu")
    golden(masked, OUT / "masked-bert.json")
    minilm()
