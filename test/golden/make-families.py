"""Makes test/golden/families/: tiny random checkpoints of every family and what transformers makes of them.

Run with Python 3, torch, transformers (5.23) and onnx installed; nothing is fetched:

    python test/golden/make-families.py           makes all of them
    python test/golden/make-families.py roberta   makes those that are named

Every folder is a checkpoint as `save_pretrained` writes it, and `golden.json`: SPLADE vectors (both
poolings) of texts given as token ids, from 1 token to the most that the model has positions for, padded
in one batch, and the logits of one short text. Weights are random but scaled so that attention is
peaked, logits differ, and about half of the terms of a text are above zero; a model whose mask,
positions or activation were wrong would be far off. `onnx-*` are exports of `bert` by torch.onnx, the
pooled one with its tensors in a file of their own.
"""

import json
import os
import shutil
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import onnx
import torch
import transformers
from safetensors.torch import load_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "families")
VOCABULARY = 1000
XLM_VOCABULARY = 1002
"""As many as test/golden/tokenizers/xlm-roberta has; that of modernbert has fewer than its model."""
LENGTH = 64
"""Tokens of the longest text, which is all that the models have positions for."""
LENGTHS = [1, 2, 3, 7, 16, 30, 63, LENGTH]
SHAPE = dict(vocab_size=VOCABULARY, hidden_size=32, num_attention_heads=4, intermediate_size=48)
BERT_LIKE = dict(**SHAPE, num_hidden_layers=2, max_position_embeddings=LENGTH)
DISTILBERT = dict(
    vocab_size=VOCABULARY, dim=32, n_heads=4, n_layers=2, hidden_dim=48, max_position_embeddings=LENGTH
)
ROBERTA_LIKE = dict(
    **SHAPE, num_hidden_layers=2, max_position_embeddings=LENGTH + 2, pad_token_id=1, bos_token_id=0, eos_token_id=2
)
MODERN = dict(
    **SHAPE,
    num_hidden_layers=4,
    max_position_embeddings=LENGTH,
    local_attention=9,
    pad_token_id=0,
    bos_token_id=2,
    eos_token_id=3,
    cls_token_id=2,
    sep_token_id=3,
)
BIASES = dict(norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True)


def models():
    yield "bert", BertForMaskedLM(BertConfig(**BERT_LIKE))
    untied = BertConfig(**BERT_LIKE, tie_word_embeddings=False, hidden_act="gelu_new", type_vocab_size=1)
    yield "bert-untied", BertForMaskedLM(untied)
    yield "distilbert", DistilBertForMaskedLM(DistilBertConfig(**DISTILBERT, activation="relu"))
    # The head's activation is GELU whatever the layers have.
    yield "roberta", RobertaForMaskedLM(RobertaConfig(**ROBERTA_LIKE, hidden_act="relu", layer_norm_eps=1e-5))
    yield "xlm-roberta", XLMRobertaForMaskedLM(
        XLMRobertaConfig(**ROBERTA_LIKE | dict(vocab_size=XLM_VOCABULARY), type_vocab_size=1)
    )
    yield "modernbert", ModernBertForMaskedLM(ModernBertConfig(**MODERN))
    biases = ModernBertConfig(**MODERN, **BIASES, hidden_activation="gelu_pytorch_tanh", classifier_activation="relu")
    yield "modernbert-biases", ModernBertForMaskedLM(biases)


def randomise(model, seed):
    """Weights of any trained model's scale, none of them zero or one by initialisation."""
    generator = torch.Generator().manual_seed(seed)
    vocabulary = model.config.vocab_size

    def normal(tensor, mean, std):
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * std + mean)

    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if "norm" in name.lower():
                normal(tensor, 1.0 if name.endswith("weight") else 0.0, 0.25)
            elif tensor.dim() == 2 and tensor.shape[0] == vocabulary:
                normal(tensor, 0.0, 0.3)
            elif "embeddings" in name:
                normal(tensor, 0.0, 0.3)
            elif tensor.dim() == 2:
                normal(tensor, 0.0, 1.5 * tensor.shape[1] ** -0.5)
            elif tensor.shape[0] == vocabulary:
                normal(tensor, -2.5, 1.0)
            else:
                normal(tensor, 0.0, 0.2)
    return model.float().eval()


def texts_of(config, seed):
    """Token ids without padding; but one RoBERTa text spells out the token of padding in its middle."""
    generator = torch.Generator().manual_seed(seed)
    texts = [torch.randint(5, VOCABULARY, (n,), generator=generator).tolist() for n in LENGTHS]
    if "roberta" in config.model_type:
        texts[4][6] = config.pad_token_id
    return texts


