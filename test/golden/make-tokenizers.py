"""Tiny tokenizers of each family that is read, and what the reference makes of hard texts with them.

    python make-tokenizers.py            trains the tokenizers and writes the cases
    python make-tokenizers.py --cases    writes the cases anew for the tokenizers that are there
    python make-tokenizers.py --characters   prints the table of src/text/letters-and-numbers.ts

needs `tokenizers`, `transformers`, `sentencepiece` and `protobuf`, and no network. The tokenizers are
trained on this project's own documentation and the texts below; each folder in test/golden/tokenizers
is that of a family, with tokenizer.json, tokenizer_config.json and cases.json. A case has the ids
without the special tokens around them, and the offsets of the reference in UTF-16 units; `variants`
are other settings of the same vocabulary, with the parts of tokenizer.json that they replace.
"""

import base64
import gzip
import json
import os
import sys
import tempfile
import unicodedata
import zlib
from pathlib import Path
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "1"
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

here = Path(__file__).parent
root = here.parent.parent
out = here / "tokenizers"

TEXTS = [
    # nothing, or next to it
    "", " ", "  ", "\n", "\t\n\r ", "\u00a0\u2003\u3000", "\u0000", "\u200b\ufeff", "\u0301", "\ufffd", ".",
    # plain words, blanks, numbers, signs
    "The heron waits at the edge of the pond.", " one blank before", "one blank after ", "   three before, two after  ",
    "two  blanks,   three,    four", "It's we've I'm they'll he'd can't IT'S don''t 'sup 'lll", "tab\tnew\nline\r\nend\n\n\ndone",
    "a.b,c;d:e!f?g/h\\i|j-k_l+m=n*o&p^q%r$s#t@u~v`w'x\"y(z)[0]{1}<2>", "3.14159, 1,000,000 and 50% of 007",
    "electroencephalographically antidisestablishmentarianism", "z" * 300, "ab" * 200 + " end", "-" * 70,
    "https://example.org/a/b?c=d&e=%20f#top jane.doe+lists@example.co.uk", "for (let i = 0; i < n; ++i) {\n    sum += a[i] ?? 0\n}",
    # accents in one and in two code points, stacked and out of order
    "café cafe\u0301 déjà vu nai\u0308ve", "e\u0301\u0323\u0308 e\u0323\u0301 q\u0323\u0307", "Å \u212b A\u030a \u2126 \u212a", "\u0301leading a \u0301 b",
    "Việt Nam Vie\u0323\u0302t", "\u0344x \u0958 \u0f73", "İstanbul ISTANBUL ıslak ΟΔΟΣ STRASSE ß ẞ", "o\u200d\u0301k \u034f",
    # what NFKC changes
    "ﬁnd the ﬂower eﬀect oﬃce ﬆ", "ＦＵＬＬ ｗｉｄｔｈ １２３ ！？ ｅ\u0301 ～", "𝐁𝐨𝐥𝐝 𝟙𝟚𝟛 ⓐⓑⓒ ㎏ ™ ℃ № ½ x² H₂O Ⅷ ①", "… ¨ ´ ‥ ㍿ ﷺ",
    "ｶﾀｶﾅ ﾊﾟ ｶﾞ が か\u3099 ぱ は\u309a",
    # Chinese, Japanese, Korean
    "我喜欢喝茶。", "東京タワー was built", "日本語の テキストです。", "漢字abc漢字 丽 \uf900豈 \U0002f800丽 𠀀𠮷野家",
    "한국어 문장입니다", "\u1112\u1161\u11ab \u1112\u1161 가\u11a8 각\u0323x", "ﾡￂ ㄱㅏ",
    # other scripts, from right to left too
    "שלום עולם שָׁלוֹם \ufb1d\ufb2a", "مرحبا بالعالم مَرْحَبًا می\u200cخواهم \u06001", "สวัสดีชาวโลก ที่นี่มีน้ำ", "नमस्ते दुनिया क्षत्रिय ক\u09be",
    "Привет, мир! ёлка й Й", "ελληνικά ᾳ ᾠδή", "አማርኛ ქართული བོད་ཡིག", "𐌰𐌱𐌲 𓀀𓀁 ᲥᲐᲠ",
    # emoji
    "good 👍 job 👍🏽ok a🏽", "👩\u200d🔬👨\u200d👩\u200d👧\u200d👦family", "🇫🇷🇯🇵 flags ❤\ufe0f x ❤\ufe0e", "1\ufe0f\u20e3 #\ufe0f\u20e3 x\U000e0100",
    # controls, odd blanks, private and unassigned characters
    "nul\u0000in\u0001side bell\u0007 esc\u001b[0m", "soft\u00adhyphen zero\u200bwidth join\u2060er \ufeffmark", "line\u2028sep\u2029para nel\u0085x",
    "ver\u000btical form\u000cfeed", "no\u00a0break thin\u2009space ideographic\u3000blank", "right\u200fto\u202eleft\u202c",
    "private\ue000use \U000f0000 \u0378\U0001fbff \uffff", "\u088f\ua7ce\U00010940 \U00011de0 younger than Unicode 16",
    # special and added tokens, and SentencePiece's own blank
    "<mask>", "The <mask> sat  <mask>  on the mat.", "x<mask>y</s>z <s> <pad> <unk>", "<MASK> < mask> <<mask>>", "<mask><mask> \n <mask>\n",
    "[MASK]", "The [MASK] sat  [MASK]  on the mat.", "x[MASK]y[SEP]z [CLS] [PAD] [UNK]", "mail |||EMAIL_ADDRESS||| or\n\n        indented by\n    blanks",
    "e\u0301tude étude l'étude", "▁lower▁block ▁ ▁▁x", "##ing #hash Ġthe Ċ",
    # lone surrogates
    "bro\ud83dken \udc00 end\ud83d",
]

