"""Makes test/golden/rerank/: tiny random rerankers and what sentence-transformers makes of them.

Run with Python 3, torch, transformers (5.23), sentence-transformers (6.2), safetensors and onnx installed;
nothing is fetched:

    python test/golden/make-rerank.py

- `cross-*`: checkpoints of `...ForSequenceClassification`, as `save_pretrained` of transformers or of
  sentence-transformers' `CrossEncoder` writes them; `golden.json` has the token ids and types of pairs and
  the scores of `CrossEncoder.predict`, `cross-onnx` an export of `cross-bert`.
- `pairs.json`: token ids and types of pairs by the library `tokenizers`, cut by `longest_first`.
- `colbert-stanford`: BERT with `linear.weight`, as ColBERT's own code lays it out. Its golden vectors are
  computed here from the paper and the code of the repository stanford-futuredata/ColBERT
  (`colbert/modeling/tokenization`, `colbert/modeling/colbert.py`): the marker stands behind [CLS], queries
  are filled up with [MASK] that the others do not attend to, documents lose their punctuation, vectors are
  brought to length 1. sentence-transformers' `MultiVectorEncoder` must say the same, or the script stops.
- `colbert-native`, `colbert-pylate`: the same weights as `MultiVectorEncoder` saves them, and in PyLate's
  layout; their vectors are those of `colbert-stanford`.
"""

import json
import os
import shutil
import string
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder, MultiVectorEncoder
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

transformers.logging.set_verbosity_error()
warnings.filterwarnings("ignore")

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rerank")
VOCABULARY = 400
LENGTH = 32
"""Tokens of the longest pair."""
SHAPE = dict(vocab_size=VOCABULARY, hidden_size=32, num_attention_heads=4, intermediate_size=40)
BERT_LIKE = dict(**SHAPE, num_hidden_layers=2, max_position_embeddings=LENGTH)
ROBERTA_LIKE = dict(
    **SHAPE, num_hidden_layers=2, max_position_embeddings=LENGTH + 2, pad_token_id=1, bos_token_id=0, eos_token_id=2
)
MODERN = dict(
    **SHAPE,
    num_hidden_layers=3,
    max_position_embeddings=LENGTH,
    local_attention=9,
    pad_token_id=0,
    bos_token_id=3,
    eos_token_id=4,
    cls_token_id=3,
    sep_token_id=4,
)
SYLLABLES = [a + b for a in "bcdfghklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er", "or")]

PAIRS = [
    ("bat", "a cat"),
    ("where is the lake", "The lake lies north of the mountain, behind a small town."),
    ("", "no query at all"),
    ("no document", ""),
    ("sun and moon", "sun moon sun moon sun moon sun moon sun moon sun moon sun moon sun moon sun moon sun moon"),
    ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen", "ban"),
    ("bara bera bira bora bura", "Bara, bera! Bira? (bora) bura-bura."),
    (
        "lo la le li lu lo la le li lu lo la le li lu lo la le li lu",
        "ma me mi mo mu ma me mi mo mu ma me mi mo mu ma me mi mo mu ma",
    ),
    ("Größe und Maß", "naïve café, 北京 12.5"),
]
QUERIES = ["bat", "where is the lake", "", "lo la le li lu lo la le li lu lo la le li lu", "a [MASK] in the text"]
DOCUMENTS = [
    "a cat.",
    "The lake lies north of the mountain, behind a small town!",
    "",
    "ma me mi mo mu ma me mi mo mu ma me mi mo mu ma me mi mo mu ma me mi mo mu",
    "Bara, bera! Bira? (bora) bura-bura.",
]
QUERY_LENGTH = 12
DOCUMENT_LENGTH = 20
DIMENSIONS = 8


def terms_of(special):
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    terms = [*special, *"!()*,-.?", *string.digits, *letters]
    terms += ["##" + letter for letter in letters] + SYLLABLES + ["##" + one for one in SYLLABLES]
    terms = list(dict.fromkeys(terms))[:VOCABULARY]
    return {term: i for i, term in enumerate(terms + [f"[unused{i + 2}]" for i in range(VOCABULARY - len(terms))])}