def padded(texts, pad):
    length = max(map(len, texts))
    ids = torch.tensor([text + [pad] * (length - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (length - len(text)) for text in texts])
    return ids, mask


@torch.no_grad()
def logits_of(model, ids, mask):
    return model(input_ids=ids, attention_mask=mask).logits


def splade(logits, mask):
    """Weights of both poolings, `[texts, vocabulary]`."""
    weights = torch.log1p(torch.relu(logits)) * mask.unsqueeze(-1)
    return {"max": weights.amax(dim=1), "sum": weights.sum(dim=1)}


def rounded(values):
    return [float(f"{value:.7g}") for value in values]


def golden(model, texts):
    ids, mask = padded(texts, model.config.pad_token_id)
    pooled = splade(logits_of(model, ids, mask), mask)
    cases = []
    for row, text in enumerate(texts):
        terms = torch.nonzero(pooled["max"][row] > 0).flatten()
        case = {"input_ids": text, "terms": terms.tolist()}
        for pooling, weights in pooled.items():
            case[pooling] = rounded(weights[row][terms].tolist())
        cases.append(case)
    short = texts[2]
    logits = logits_of(model, *padded([short], 0))[0].flatten().tolist()
    return {"cases": cases, "logits": {"input_ids": short, "values": rounded(logits)}}


SYLLABLES = [a + b for a in "bcdfghklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er", "or")]


def wordpiece_tokenizer():
    """A WordPiece vocabulary of special tokens, letters, syllables, and words of two syllables."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    terms = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,!?'-0123456789", *letters]
    terms += ["##" + letter for letter in letters] + SYLLABLES + ["##" + one for one in SYLLABLES]
    words = [a + b for a in SYLLABLES for b in SYLLABLES]
    terms += words[:: len(words) // VOCABULARY]
    vocabulary = {term: i for i, term in enumerate(dict.fromkeys(terms))}
    vocabulary = {term: i for term, i in vocabulary.items() if i < VOCABULARY}
    assert len(vocabulary) == VOCABULARY
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        model_max_length=LENGTH,
    )


SENTENCES = [
    "",
    "Better ropes, older kites.",
    "nothing 42 said: Dinner or dancer?",
    "the potato cannot remember a banana " * 6,
]


def save(folder, model, texts, tokenizer):
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    result = {"made_by": f"transformers {transformers.__version__}, test/golden/make-families.py"}
    if tokenizer is not None:
        tokenizer.backend_tokenizer.save(os.path.join(folder, "tokenizer.json"))
        result["sentences"] = SENTENCES
        texts = texts + [tokenizer(text, truncation=True)["input_ids"] for text in SENTENCES]
    result |= golden(model, texts)
    with open(os.path.join(folder, "golden.json"), "w") as file:
        json.dump(result, file, separators=(",", ":"))
    shares = [len(case["terms"]) / VOCABULARY for case in result["cases"]]
    print(os.path.basename(folder), "terms above zero:", " ".join(f"{share:.2f}" for share in shares))
    return texts


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


class Pooled(Logits):
    def forward(self, input_ids, attention_mask):
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return torch.amax(torch.log1p(torch.relu(logits)) * attention_mask.unsqueeze(-1), dim=1)


def export(path, module, inputs, output, rank):
    """A graph whose sizes of batch and length are free, all of it in one file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    names = dict.fromkeys([*inputs, output])
    axes = {name: {0: "batch", 1: "length"} for name in names}
    if rank == 2:
        axes[output] = {0: "batch"}
    example = torch.tensor([[3, 20, 30, 40, 4], [3, 21, 4, 0, 0]])
    mask = (example > 0).long()
    arguments = (example, mask, torch.zeros_like(example))[: len(inputs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            arguments,
            path,
            input_names=inputs,
            output_names=[output],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def save_exports(model, tokenizer):
    """Beside each graph lie its tokenizer and config; its outputs are those of `bert`."""
    exports = {
        "onnx-logits/onnx/model.onnx": (Logits, ["input_ids", "attention_mask", "token_type_ids"], "logits", 3),
        "onnx-segments/model.onnx": (Logits, ["input_ids", "input_mask", "segment_ids"], "output", 3),
        "onnx-pooled/model.onnx": (Pooled, ["input_ids", "attention_mask"], "sentence_embedding", 2),
    }
    for path, (module, inputs, output, rank) in exports.items():
        folder = os.path.join(HERE, path.split("/")[0])
        shutil.rmtree(folder, ignore_errors=True)
        export(os.path.join(HERE, path), module(model).eval(), inputs, output, rank)
        if rank == 2:
            file = os.path.join(HERE, path)
            whole = onnx.load(file)
            onnx.save(whole, file, save_as_external_data=True, location="model.onnx_data", size_threshold=1024)
        model.config.save_pretrained(folder)
        tokenizer.backend_tokenizer.save(os.path.join(folder, "tokenizer.json"))


def main():
    torch.use_deterministic_algorithms(True)
    tokenizer = wordpiece_tokenizer()
    wanted = sys.argv[1:]
    for seed, (name, model) in enumerate(models(), start=1):
        if wanted and name not in wanted:
            continue
        model.config._attn_implementation = "eager"
        randomise(model, seed)
        folder = os.path.join(HERE, name)
        own = tokenizer if name in ("bert", "distilbert") else None
        texts = save(folder, model, texts_of(model.config, seed), own)
        # What was saved is what was run: read it again, and compare.
        again = type(model).from_pretrained(folder, attn_implementation="eager").eval()
        batch = padded(texts, model.config.pad_token_id)
        assert torch.equal(logits_of(model, *batch), logits_of(again, *batch)), name
        print("   ", sorted(load_file(os.path.join(folder, "model.safetensors")))[-3:])
        if name == "bert":
            save_exports(model, tokenizer)


main()
