"""The tokenizer whose tokens are the bytes of UTF-8."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any, Self

from s2s_core.config.normalization import NormalizationConfig
from s2s_core.text import tags
from s2s_core.text.nodes import Op, Value
from s2s_core.text.normalization import Normalizer
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import EOS, PAD, SPECIALS, UNK, UNKNOWN_TEXT, Vocabulary

_BYTES = 256

_CONTINUATIONS = range(0x80, 0xC0)
"""The bytes that continue a character of several bytes."""

_SECONDS = {
    **dict.fromkeys(range(0xC2, 0xF5), _CONTINUATIONS),
    0xE0: range(0xA0, 0xC0),
    0xED: range(0x80, 0xA0),
    0xF0: range(0x90, 0xC0),
    0xF4: range(0x80, 0x90),
}
"""The bytes that begin a character of several bytes, and the bytes that may follow each (Unicode, table 3-7)."""


class Bytes(Tokenizer):
    """Every byte of a text's UTF-8 is a token, so that no token is ever unknown; with ``tags``, every tag is one too.

    An answer's bytes may not be valid UTF-8. Then each maximal beginning of a character, and each byte that begins
    none, reads as U+FFFD, as Unicode recommends (chapter 3.9) and ``bytes.decode(errors="replace")`` does.
    """

    Config = NormalizationConfig

    def __init__(self, config: Any, tag_tokens: Iterable[str] = ()) -> None:
        super().__init__(config, Vocabulary([*(f"{byte:02X}" for byte in range(_BYTES)), *tag_tokens]))

    @classmethod
    def train(cls, config: Any, texts: Iterable[str]) -> Self:
        """Returns the tokenizer, which covers every byte without training, and learns only tags."""
        if not config.tags:
            return cls(config)
        normalize = Normalizer(config)
        return cls(config, sorted({tag for text in texts for tag in tags.pieces(normalize(text))[1::2]}))

    @property
    def tag_tokens(self) -> Sequence[str]:
        """The tags of the training texts, whose ids follow those of the bytes."""
        return self.vocabulary.tokens[_BYTES:]

    def split(self, text: str) -> list[str]:
        """Returns the bytes as hexadecimal numbers."""
        return [f"{byte:02X}" for byte in text.encode()]

    def ids(self, text: str) -> list[int]:
        """Returns the ids of a text without tags; see ``Tokenizer.ids``."""
        return [byte + SPECIALS for byte in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids; see ``Tokenizer.decode``. ``UNK`` counts as 0xFF, which is never valid in UTF-8."""
        numbers = (number for number in takewhile(lambda number: number != EOS, ids) if number >= UNK)
        texts: list[str] = []
        for is_tag, run in groupby(numbers, lambda number: number >= SPECIALS + _BYTES):
            if is_tag:
                texts += (self.vocabulary.surfaces[number] for number in run)
            else:
                content = bytes(0xFF if number == UNK else number - SPECIALS for number in run)
                texts.append(content.decode(errors="replace"))
        return self.normalize.compose("".join(texts))

    def save(self) -> Mapping[str, Any]:
        """Returns the tags, if there are any; there is nothing else to restore."""
        return {"tags": list(self.tag_tokens)} if self.tag_tokens else {}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Restores a tokenizer from what ``save`` returned."""
        return cls(config, saved.get("tags", ()))

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that turn texts into bytes; see ``Tokenizer.onnx_ids``.

        No operator returns the bytes of a string, but ``Unique`` sorts strings by their bytes. Sorting the characters
        together with all beginnings, each the UTF-8 of a character without its last byte, puts a character right
        behind its own beginning. Its last byte is then the one that makes the beginning equal to the character::

            é = C3 A9     … C2 < C3 < é < C4 …      C3 + 80 ≠ é … C3 + A9 = é
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        lasts = [bytes([byte]) for byte in _CONTINUATIONS]
        rows = onnx_text.characters(op, texts)
        characters, _, which, _ = op.Unique(
            op.Reshape(rows, [-1]), _outputs=4
        )  # [U], and the index into it for each of rows
        beginnings = onnx_text.strings(op, _BEGINNINGS)
        begun = _last_before(op, characters, op.Slice(beginnings, [0], _needed_beginnings(op, characters), [0]))  # [U]
        whole = op.StringConcat(
            op.Unsqueeze(op.Gather(beginnings, begun), [1]), onnx_text.strings(op, lasts)
        )  # [U, 64]
        same = op.Cast(op.Equal(whole, op.Unsqueeze(characters, [1])), to=onnx_text.INT32)
        last = op.Add(op.ArgMax(same, axis=1, keepdims=0), _CONTINUATIONS[0] + SPECIALS)
        alone = onnx_text.lookup(op, characters, {"": PAD} | {chr(byte): byte + SPECIALS for byte in range(0x80)})
        last = op.Unsqueeze(op.Where(op.Equal(begun, 0), alone, last), [1])
        first = onnx_text.numbers(op, [([byte + SPECIALS for byte in text] + [PAD] * 3)[:3] for text in _BEGINNINGS])
        ids = op.Concat(op.Gather(first, begun), last, axis=1)  # [U, 4]
        return onnx_text.pack(op, op.Reshape(op.Gather(ids, which), op.Concat(op.Shape(texts), [-1], axis=0)), PAD)

    def onnx_decode(self, op: Op, ids: Value) -> Value:
        """Adds the nodes that turn ids into texts; see ``Tokenizer.onnx_decode``.

        A byte is written as it is if it belongs to a complete character, and otherwise replaced; a tag counts as a
        complete character::

            needed     the number of bytes that must follow it; below 0 if it begins no character
            following  the number of those that do follow
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        def of_each_byte(value: Callable[[int], int]) -> Value:
            table = [*[-1] * SPECIALS, *map(value, range(_BYTES)), *[value(0)] * len(self.tag_tokens)]
            return op.Gather(onnx_text.numbers(op, table), ids)

        first, second, third = (_shifted(op, ids, -distance) for distance in (1, 2, 3))
        needed = of_each_byte(_needed)
        lowest = of_each_byte(lambda byte: _SECONDS[byte][0] + SPECIALS if byte in _SECONDS else SPECIALS + _BYTES)
        highest = of_each_byte(lambda byte: _SECONDS[byte][-1] + SPECIALS if byte in _SECONDS else PAD)
        one = _within(op, first, lowest, highest)
        bounds = _CONTINUATIONS[0] + SPECIALS, _CONTINUATIONS[-1] + SPECIALS
        two = op.And(op.And(one, op.Greater(needed, 1)), _within(op, second, *bounds))
        three = op.And(op.And(two, op.Greater(needed, 2)), _within(op, third, *bounds))
        following = op.Cast(one, to=onnx_text.INT64)
        for more in (two, three):
            following = op.Add(following, op.Cast(more, to=onnx_text.INT64))

        whole = op.Equal(following, needed)
        right = op.Or(whole, _reached(op, op.Where(whole, following, 0)))
        dropped = _reached(op, op.Where(whole, 0, following))
        written: list[str | bytes] = [
            "",
            "",
            "",
            UNKNOWN_TEXT,
            *(bytes([byte]) for byte in range(_BYTES)),
            *self.tag_tokens,
        ]
        replaced = ["", "", "", *[UNKNOWN_TEXT] * (_BYTES + 1), *self.tag_tokens]
        pieces = op.Where(dropped, onnx_text.strings(op, [""]), op.Gather(onnx_text.strings(op, replaced), ids))
        texts = onnx_text.join(op, op.Where(right, op.Gather(onnx_text.strings(op, written), ids), pieces))
        return self.normalize.onnx_compose(op, texts)