SPECIAL = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}


def well_formed(text):
    """A lone surrogate is U+FFFD, as TextEncoder has it; the reference takes well-formed text only."""
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def documents():
    paths = [root / "README.md", root / "ARCHITECTURE.md", root / "CONTRIBUTING.md", root / "CHANGELOG.md"]
    lines = [line for path in paths for line in path.read_text("utf8").splitlines() if line.strip()]
    return lines + [well_formed(text).replace("\0", "") for text in TEXTS] * 2


def train_roberta():
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", **{**SPECIAL, "lstrip": True})]
    train_bpe(tokenizer, special, 1000)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    config = {"tokenizer_class": "RobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>",
              "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "model_max_length": 512}
    return json.loads(tokenizer.to_str()), config


def train_modernbert():
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", **{**SPECIAL, "lstrip": True})]
    train_bpe(tokenizer, special, 980)
    # As in the real one: runs of blanks and placeholders, found in the normalised text.
    added = [" " * n for n in (8, 4, 3, 2)] + ["|||EMAIL_ADDRESS|||", "e\u0301tude"]
    tokenizer.add_tokens([AddedToken(content, normalized=True, special=False) for content in added])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))])
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
              "unk_token": "[UNK]", "mask_token": "[MASK]", "model_max_length": 512}
    return json.loads(tokenizer.to_str()), config


def train_bpe(tokenizer, special, size):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(documents(), trainer)


