"""Writes wordpiece-hard-cases.json: texts that are hard for a BERT tokenizer, all of our own words, with
the tokens, ids and offsets of the reference, the Rust library of the Python package `tokenizers`.
Its offsets count code points; here they are turned into UTF-16 indices. Special tokens are left out.

    pip install tokenizers && python make-wordpiece-hard-cases.py
"""

import json
from pathlib import Path

import tokenizers

here = Path(__file__).parent
tokenizer = tokenizers.Tokenizer.from_file(str(here / "../../models/splade-tiny/tokenizer.json"))
tokenizer.no_truncation()
tokenizer.no_padding()

TEXTS = [
    # nothing at all
    "", " ", "\t\n\r ", "\u00a0\u2003\u3000", "\u0000", "\u200b\ufeff", "\u0301", "\ufffd",
    # plain words, case, numbers, punctuation
    "The heron waits at the edge of the pond.",
    "UNBELIEVABLY QUICK foxes, aren't they?!",
    "It's a so-called \"well-known\" fact (see p. 12): 3.14159, 1,000,000 and 50%.",
    "a.b,c;d:e!f?g/h\\i|j-k_l+m=n*o&p^q%r$s#t@u~v`w'x\"y(z)[0]{1}<2>",
    "...---...___***", "‘quoted’ “double” — dash – en… dots", "¿Dónde está? ¡Aquí!",
    "«guillemets» ‹single› „low“ §5 ¶6 †dagger", "$5 €6 £7 ¥8 ₿9 5°C 10µm ±2 ½ x² H₂O",
    "1st 2nd 3rd 007 0x1F 1e-9 −5 ٣٤٥ ४५६ Ⅷ ①",
    "electroencephalographically antidisestablishmentarianism",
    "hello" * 19 + "x", "hello" * 20, "hello" * 20 + "x", "é" * 100 + " " + "é" * 101,
    "z" * 300, "𝔞" * 100, "𝔞" * 101 + " done",
    # addresses and code
    "https://example.org/a/b?c=d&e=%20f#top", "jane.doe+lists@example.co.uk",
    "C:\\Users\\jane\\notes.txt ~/src/main.rs", "for(let i=0;i<n;++i){sum+=a[i]??0}",
    "user_name camelCase PascalCase kebab-case SCREAMING_CASE", "ACGTACGTTAGCCGATAGGCTTAACG",
    "x<sub>i</sub> &amp; <!-- note --> {{name}}",
    # accents in one and in two code points
    "café", "cafe\u0301", "café au lait", "cafe\u0301 au lait", "naïve rôle São Paulo Łódź Ørsted",
    "nai\u0308ve ro\u0302le", "e\u0301\u0323\u0308 stacked", "\u0301leading mark", "a \u0301 b",
    "q\u0323\u0307ing", "Ångström Å\u212b A\u030a", "Việt Nam Vie\u0323\u0302t", "s\u0307\u0323",
    "crème brûlée — déjà vu", "tře\u030cba", "\u0344x", "o\u200d\u0301k", "ȧ̈b̈c̈",
    # case that changes length or depends on what follows
    "İstanbul ISTANBUL ıslak", "STRASSE Straße GROẞ", "ΟΔΟΣ ΟΔΟΣ. ὈΔΥΣΣΕΎΣ σς Σ", "ŉ ǰ ΐ",
    "Ǆ ǅ ǆ ǲ", "Kelvin \u212a Ohm \u2126", "ÀÉÎÕÜ ÇÑ", "Æther Œuvre Þorn Đorđe", "ꭰꮃ Ꮳꮃ",
    # ligatures, full width, mathematical letters
    "ﬁnd the ﬂower eﬀect oﬃce ﬆ", "ＦＵＬＬ ｗｉｄｔｈ １２３ ！？", "𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 𝟙𝟚𝟛", "ⓐⓑⓒ ㎏ ㏂ ™ ℃ №",
    # Chinese, Japanese, Korean
    "我喜欢喝茶", "東京タワー was built", "日本語のテキストです。", "カタカナ ｶﾀｶﾅ ひらがな",
    "が か\u3099 ぱ は\u309a", "漢字abc漢字", "丽 \uf900豈 \U0002f800丽", "𠀀𠮷野家 𪜀 𫝀 𫠠",
    "한국어 문장입니다", "한글a한", "\u1112\u1161\u11ab \u1112\u1161", "각\u0323x", "各\u0323x", "〇々〆ヶ",
    # other scripts
    "שלום עולם", "שָׁלוֹם", "\ufb1d\ufb2a", "مرحبا بالعالم", "مَرْحَبًا", "می\u200cخواهم", "اردو میں",
    "สวัสดีชาวโลก", "ที่นี่มีน้ำ", "नमस्ते दुनिया", "क्षत्रिय", "বাংলা ভাষা", "தமிழ் மொழி", "မြန်မာ", "ខ្មែរ",
    "Привет, мир! ёлка й Й", "Україна ї ґ", "ελληνικά ᾳ ᾠδή", "հայերեն", "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "አማርኛ",
    "བོད་ཡིག", "ᠮᠣᠩᠭᠣᠯ", "𐌰𐌱𐌲 𐤀𐤁 𓀀𓀁",
    # emoji
    "good 👍 job", "👍🏽ok", "👩\u200d🔬 works", "👨\u200d👩\u200d👧\u200d👦family", "🇫🇷🇯🇵 flags", "❤\ufe0f x", "❤ x",
    "❤\ufe0f\u200d🔥burning", "1\ufe0f\u20e3 #\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",
    "☕︎tea☕", "😀😀 🤣🥲🫠", "→⇒ ✓✗ ★☆ ♥ ♪",
    # characters that the clean-up removes or turns into blanks
    "soft\u00adhyphen hy\u00ad phen", "zero\u200bwidth\u200bspace", "join\u2060er", "\ufeffmark first",
    "nul\u0000in\u0000side", "bell\u0007 esc\u001b[0m", "line\u2028sep\u2029para", "tab\tnew\nline\r\nend",
    "ver\u000btical form\u000cfeed nel\u0085x", "no\u00a0break thin\u2009space", "right\u200fto\u202eleft\u202c",
    "private\ue000use \U000f0000", "bad\ufffdbytes", "\u180emongol\u180e", "unassigned\u0378\U0001fbff x",
    # marks and signs that are younger than the reference's tables
    "a\u1df6b c\u1ac1", "x\u2e52y\u2e5dz", "\u09fe\u0c04", "a\u08d3", "\U00011d31\U0001e2ec", "\u2e42\u2e43",
    # the special tokens as text
    "[MASK]", "The [MASK] sat on the mat.", "x[MASK]y[SEP]z", "[CLS] [SEP] [PAD] [UNK]", "[mask] [Mask] [ MASK ]",
    "[[MASK]]", "[MASK][MASK]", "[MAS[MASK]K]", "[unused1] ##ing ## #hash", "[MASK\u0000] [MA\u00adSK]", "[MASK]\u0301",
]


def case_of(text):
    encoding = tokenizer.encode(text, add_special_tokens=False)
    utf16 = [0]  # utf16[i]: UTF-16 units before code point i
    for character in text:
        utf16.append(utf16[-1] + (2 if ord(character) > 0xFFFF else 1))
    offsets = [[utf16[start], utf16[end]] for start, end in encoding.offsets]
    return {"text": text, "tokens": encoding.tokens, "ids": encoding.ids, "offsets": offsets}


assert len(set(TEXTS)) == len(TEXTS)
lines = ",\n  ".join(json.dumps(case_of(text)) for text in TEXTS)
(here / "wordpiece-hard-cases.json").write_text(
    f'{{"reference": "tokenizers {tokenizers.__version__} (Rust), bert-base-uncased",\n'
    f' "cases": [\n  {lines}\n ]}}\n',
    encoding="ascii",
)
print(len(TEXTS), "cases")
