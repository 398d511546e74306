"""The texts with which components are examined: sentences, all kinds of Unicode, and random texts of a fixed seed."""

import random
from collections.abc import Sequence

SPECIAL_LOOKING = (
    "<pad>", "<s>", "</s>", "<unk>", "<eos>", "<bos>", "[PAD]", "[UNK]", "[CLS]", "0", "1", "2", "3", "\ufffd",
)  # fmt: skip
"""What other toolkits call padding, the ends of sequences and unknown tokens."""

SENTENCES = (
    "she sells sea shells on the sea shore",
    "the shells she sells are sea shells",
    "so if she sells shells on the shore",
    "then these are sea shore shells",
)

AWKWARD = (
    "",
    " ",
    "   ",
    " a  b ",
    "\x00",
    "a\x00b",
    "a\nb",
    "\r\n\t\x0b\x0c\x1f\x7f\x85",
    "\u00a0\u2028\u2029\u3000",
    "e\u0301\u0308 \u0301",  # combining marks, one of them without a letter
    "\u1100\u1161\u11a8 \uac01",  # the same Hangul syllable, decomposed and composed
    "\U0001f469\u200d\U0001f469\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f",  # emoji of several code points
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eabc\u202c",  # from right to left
    "\u4f60\u597d \u3053\u3093\u306b\u3061\u306f",
    "\ufb01 \uff21\uff22 \u2167 \u00df \u0130 \u03c2 \u01c5",  # normalisation and case folding change these
    "\u0378 \U000e0fff",  # unassigned
    "\ud7ff \ue000 \ufeff \ufffe \uffff \U00010000 \U0010ffff",  # the ends of ranges of code points
    "ab" * 300,
    "ab cd " * 200,
    *SPECIAL_LOOKING,
)
"""Unusual texts, which break code that doesn't expect them."""

_RANGES = (
    (0x20, 0x7E),
    (0x20, 0x7E),
    (0x00, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x6FF),
    (0xE00, 0x11FF),
    (0x1E00, 0x22FF),
    (0x3000, 0x30FF),
    (0xA000, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, 0x1FFFF),
    (0x20000, 0x10FFFF),
)
"""The ranges of random characters, without surrogates; all are equally likely, so ASCII, listed twice, is more so."""


def random_texts(count: int, pieces: Sequence[str], rng: random.Random) -> list[str]:
    """Returns texts of up to a dozen pieces, each of them one of ``pieces`` or a random character.

    Args:
        count: The number of texts.
        pieces: Strings that half of the texts' pieces are drawn from.
        rng: The random generator.
    """
    return ["".join(_piece(pieces, rng) for _ in range(rng.randrange(13))) for _ in range(count)]


def shown(value: object, most: int = 80) -> str:
    """Returns the ``repr`` of a value, shortened in the middle if it is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 4 :]} of {len(text)} characters"


def _piece(pieces: Sequence[str], rng: random.Random) -> str:
    return rng.choice(pieces) if rng.random() < 0.5 else chr(rng.randint(*rng.choice(_RANGES)))
