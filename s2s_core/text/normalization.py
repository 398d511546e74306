"""What is done to a text before it is split, in Python and in the exported graph."""

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping

import attrs

from s2s_core.config.fields import one_of, setting
from s2s_core.text import unicode
from s2s_core.text.nodes import Op, Value


@attrs.frozen
class NormalizationConfig:
    """How texts are normalised."""

    normalization: str = setting("none", "nfkc gives what looks or means the same one form", one_of("none", "nfkc"))
    fold_case: bool = setting(default=False, help="whether upper and lower case become the same")


class Normalizer:
    """Normalises texts, and emits the ONNX nodes that do the same.

    ``nfkc`` is Unicode's NFKC and ``fold_case`` its full case folding, as in ``unicodedata.normalize`` and
    ``str.casefold``. Both follow ``unicode.VERSION`` in every Python: later code points stay as they are. Together they
    are the NFKC of the folded NFKD.

    Args:
        config: What to do.
    """

    def __init__(self, config: NormalizationConfig) -> None:
        self._nfkc, self._fold = config.normalization == "nfkc", config.fold_case

    def __call__(self, text: str) -> str:
        """Returns the normalised text."""
        if not (self._nfkc or self._fold):
            return text
        if text.isascii():
            return text.lower() if self._fold else text
        if later := _later():
            parts = later.split(text)  # each second one is a row of later code points
            return "".join(part if number % 2 else self._normalize(part) for number, part in enumerate(parts))
        return self._normalize(text)

    def _normalize(self, text: str) -> str:
        if not self._nfkc:
            return text.casefold()
        if self._fold:
            text = unicodedata.normalize("NFKD", text).casefold()
        return unicodedata.normalize("NFKC", text)

    def onnx(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that normalise string[N]; none if there is nothing to do.

        ::

            texts ─► decompose ─► order marks ─► compose ─► texts
                                       │
                                  fold, decompose ─► order marks ─► compose ─► texts
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415  # texts are normalised without ONNX until it is exported

        if not self._nfkc:
            return _replaced(op, texts, _table(str.casefold)) if self._fold else texts
        characters = _ordered(op, onnx_text.characters(op, _replaced(op, texts, _table(_decomposed))))
        if self._fold:
            folded = _replaced(op, onnx_text.join(op, characters), _table(_folded))
            characters = _ordered(op, onnx_text.characters(op, folded))
        return _composed(op, characters)


@functools.cache
def _later() -> re.Pattern[str] | None:
    """Returns what finds rows of code points that are later than the version; nothing where Python has none."""
    later = unicode.newcomers()
    return re.compile(f"([{''.join(map(re.escape, sorted(later)))}]+)") if later else None


def _decomposed(character: str) -> str:
    """Returns the NFKD, but for a Hangul syllable, which would be composed again in any case."""
    return character if "가" <= character <= "힣" else unicodedata.normalize("NFKD", character)


def _folded(character: str) -> str:
    return unicodedata.normalize("NFKD", character.casefold()) if character.casefold() != character else character


@functools.cache
def _table(change: Callable[[str], str]) -> dict[str, str]:
    """Returns the characters that a function changes, and what it makes of them."""
    return {character: new for character in unicode.assigned() if (new := change(character)) != character}


@functools.cache
def _classes() -> dict[str, int]:
    """Returns the marks' canonical combining classes; that of other characters is 0."""
    return {character: kind for character in unicode.assigned() if (kind := unicodedata.combining(character))}


@functools.cache
def _pairs() -> dict[tuple[str, str], str]:
    """Returns which two characters are composed to which one."""
    pairs = {}
    for character in unicode.assigned():
        decomposed = unicodedata.normalize("NFD", character)
        first, last = unicodedata.normalize("NFC", decomposed[:-1]), decomposed[-1]
        if len(first) == 1 and unicodedata.normalize("NFC", first + last) == character:
            pairs[first, last] = character
    return pairs


def _replaced(op: Op, texts: Value, table: Mapping[str, str]) -> Value:
    """Adds the nodes that replace the characters of string[N]."""
    from s2s_core.text import onnx_text  # noqa: PLC0415

    empty = onnx_text.strings(op, [""])
    characters = onnx_text.column(op, onnx_text.characters(op, texts), empty)
    found = op.LabelEncoder(
        characters,
        _domain="ai.onnx.ml",
        _version=4,
        keys_strings=list(table),
        values_strings=list(table.values()),
        default_string="",
    )
    return onnx_text.join(op, op.Where(op.Equal(found, empty), characters, found))


def _ordered(op: Op, characters: Value) -> Value:
    """Adds the nodes of Unicode's canonical ordering, which sorts each row of marks by class.

    Returns:
        string[N, S], S at least 1.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    characters = onnx_text.column(op, characters, onnx_text.strings(op, [""]))
    size = onnx_text.width(op, characters)
    kind = onnx_text.lookup(op, characters, _classes(), default=0)
    row = op.CumSum(op.Cast(op.Equal(kind, 0), to=onnx_text.INT64), 1)
    key = op.Add(op.Mul(op.Add(op.Mul(row, 256), kind), size), op.Range(0, size, 1))
    _, order = op.TopK(key, op.Shape(characters, start=1, end=2), axis=1, largest=0, sorted=1, _outputs=2)
    return op.GatherElements(characters, order, axis=1)


def _composed(op: Op, characters: Value) -> Value:
    """Adds the nodes of Unicode's canonical composition of string[N, S] to string[N].

    A loop goes over the characters. It keeps the place of the last one that may begin a pair, and the class of the last
    mark that stays between it and the next character, -1 if there is none. A mark of the same or a higher class blocks.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    pairs = _pairs()
    members = sorted({*pairs.values(), *(character for pair in pairs for character in pair)})
    number_of = {member: number for number, member in enumerate(members, 1)}
    count = len(members) + 1
    table = {number_of[left] * count + number_of[right]: number_of[both] for (left, right), both in pairs.items()}
    kinds = onnx_text.lookup(op, characters, _classes(), default=0)

    def compose(op: Op, step: Value, numbers: Value, place: Value, between: Value) -> tuple[Value, ...]:
        here = op.Unsqueeze(step, [0])
        kind = op.Gather(kinds, here, axis=1)  # [N, 1]
        first = op.GatherElements(numbers, place, axis=1)
        both = onnx_text.replace(op, op.Add(op.Mul(first, count), op.Gather(numbers, here, axis=1)), table, 0)
        composed = op.And(op.Greater(both, 0), op.Less(between, kind))
        numbers = op.ScatterElements(numbers, place, op.Where(composed, both, first), axis=1)
        begins = op.And(op.Equal(kind, 0), op.Not(composed))
        between = op.Where(begins, -1, op.Where(composed, between, kind))
        kept = op.Squeeze(op.Not(composed), [1])
        return op.GreaterOrEqual(step, 0), numbers, op.Where(begins, step, place), between, kept

    numbers = onnx_text.lookup(op, characters, number_of, default=0)
    none = op.Mul(op.Slice(numbers, [0], [1], [1]), 0)  # [N, 1]
    blocked = op.Add(none, 256)  # what comes before the first beginning
    numbers, _, _, kept = onnx_text.loop(
        op,
        "compose",
        compose,
        steps=onnx_text.width(op, characters),
        going=True,
        carried=[(value, onnx_text.INT64, 2) for value in (numbers, none, blocked)],
        gathered=[(onnx_text.BOOL, 1)],
    )
    empty = onnx_text.strings(op, [""])
    texts = op.Where(op.Greater(numbers, 0), op.Gather(onnx_text.strings(op, ["", *members]), numbers), characters)
    return onnx_text.join(op, op.Where(op.Transpose(kept, perm=[1, 0]), texts, empty))