def wordpiece(special, single, pair, names, **settings):
    """A WordPiece tokenizer with the template of a family."""
    ids = terms_of(special)
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=names["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokens = [(names["cls_token"], ids[names["cls_token"]]), (names["sep_token"], ids[names["sep_token"]])]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=tokens)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LENGTH, **names, **settings)


def bert_tokenizer(**settings):
    names = dict(
        unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]"
    )
    special = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]"]
    return wordpiece(special, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", names, **settings)


def roberta_tokenizer():
    """RoBERTa's special tokens around WordPiece: the models do not know the difference."""
    names = dict(unk_token="<unk>", sep_token="</s>", pad_token="<pad>", cls_token="<s>", mask_token="<mask>")
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    return wordpiece(special, "<s> $A </s>", "<s> $A </s> </s> $B </s>", names)


def randomise(model, seed):
    """Weights of any trained model's scale, none of them zero or one by initialisation."""
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor, mean, std):
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * std + mean)

    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if "norm" in name.lower():
                normal(tensor, 1.0 if name.endswith("weight") else 0.0, 0.25)
            elif "embeddings" in name:
                normal(tensor, 0.0, 0.3)
            elif tensor.dim() == 2:
                normal(tensor, 0.0, 1.5 * tensor.shape[1] ** -0.5)
            else:
                normal(tensor, 0.0, 0.2)
    return model.float().eval()


def rounded(values):
    return [float(f"{value:.7g}") for value in values]


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.write("\n")


def fresh(name):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def tidy(folder):
    path = os.path.join(folder, "README.md")
    if os.path.exists(path):
        os.remove(path)


def cross_golden(folder):
    encoder = CrossEncoder(folder)
    batch = encoder.tokenizer(*map(list, zip(*PAIRS)), truncation="longest_first", max_length=LENGTH)
    scores = encoder.predict(PAIRS, convert_to_numpy=True)
    return {
        "pairs": PAIRS,
        "input_ids": batch["input_ids"],
        "types": batch.get("token_type_ids", [[0] * len(one) for one in batch["input_ids"]]),
        "scores": [rounded(row.flatten().tolist()) for row in scores],
    }


