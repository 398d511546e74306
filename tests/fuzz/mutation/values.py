"""Values that often surprise: numbers at bounds, texts of all kinds, and values of another type."""

import math
from random import Random
from typing import Any

NUMBERS: tuple[int | float, ...] = (
    0, 1, -1, 2, 3, 7, 64, 255, 256, 65_536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30,
    0.0, -0.0, 0.5, 1.0, 1.5, -0.5, 1e-9, 1e-320, 1e9, 1e30, 1e308, math.inf, -math.inf, math.nan,
)  # fmt: skip

TEXTS: tuple[str, ...] = (
    "", " ", "a", "abc", "0", "-1", "1e5", "nan", "true", "none", "auto", "..", ".", "/", "-", "--", "a.b", "a:b",
    "pairs.tsv", "pairs.jsonl", "run", "nowhere/file", "run/model.json", "file:///", "\t", "\n", "\r\n", "\0",
    "\x1b[31m", "\x7f", "\x85", "\xa0", "\xad", "\u200b", "\u202e", "\u2028", "\ufeff", "\ufffd", "\uffff", "\ue000",
    "\U0001f642", "\U0010ffff", "e\u0301", "\u1100\u1161\u11a8", "\u0130", "\u00df", "\ufb01", "\u0345", "a" * 300,
    "\u00e4" * 5000,
    "<PST>", "<", ">", "<<>>", "<PST>a", "a;b", "%s%n", "{0}", "{}", "[", "]", '"', "'", "\\", "\\u0000", "#", "=", ",",
    "mlp-rnn", "gru", "lstm", "transformer", "attention-gru", "characters", "words", "bytes", "bpe", "unigram", "pairs",
    "exact_match", "bleu", "ter", "os:system", "__class__", "reverse", "nfkc", "adamw", "cuda", "bf16", "ema",
)  # fmt: skip


def value(random: Random, depth: int = 0) -> Any:
    """Returns a value as TOML and JSON have them; lists and tables hold others."""
    kind = random.randrange(10 if depth < 3 else 8)
    if kind < 4:
        return random.choice(NUMBERS)
    if kind < 7:
        return text(random)
    if kind < 8:
        return random.choice((True, False))
    if kind < 9:
        return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {text(random): value(random, depth + 1) for _ in range(random.randint(0, 3))}


def text(random: Random) -> str:
    """Returns a text, mostly a short one."""
    if random.random() < 0.8:
        return random.choice(TEXTS)
    return "".join(random.choice((*TEXTS[1:60], chr(random.randrange(0xD800)))) for _ in range(random.randint(1, 6)))
