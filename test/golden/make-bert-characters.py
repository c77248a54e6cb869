"""Prints the table of src/text/bert-characters.ts: how the reference tokenizer classes every code point.

The reference is the Rust library of the Python package `tokenizers`; its Unicode tables are older
than those of a JavaScript engine, and this is how to get its answers in every engine.

    pip install tokenizers && python make-bert-characters.py
"""

from itertools import groupby
from zlib import crc32

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = BertNormalizer(**{**OFF, "clean_text": True})
chinese = BertNormalizer(**{**OFF, "handle_chinese_chars": True})
strip = BertNormalizer(**{**OFF, "strip_accents": True})
split = BertPreTokenizer()


def class_of(code_point):
    if 0xD800 <= code_point < 0xE000:
        return "c"  # a lone surrogate is read as U+FFFD, which the clean-up removes
    around = "a" + chr(code_point) + "b"
    if strip.normalize_str(around) == "ab":
        return "m"  # nonspacing mark, removed with the accents
    if clean.normalize_str(around) == "ab":
        return "c"  # control, format or private use, removed by the clean-up
    if len(split.pre_tokenize_str(around)) == 3:
        return "p"  # punctuation, a word of its own
    if " " in chinese.normalize_str(around) and code_point != 0x20:
        return "i"  # ideograph, a word of its own
    return "o"  # any other


letters = "".join(map(class_of, range(0x110000)))
print("CRC-32 of the letters:", format(crc32(letters.encode()), "08x"))
runs = [f"{sum(1 for _ in run)}{name}" for name, run in groupby(letters)]
line = ""
for run in runs:
    if len(line) + len(run) > 92:
        print(f"  '{line}' +")
        line = ""
    line += run
print(f"  '{line}'")