def cross_encoders():
    one = dict(num_labels=1)
    names = ["input_ids", "attention_mask"]
    typed = dict(model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    bert = BertForSequenceClassification(BertConfig(**BERT_LIKE, **one))
    yield "cross-bert", bert, bert_tokenizer(**typed), None
    # As sentence-transformers saves it, with another activation than the default.
    saved = BertForSequenceClassification(BertConfig(**BERT_LIKE, **one, hidden_act="relu"))
    yield "cross-saved", saved, bert_tokenizer(**typed), torch.nn.Identity()
    # A tokenizer of no family's class, which gives the model no types.
    labels = BertForSequenceClassification(BertConfig(**BERT_LIKE, num_labels=3))
    yield "cross-labels", labels, bert_tokenizer(), None
    distilbert = DistilBertConfig(
        vocab_size=VOCABULARY, dim=32, n_heads=4, n_layers=2, hidden_dim=40, max_position_embeddings=LENGTH, **one
    )
    yield (
        "cross-distilbert",
        DistilBertForSequenceClassification(distilbert),
        bert_tokenizer(model_input_names=names),
        None,
    )
    roberta = RobertaConfig(**ROBERTA_LIKE, **one, type_vocab_size=1, layer_norm_eps=1e-5)
    yield "cross-roberta", RobertaForSequenceClassification(roberta), roberta_tokenizer(), None
    xlm = XLMRobertaConfig(**ROBERTA_LIKE, **one, type_vocab_size=1, layer_norm_eps=1e-5)
    yield "cross-xlm-roberta", XLMRobertaForSequenceClassification(xlm), roberta_tokenizer(), None
    modern = ModernBertConfig(**MODERN, **one, classifier_pooling="cls")
    yield (
        "cross-modernbert",
        ModernBertForSequenceClassification(modern),
        bert_tokenizer(model_input_names=names),
        None,
    )
    mean = ModernBertConfig(**MODERN, **one, classifier_pooling="mean", classifier_bias=True)
    yield (
        "cross-modernbert-mean",
        ModernBertForSequenceClassification(mean),
        bert_tokenizer(model_input_names=names),
        None,
    )


def make_cross_encoders():
    for seed, (name, model, tokenizer, activation) in enumerate(cross_encoders()):
        folder = fresh(name)
        randomise(model, seed).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        if activation is not None:
            CrossEncoder(folder, activation_fn=activation).save_pretrained(folder)
        tidy(folder)
        write_json(os.path.join(folder, "golden.json"), cross_golden(folder))


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def make_onnx():
    source, folder = os.path.join(HERE, "cross-bert"), fresh("cross-onnx")
    model = BertForSequenceClassification.from_pretrained(source).eval()

    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 5, dtype=torch.long) for _ in names)
    torch.onnx.export(
        Logits(model).eval(),
        example,
        os.path.join(folder, "model.onnx"),
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in names} | {"logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "golden.json"):
        shutil.copy(os.path.join(source, file), folder)


@torch.no_grad()
def colbert_vectors(model, projection, tokenizer, text, is_query):
    """The vectors of a text, from the paper and its repository."""
    ids_of = tokenizer.convert_tokens_to_ids
    limit = QUERY_LENGTH if is_query else DOCUMENT_LENGTH
    own = tokenizer(text, add_special_tokens=False)["input_ids"][: limit - 3]
    marker = ids_of("[unused0]" if is_query else "[unused1]")
    ids = [ids_of("[CLS]"), marker, *own, ids_of("[SEP]")]
    seen = [1] * len(ids)
    if is_query:
        fill = limit - len(ids)
        ids, seen = ids + [ids_of("[MASK]")] * fill, seen + [0] * fill
    states = model(input_ids=torch.tensor([ids]), attention_mask=torch.tensor([seen])).last_hidden_state[0]
    vectors = torch.nn.functional.normalize(states @ projection.T, p=2, dim=1)
    skipped = set() if is_query else {ids_of(one) for one in string.punctuation if one in tokenizer.get_vocab()}
    keep = [i for i, one in enumerate(ids) if one not in skipped]
    return [ids[i] for i in keep], vectors[keep]


def colbert_golden(model, projection, tokenizer):
    def texts_of(texts, is_query):
        found = [colbert_vectors(model, projection, tokenizer, text, is_query) for text in texts]
        return [{"text": t, "input_ids": i, "vectors": rounded(v.flatten().tolist())} for t, (i, v) in zip(texts, found)], [
            v for _, v in found
        ]

    queries, q = texts_of(QUERIES, True)
    documents, d = texts_of(DOCUMENTS, False)
    scores = [[float((a @ b.T).amax(dim=1).sum()) for b in d] for a in q]
    return {"queries": queries, "documents": documents, "scores": [rounded(row) for row in scores]}, q, d


def make_colberts():
    folder = fresh("colbert-stanford")
    model = randomise(BertModel(BertConfig(**BERT_LIKE), add_pooling_layer=False), 20)
    projection = torch.randn(DIMENSIONS, 32, generator=torch.Generator().manual_seed(21)) * 0.3
    tokenizer = bert_tokenizer()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = json.load(open(os.path.join(folder, "config.json")))
    write_json(os.path.join(folder, "config.json"), config | {"architectures": ["HF_ColBERT"]})
    tensors = {"bert." + name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors | {"linear.weight": projection}, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    metadata = dict(
        query_token_id="[unused0]",
        doc_token_id="[unused1]",
        query_maxlen=QUERY_LENGTH,
        doc_maxlen=DOCUMENT_LENGTH,
        dim=DIMENSIONS,
        mask_punctuation=True,
        attend_to_mask_tokens=False,
        similarity="cosine",
    )
    write_json(os.path.join(folder, "artifact.metadata"), metadata)
    golden, q, d = colbert_golden(model, projection, tokenizer)
    write_json(os.path.join(folder, "golden.json"), golden)

    peer = MultiVectorEncoder(folder)
    for own, other in zip(q + d, peer.encode_query(QUERIES) + peer.encode_document(DOCUMENTS)):
        assert own.shape == other.shape and torch.allclose(own, other.cpu(), atol=1e-5), (own.shape, other.shape)

    native = fresh("colbert-native")
    peer.save_pretrained(native)
    tidy(native)

    pylate = fresh("colbert-pylate")
    shutil.copytree(os.path.join(native, "1_Dense"), os.path.join(pylate, "1_Dense"))
    for file in ("config.json", "model.safetensors"):
        shutil.copy(os.path.join(native, file), pylate)
    tokenizer.save_pretrained(pylate)
    write_json(os.path.join(pylate, "sentence_bert_config.json"), {"max_seq_length": LENGTH - 1, "do_lower_case": False})
    types = {"": "sentence_transformers.models.Transformer", "1_Dense": "pylate.models.Dense.Dense"}
    modules = [{"idx": i, "name": str(i), "path": path, "type": type} for i, (path, type) in enumerate(types.items())]
    write_json(os.path.join(pylate, "modules.json"), modules)
    dense = {"in_features": 32, "out_features": DIMENSIONS, "bias": False}
    dense["activation_function"] = "torch.nn.modules.linear.Identity"
    write_json(os.path.join(pylate, "1_Dense", "config.json"), dense)
    settings = dict(
        model_type="ColBERT",
        prompts={"query": "", "document": ""},
        default_prompt_name=None,
        similarity_fn_name="MaxSim",
        query_prefix="[unused0]",
        document_prefix="[unused1]",
        query_length=QUERY_LENGTH,
        document_length=DOCUMENT_LENGTH,
        attend_to_expansion_tokens=False,
        do_query_expansion=True,
        skiplist_words=list(string.punctuation),
    )
    write_json(os.path.join(pylate, "config_sentence_transformers.json"), settings)
    peer = MultiVectorEncoder(pylate)
    for own, other in zip(d, peer.encode_document(DOCUMENTS)):
        assert own.shape == other.shape and torch.allclose(own, other.cpu(), atol=1e-5), "pylate"


def make_pairs():
    """What the library `tokenizers` makes of pairs, for the tokenizers of `make-tokenizers.py`."""
    texts = [("bad cab", "a café, the bed"), ("", "abc"), ("one two three four five six", "ab")]
    cases, rooms = [], []
    for family in ["distilbert", "modernbert", "roberta", "xlm-roberta"]:
        tokenizer = Tokenizer.from_file(os.path.join(HERE, "..", "tokenizers", family, "tokenizer.json"))
        tokenizer.no_padding()
        for first, second in texts:
            for length in [12, 1000]:
                tokenizer.enable_truncation(length, strategy="longest_first")
                one = tokenizer.encode(first, second)
                case = dict(family=family, texts=[first, second], max_tokens=length, ids=one.ids, types=one.type_ids)
                cases.append(case)
    # How many tokens are kept of each of two texts: [first, second, room, kept of the first, of the second].
    tokenizer = bert_tokenizer().backend_tokenizer
    for first in range(8):
        for second in range(8):
            for room in range(1, 14):
                tokenizer.enable_truncation(room + 3, strategy="longest_first")
                types = tokenizer.encode(" ".join("a" * first), " ".join("b" * second)).type_ids
                rooms.append([first, second, room, types.count(0) - 2, types.count(1) - 1])
    write_json(os.path.join(HERE, "pairs.json"), {"cases": cases, "rooms": rooms})


if __name__ == "__main__":
    make_pairs()
    make_cross_encoders()
    make_onnx()
    make_colberts()
