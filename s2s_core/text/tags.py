"""Tags: parts of a text such as ``<PST>``, each a token of its own, and features, which are written as tags."""

import re
from collections.abc import Callable, Iterable

from s2s_core.text.nodes import Op, Value

WHITE_SPACE = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What ``str.isspace`` holds for, written out, as ``\\s`` means something else to ONNX Runtime."""

_TAG = f"<[^<>{WHITE_SPACE}]+>"

_MARK = "<|>"
"""Stands for every tag in the graph. It is a tag itself, so that what is left between tags doesn't contain it."""

DEFAULT_SEPARATOR = ";"
"""What separates features, as in UniMorph."""

_MOST_SHOWN = 40
"""How many characters of a feature a message shows."""

_split = re.compile(f"({_TAG})").split
_is_tag = re.compile(_TAG).fullmatch
_unsuitable = re.compile(f"[<>{WHITE_SPACE}]").search


def pieces(text: str) -> list[str]:
    """Splits a text at its tags: every second piece is a tag, and what stands before, between and after may be empty.

    A tag is a ``<``, then one or more characters that are neither ``<``, ``>`` nor white space, then a ``>``.
    """
    return _split(text)


def is_tag(token: str) -> bool:
    """Returns whether a token is a tag."""
    return _is_tag(token) is not None


def outside(text: str, change: Callable[[str], str]) -> str:
    """Returns a text in which all but the tags is changed."""
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces(text)))


def with_features(source: str, features: Iterable[str], separator: str = DEFAULT_SEPARATOR) -> str:
    """Returns a source that begins with its features, each written as a tag.

    ``with_features("walk", ["V;PST"])`` is ``"<V><PST>walk"``. Empty features are left out, and so is white space
    around a feature. With ``tags``, the source's tokenizer makes one token of each.

    Args:
        source: The text that the features describe.
        features: Features, or lists of features such as ``"V;PST;3;SG"``.
        separator: What separates the features of a list.

    Raises:
        ValueError: A feature contains white space, ``<`` or ``>``, and so can't be a tag.
    """
    names = [name.strip() for listed in features for name in listed.split(separator)]
    for name in names:
        if _unsuitable(name):
            raise ValueError(f"{name[:_MOST_SHOWN]!r} contains white space, < or >, which no feature may")
    return "".join(f"<{name}>" for name in names if name) + source


def onnx_pieces(op: Op, texts: Value) -> tuple[Value, Value]:
    """Adds the nodes that do what ``pieces`` does.

    Each tag is replaced by ``_MARK``, at which ``StringSplit`` splits; the tags themselves are found once more::

        a<V>b<PST> ─► a <V> b <PST> ─► a<|>b<|> ─► a  b  ·
             └──────────────────────────────────► <V> <PST> ·

    Args:
        op: Adds the nodes.
        texts: string[N].

    Returns:
        What stands before each tag and after the last one, and the tags. Both are string[N, G], G at least 1, and
        padded with empty strings; the last column of the tags is empty.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415  # texts are split without ONNX until it is exported

    empty = onnx_text.strings(op, [""])
    units = onnx_text.column(op, onnx_text.matches(op, texts, f"(?s){_TAG}|."), empty)
    marked = op.Where(op.RegexFullMatch(units, pattern=_TAG), onnx_text.strings(op, [_MARK]), units)
    between, _ = op.StringSplit(onnx_text.join(op, marked), delimiter=_MARK, _outputs=2)
    tags = onnx_text.column(op, onnx_text.matches(op, texts, _TAG), empty)
    between = onnx_text.column(op, between, empty)  # of empty texts, there are no pieces at all
    return op.Slice(between, [0], op.Shape(tags, start=1, end=2), [1]), tags


def onnx_outside(op: Op, texts: Value, change: Callable[[Op, Value], Value]) -> Value:
    """Adds the nodes that do what ``outside`` does.

    Args:
        op: Adds the nodes.
        texts: string[N].
        change: Adds the nodes that change string[N · G].

    Returns:
        string[N].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    between, tags = onnx_pieces(op, texts)
    changed = op.Reshape(change(op, op.Reshape(between, [-1])), op.Shape(tags))
    return onnx_text.join(op, op.StringConcat(changed, tags))
