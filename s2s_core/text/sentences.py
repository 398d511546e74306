"""Sentences: running text as words, each answered by itself, and what stands between them.

A word is a run of letters, marks and digits, of any script, in which apostrophes may stand between others: ``can't`` is
one word, ``'tis`` begins after its apostrophe, and ``well-known`` is two. What stands between words is white space, or
a run of anything else.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from s2s_core.text.nodes import Op, Value
from s2s_core.text.tags import WHITE_SPACE
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.unicode import assigned, newcomers

Punctuation = Literal["keep", "drop", "separate"]
"""What becomes of all that is neither a word nor white space: it stays where it is, is left out, or stands by itself
like a word."""

_APOSTROPHES = "'\u2019"

_SPACE = " "
"""Stands between words where white space can't stay as it was."""


@functools.cache
def _letters() -> str:
    """Returns the ranges of the characters that words consist of: letters, marks and numbers."""
    return "".join(_ranges(c for c in assigned() if unicodedata.category(c)[0] in "LMN" and c not in newcomers()))


def _ranges(characters: Iterable[str]) -> Iterator[str]:
    """Yields what stands for rising characters between the brackets of a regular expression."""
    numbered = enumerate(map(ord, characters))
    for _, group in itertools.groupby(numbered, lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in group]
        first, last = (re.escape(chr(number)) for number in (numbers[0], numbers[-1]))
        yield first if len(numbers) == 1 else f"{first}-{last}"


@functools.cache
def pattern() -> str:
    """Returns the regular expression of a piece: a word, white space, or anything else.

    Python and ONNX Runtime read it alike: characters of every kind are written out.
    """
    letters = _letters()
    return f"[{letters}]+(?:[{_APOSTROPHES}][{letters}]+)*|[{WHITE_SPACE}]+|[^{letters}{WHITE_SPACE}]+"


@functools.cache
def _finder() -> Callable[[str], list[str]]:
    return re.compile(pattern()).findall


@functools.cache
def _begins_word() -> Callable[[str], object]:
    return re.compile(f"[{_letters()}]").match


def readable(tokenizer: Tokenizer) -> str:
    """Returns the regular expression of normalised texts whose characters a tokenizer's tokens have.

    It is empty if any text is readable, as with a tokenizer that saves no tokens.
    """
    tokens = tokenizer.save().get("tokens")
    if not isinstance(tokens, list):
        return ""
    return f"[{''.join(_ranges(sorted({*itertools.chain(*tokens)})))}]*"


def matches(text: str, expression: str) -> bool:
    """Returns whether a regular expression describes a whole text; an empty one describes any."""
    return not expression or re.fullmatch(expression, text) is not None


def split(text: str) -> list[str]:
    """Splits a text into pieces: words, white space, and anything else. Together they are the text."""
    return _finder()(text)


def is_word(piece: str) -> bool:
    """Returns whether a piece is a word."""
    return _begins_word()(piece) is not None


def is_single_word(text: str) -> bool:
    """Returns whether a whole text is one word."""
    return split(text) == [text] and is_word(text)


def join(pieces: Iterable[str], answers: Iterable[str], punctuation: Punctuation, separator: str) -> str:
    """Returns the answer to a sentence.

    Args:
        pieces: Of the sentence.
        answers: One for each word, in order.
        punctuation: What becomes of what is neither a word nor white space.
        separator: Stands between words, in place of white space; if it is empty, white space stays as it is, or is one
            space between words unless punctuation is kept.
    """
    rest = iter(answers)
    kept: list[str] = []
    for piece in pieces:
        if is_word(piece):
            kept.append(next(rest))
        elif piece.isspace():
            kept += [separator or piece] if punctuation == "keep" else []
        elif punctuation != "drop":
            kept.append(piece)
    return "".join(kept) if punctuation == "keep" else (separator or _SPACE).join(kept)


def onnx_split(op: Op, texts: Value) -> tuple[Value, Value, Value]:
    """Adds the nodes that do what ``split`` does, to string[N].

    Returns:
        The pieces, string[N, W], padded with empty strings; which of them are words, and which white space, both
        bool[N, W].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415  # only export needs ONNX

    pieces = onnx_text.column(op, onnx_text.matches(op, texts, pattern()), onnx_text.strings(op, [""]))
    is_word, is_space = (
        op.RegexFullMatch(pieces, pattern=f"(?s)[{characters}].*") for characters in (_letters(), WHITE_SPACE)
    )
    return pieces, is_word, is_space


def onnx_join(
    op: Op, pieces: Value, is_word: Value, is_space: Value, punctuation: Punctuation, separator: str
) -> Value:
    """Adds the nodes that do what ``join`` does.

    Args:
        op: Adds the nodes.
        pieces: Of the sentences, with answers in place of words, string[N, W].
        is_word: Which of them are answers, bool[N, W].
        is_space: Which of them are white space.
        punctuation: As of ``join``.
        separator: As of ``join``.

    Returns:
        string[N].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    if punctuation == "keep":
        between = onnx_text.strings(op, [separator])
        return onnx_text.join(op, op.Where(is_space, between, pieces) if separator else pieces)
    empty = onnx_text.strings(op, [""])
    padding = op.And(op.Equal(pieces, empty), op.Not(is_word))
    is_kept = is_word if punctuation == "drop" else op.Not(op.Or(is_space, padding))
    number = op.CumSum(op.Cast(is_kept, to=onnx_text.INT64), 1)
    between = onnx_text.strings(op, [separator or _SPACE])
    begun = op.Where(op.Greater(number, 1), op.StringConcat(between, pieces), pieces)
    return onnx_text.join(op, op.Where(is_kept, begun, empty))