def train_distilbert():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=1000, show_progress=False, limit_alphabet=300,
                                        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.train_from_iterator(documents(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    config = {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": True, "cls_token": "[CLS]", "sep_token": "[SEP]",
              "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "model_max_length": 512}
    return json.loads(tokenizer.to_str()), config


def charsmap_rules():
    """Rules as nmt_nfkc has them, for the characters of TEXTS and a few blocks: the whole is 300 kB."""
    wanted = {c for text in TEXTS for c in well_formed(text)}
    for first, last in ((0x00, 0x17F), (0x2000, 0x206F), (0x2100, 0x212F), (0x2460, 0x2473), (0xFB00, 0xFB06), (0xFF00, 0xFFEF)):
        wanted.update(map(chr, range(first, last + 1)))
    rules = {}
    for c in sorted(wanted):
        code = ord(c)
        if code == 0:
            continue
        target = unicodedata.normalize("NFKC", c)
        if code in range(0x01, 0x09) or code in (0x0B, 0x7F, 0x8F, 0x9F) or code in range(0x0E, 0x20):
            target = ""
        elif code in (0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD):
            target = " "
        if c == "\uff5e":
            target = c
        if target != c:
            rules[c] = target
        parts = unicodedata.normalize("NFD", c)
        composed = unicodedata.normalize("NFKC", parts)
        if 1 < len(parts) and composed != parts:
            rules[parts] = composed
    rules["e\u0323\u0301"] = "\u1eb9\u0301"
    return rules


def train_sentencepiece(folder, charsmap):
    import sentencepiece

    corpus = Path(folder) / "corpus.txt"
    corpus.write_text("\n".join(line.replace("\n", " ") for line in documents()), "utf8")
    options = {"normalization_rule_name": "nmt_nfkc"}
    if charsmap != "nmt_nfkc":
        rules = Path(folder) / "rules.tsv"
        hexadecimal = lambda text: " ".join(f"{ord(c):X}" for c in text)
        rules.write_text("".join(f"{hexadecimal(a)}\t{hexadecimal(b)}\n" for a, b in charsmap_rules().items()))
        options = {"normalization_rule_tsv": str(rules)}
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(Path(folder) / "spm"), vocab_size=1000, model_type="unigram",
        character_coverage=0.995, num_threads=1, minloglevel=2, hard_vocab_limit=False, **options)
    return str(Path(folder) / "spm.model")


def train_xlm_roberta(charsmap):
    from transformers.convert_slow_tokenizer import XLMRobertaConverter

    ids = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    with tempfile.TemporaryDirectory() as folder:
        slow = SimpleNamespace(vocab_file=train_sentencepiece(folder, charsmap), convert_tokens_to_ids=ids.get)
        tokenizer = XLMRobertaConverter(slow).converted()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", **{**SPECIAL, "lstrip": True})])
    config = {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>",
              "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "model_max_length": 512}
    return json.loads(tokenizer.to_str()), config


def variants(family, file):
    """Other settings that are met with the family, as the parts of tokenizer.json that they replace."""
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if family == "roberta":
        return {"a blank before": {"pre_tokenizer": byte_level, "post_processor": {**file["post_processor"], "add_prefix_space": True}},
                "NFKC and lower case": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}},
                "NFD": {"normalizer": {"type": "NFD"}}}
    if family.startswith("xlm-roberta"):
        precompiled = next(n for n in file["normalizer"]["normalizers"] if n["type"] == "Precompiled")
        # The table of characters is long: the test puts it in for "Precompiled".
        sequence = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
        blanks = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
        return {"white space first": {"normalizer": precompiled, "pre_tokenizer": sequence},
                "blanks become one": {"normalizer": {"type": "Sequence", "normalizers": [precompiled, blanks]}, "pre_tokenizer": metaspace},
                "first only": {"normalizer": None, "pre_tokenizer": {**metaspace, "prepend_scheme": "first"}},
                "never, unsplit": {"normalizer": {"type": "NFKC"}, "pre_tokenizer": {**metaspace, "prepend_scheme": "never", "split": False}}}
    return {}


def cases(file):
    tokenizer = Tokenizer.from_str(json.dumps(file))
    if (file["post_processor"] or {}).get("type") == "TemplateProcessing" and file["pre_tokenizer"]["type"] == "ByteLevel":
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)  # as RoBERTa has them
    return [case_of(tokenizer, text) for text in TEXTS]


