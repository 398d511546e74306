"""Hostile texts get the same answer from the file as from PyTorch, and one line each from the command line."""

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from s2s_core import DataError
from s2s_core.decoding.translate import Translator
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.runtime.file import load

BLNS = Path(__file__).parents[2].parent / "shared" / "data" / "naughty_strings" / "blns.json"

HOSTILE = {
    "empty": "",
    "space": " ",
    "spaces": "   abc   ",
    "tab": "a\tb",
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "both": "a\r\nb",
    "only line feeds": "\n\n\n",
    "NUL": "\x00",
    "NUL within": "a\x00b",
    "NUL last": "ab\x00",
    "bell": "\a",
    "backspace": "abc\b\b",
    "escape sequence": "\x1b[31mred\x1b[0m",
    "all control characters": "".join(map(chr, range(32))),
    "delete": "\x7f",
    "C1 controls": "".join(map(chr, range(0x80, 0xA0))),
    "next line": "a\u0085b",
    "vertical tab and form feed": "a\v\fb",
    "file separators": "a\x1c\x1d\x1e\x1fb",
    "line and paragraph separator": "a\u2028b\u2029",
    "no-break space": "a\u00a0b",
    "wide spaces": "\u2000\u2003\u200a\u202f\u205f\u3000",
    "zero width": "a\u200b\u200c\u200d\u2060b",
    "soft hyphen": "a\u00adb",
    "byte order mark": "\ufeffabc",
    "byte order mark within": "abc\ufeffabc",
    "reversed byte order mark": "\ufffe",
    "last of the plane": "\uffff",
    "noncharacters": "\ufdd0\ufdef",
    "replacement": "\ufffd",
    "before the surrogates": "\ud7ff",
    "after the surrogates": "\ue000",
    "last code point": "\U0010ffff",
    "first beyond the plane": "\U00010000",
    "private use": "\uf8ff\U000f0000",
    "right to left": "שלום עולם",
    "right-to-left override": "a\u202egpj.exe\u202c",
    "isolates": "\u2066abc\u2069\u2067abc",
    "Arabic with marks": "بِسْمِ اللَّهِ",
    "Arabic ligature": "\ufdfd",
    "combining": "e\u0301a\u0308",
    "composed": "\u00e9\u00e4",
    "combining first": "\u0301abc",
    "zalgo": "a" + "".join(map(chr, range(0x300, 0x370))) + "b",
    "Hangul letters": "\u1112\u1161\u11ab한",
    "Devanagari": "क्षत्रिय",
    "Thai": "กำแพง",
    "Japanese half and full width": "ｱｲｳアイウＡＢＣ",
    "emoji": "🙂",
    "emoji family": "👩‍👩‍👧‍👦",
    "emoji with skin": "👋🏽",
    "flag": "🇪🇺🇺",
    "keycap": "1️⃣",
    "tag flag": "🏴\U000e0067\U000e0062\U000e007f",
    "variation selectors": "☃\ufe0f☃\ufe0e",
    "mathematical letters": "𝒽𝑒𝓁𝓁𝑜",
    "dotless i": "İıſß",
    "percent": "%s%n%d%x%%",
    "braces": "{} {0} {a!r} {{",
    "shell": "$(touch /tmp/x) `id` ; | & > < * ? ~",
    "quotes": "'\"`‘’“”«»",
    "backslashes": "\\ \\n \\x00 \\u0000 \\",
    "SQL": "'; DROP TABLE words; --",
    "markup": "<script>alert(1)</script>&amp;&#0;",
    "JSON": '{"source": ["abc"], "a": null}',
    "path": "../../etc/passwd\x00.onnx",
    "option": "--help",
    "dash": "-",
    "special tokens": "<pad> <s> </s> <unk> [EOS]",
    "separators of data": "\x01\x02\ue000|▁Ġ",
    "number": "1e309 NaN -0 0x7fffffff",
    "null": "None null nil undefined",
    "known letters between unknown": "a☃b☃c",
    "long word": "abcdefgh" * 500,
    "long unknown": "☃" * 3000,
    "long line of spaces": " " * 5000,
}
"""Texts that break programs which take a text for something else."""

TEXTS = list(HOSTILE.values())


@pytest.fixture(scope="module")
def translator(exported_run):
    """The run's model in PyTorch."""
    return Translator(load_checkpoint(exported_run), exported_run.config.decoding)


@pytest.fixture(scope="module", params=["ours", "blns"])
def texts(request):
    """Our hostile texts, or the Big List of Naughty Strings where it's at hand."""
    if request.param == "ours":
        return TEXTS
    if not BLNS.is_file():
        pytest.skip(f"{BLNS} isn't there")
    return json.loads(BLNS.read_text(encoding="utf-8"))


def one_line(text):
    return text.replace("\n", " ").replace("\r", " ")


def test_the_file_answers_as_pytorch_does(exported_run, translator, texts):
    """All in one batch, and each alone, the file's answers are PyTorch's."""
    model = load(exported_run.onnx_path)
    expected = translator(texts)
    assert model(texts) == expected
    assert [model([text])[0] for text in texts] == expected
    assert len(set(expected)) > 10


def test_the_file_searches_as_pytorch_does(exported_run, texts):
    """With several beams and a length penalty, the scores of all hypotheses are PyTorch's, and so is the best."""
    decoding = attrs.evolve(exported_run.config.decoding, beam_size=4, length_penalty=0.7)
    translator = Translator(load_checkpoint(exported_run), decoding)
    expected = translator.hypotheses(texts)
    found = load(exported_run.onnx_path).answers(texts, beam_size=4, length_penalty=0.7)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert [row[0] for row in found.hypotheses] == [row[0] for row in translator.texts(expected, texts)]


def test_one_line_comes_out_for_each_line_in(s2s, exported_run, translator, texts):
    """Every text without a line feed gets its own line, in order, and the first tab a warning."""
    sent = [text for text in texts if "\n" not in text]
    arrived = [text.removesuffix("\r") for text in sent]  # CR LF ends a line, too
    ended = s2s("predict", exported_run.onnx_path, input="".join(f"{text}\n" for text in sent), errors="strict")
    first = next(number for number, text in enumerate(sent, 1) if "\t" in text)
    assert (ended.code, ended.err) == (0, f"warning: line {first} has a tab; a line is one source\n")
    assert ended.out.split("\n") == [*map(one_line, translator(arrived)), ""]


@pytest.mark.parametrize("text", [chr(0xD800), f"a{chr(0xDFFF)}b", chr(0xDCFF)])
def test_half_a_surrogate_pair_is_refused(exported_run, text):
    """What no UTF-8 can hold is refused by name, not answered as something else."""
    with pytest.raises(DataError, match=r"^text 1 holds half of a surrogate pair"):
        load(exported_run.onnx_path)(["abc", text])