def _needed(byte: int) -> int:
    """Returns how many bytes must follow a byte; below 0 if it begins no character."""
    if byte < 0x80:
        return 0
    return 1 + (byte >= 0xE0) + (byte >= 0xF0) if byte in _SECONDS else -1


def _beginnings() -> list[bytes]:
    """Returns every character's UTF-8 without its last byte, sorted."""
    unfinished = [bytes([first]) for first in _SECONDS]
    complete = [b"", *(text for text in unfinished if _needed(text[0]) == 1)]
    for length in (2, 3):
        unfinished = [
            text + bytes([byte])
            for text in unfinished
            if _needed(text[0]) >= length
            for byte in (_SECONDS[text[0]] if length == 2 else _CONTINUATIONS)
        ]
        complete += [text for text in unfinished if _needed(text[0]) == length]
    return sorted(complete)


_BEGINNINGS = _beginnings()


def _needed_beginnings(op: Op, characters: Value) -> Value:
    """Adds the nodes that count the beginnings to compare with.

    Most beginnings belong to characters of four bytes, which few texts have; they sort last and are left out then.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    few = sum(text < b"\xf0" for text in _BEGINNINGS)
    four = op.Cast(op.RegexFullMatch(characters, pattern=r"[\x{10000}-\x{10ffff}]"), to=onnx_text.INT64)
    return op.Add(op.Mul(op.Min(op.ReduceSum(four), 1), len(_BEGINNINGS) - few), few)  # [1]


def _last_before(op: Op, texts: Value, marks: Value) -> Value:
    """Adds the nodes that return, for each text, the index of the last of the sorted ``marks`` that isn't above it."""
    _, _, rank, _ = op.Unique(op.Concat(marks, texts, axis=0), _outputs=4)
    count = op.Shape(marks)
    rank_of_marks, rank_of_texts = op.Slice(rank, [0], count, [0]), op.Slice(rank, count, [2**62], [0])
    is_mark = op.ScatterElements(op.Mul(rank, 0), rank_of_marks, op.Expand([1], count))
    return op.Sub(op.Gather(op.CumSum(is_mark, 0), rank_of_texts), 1)


def _shifted(op: Op, rows: Value, distance: int) -> Value:
    """Adds the nodes that shift rows to the right, or to the left if the distance is negative, and fill with 0."""
    begin, end = max(distance, 0), max(-distance, 0)
    moved = op.Pad(rows, [0, begin, 0, end])
    return op.Slice(moved, [end], op.Add(op.Shape(rows, start=1, end=2), end), [1])


def _within(op: Op, rows: Value, lowest: Value, highest: Value) -> Value:
    return op.And(op.GreaterOrEqual(rows, lowest), op.LessOrEqual(rows, highest))


def _reached(op: Op, spans: Value) -> Value:
    """Adds the nodes that tell which positions are within the span of one of the three positions before them."""
    one, two, three = (op.GreaterOrEqual(_shifted(op, spans, distance), distance) for distance in (1, 2, 3))
    return op.Or(one, op.Or(two, three))