def case_of(tokenizer, text):
    given = well_formed(text)
    encoding = tokenizer.encode(given, add_special_tokens=False)
    utf16 = [0]  # utf16[i]: UTF-16 units before code point i
    for character in given:
        utf16.append(utf16[-1] + (2 if ord(character) > 0xFFFF else 1))
    offsets = [utf16[place] for pair in encoding.offsets for place in pair]
    return {"text": text, "ids": encoding.ids, "offsets": offsets}


def compact(value):
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def lines(items):
    return "[\n" + ",\n".join(compact(item) for item in items) + "\n]"


def hide(part):
    """The long table of a charsmap is left out where it is that of tokenizer.json."""
    if isinstance(part, dict):
        return {key: "as above" if key == "precompiled_charsmap" else hide(value) for key, value in part.items()}
    return [hide(value) for value in part] if isinstance(part, list) else part


def write(family, file, config):
    folder = out / family
    folder.mkdir(parents=True, exist_ok=True)
    if file is not None:
        for setting in ("truncation", "padding"):
            file[setting] = None
        (folder / "tokenizer.json").write_text(compact(file) + "\n", "ascii")
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    file = json.loads((folder / "tokenizer.json").read_text())
    parts = [f'"reference":"tokenizers {tokenizers.__version__} (Rust)"', f'"cases":{lines(cases(file))}']
    others = [f'{{"name":{compact(name)},"changes":{compact(hide(changes))},"cases":{lines(cases({**file, **changes}))}}}'
              for name, changes in variants(family, file).items()]
    parts.append('"variants":[' + ",\n".join(others) + "]")
    (folder / "cases.json").write_text("{" + ",\n".join(parts) + "}\n", "ascii")
    print(family, {path.name: path.stat().st_size for path in sorted(folder.iterdir())})


def write_whole_charsmap():
    """The whole table of nmt_nfkc, compressed, and a checksum of what it makes of every character."""
    file, _ = train_xlm_roberta("nmt_nfkc")
    steps = file["normalizer"]["normalizers"]
    charsmap = base64.b64decode(next(n for n in steps if n["type"] == "Precompiled")["precompiled_charsmap"])
    normalizer = normalizers.Precompiled(charsmap)
    characters = (chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF)
    changed = [(c, normalizer.normalize_str(c)) for c in characters]
    changed = [f"{c} {normalized}\n" for c, normalized in changed if normalized != c]
    (out / "nmt-nfkc.bin.gz").write_bytes(gzip.compress(charsmap, 9, mtime=0))
    print("nmt-nfkc.bin.gz", len(changed), "characters, CRC-32", zlib.crc32("".join(changed).encode()),
          (out / "nmt-nfkc.bin.gz").stat().st_size)


def print_characters():
    def members(pattern):
        splitter = pre_tokenizers.Split(Regex(pattern), "removed")
        codes = (c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)
        return {c for c in codes if not splitter.pre_tokenize_str(chr(c))}

    letters, numbers = members(r"\p{L}"), members(r"\p{N}")
    sign = lambda c: "l" if c in letters else "n" if c in numbers else "o"
    table, start = "", 0
    for c in range(1, 0x110001):
        if c == 0x110000 or sign(c) != sign(start):
            table += f"{c - start}{sign(start)}"
            start = c
    print(table)


TRAIN = {"roberta": train_roberta, "modernbert": train_modernbert, "distilbert": train_distilbert,
         "xlm-roberta": lambda: train_xlm_roberta("small")}

if __name__ == "__main__":
    assert len(set(TEXTS)) == len(TEXTS)
    if "--characters" in sys.argv:
        print_characters()
    else:
        for name, train in TRAIN.items():
            write(name, *((None, None) if "--cases" in sys.argv else train()))
        if "--cases" not in sys.argv:
            write_whole_charsmap()
        print(len(TEXTS), "texts")
