"""Unicode normalisation and case folding of texts before they are split, in Python and in the exported graph."""

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping

from s2s_core.config.normalization import NormalizationConfig
from s2s_core.text import unicode
from s2s_core.text.nodes import Op, Value


class Normalizer:
    """Normalises texts, and emits the ONNX nodes that do the same.

    ``nfkc`` is Unicode's NFKC and ``fold_case`` its full case folding, as in ``unicodedata.normalize`` and
    ``str.casefold``. Both follow ``unicode.VERSION`` in every Python: later code points stay unchanged. Both together
    give the NFKC of the folded NFKD.

    Args:
        config: The settings.
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
            pieces = later.split(text)  # every second piece is a run of later code points
            return "".join(piece if number % 2 else self._normalize(piece) for number, piece in enumerate(pieces))
        return self._normalize(text)

    def _normalize(self, text: str) -> str:
        if not self._nfkc:
            return text.casefold()
        if self._fold:
            text = unicodedata.normalize("NFKD", text).casefold()
        return unicodedata.normalize("NFKC", text)

    def onnx(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that normalise string[N]; none if there is nothing to do.

        NFKC is the canonical composition of NFKD (Unicode Standard Annex 15), and NFKD replaces each character by its
        decomposition and then orders marks. So three steps give exactly what ``unicodedata`` gives, each of them the
        algorithm of the Unicode Standard (chapter 3.11)::

            texts ─► decompose ─► order marks ─► compose ─► texts
                                       │
                                  fold, decompose ─► order marks ─► compose ─► texts
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415  # texts are normalised without ONNX until it is exported

        if not self._nfkc:
            return _replaced(op, texts, _table(str.casefold)) if self._fold else texts
        characters = _decomposed(op, texts, _compatibility)
        if self._fold:
            characters = _decomposed(op, onnx_text.join(op, characters), _folded)
        return _composed(op, characters)


@functools.cache
def _later() -> re.Pattern[str] | None:
    """Returns the pattern of runs of code points later than the version; None if this Python assigns none."""
    later = unicode.newcomers()
    return re.compile(f"([{''.join(map(re.escape, sorted(later)))}]+)") if later else None


def _compatibility(character: str) -> str:
    """Returns the NFKD of a character, except of a Hangul syllable, which would be composed again in any case."""
    return character if "가" <= character <= "힣" else unicodedata.normalize("NFKD", character)


def _folded(character: str) -> str:
    return unicodedata.normalize("NFKD", character.casefold()) if character.casefold() != character else character


@functools.cache
def _table(change: Callable[[str], str]) -> dict[str, str]:
    """Returns the characters that a function changes, each with the result."""
    return {character: new for character in unicode.assigned() if (new := change(character)) != character}


@functools.cache
def _classes() -> dict[str, int]:
    """Returns the canonical combining class of every mark; the class of all other characters is 0."""
    return {character: kind for character in unicode.assigned() if (kind := unicodedata.combining(character))}


@functools.cache
def _pairs() -> dict[tuple[str, str], str]:
    """Returns the pairs of characters that have a canonical composition, each with the composed character.

    Asking ``unicodedata`` to compose each pair again leaves out Unicode's composition exclusions.
    """
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
    replacements = onnx_text.lookup(op, characters, table, default="")
    return onnx_text.join(op, op.Where(op.Equal(replacements, empty), characters, replacements))


def _decomposed(op: Op, texts: Value, decompose: Callable[[str], str]) -> Value:
    """Adds the nodes that decompose each character of string[N] and order the marks, string[N, S], S at least 1."""
    from s2s_core.text import onnx_text  # noqa: PLC0415

    return _ordered(op, onnx_text.characters(op, _replaced(op, texts, _table(decompose))))


def _ordered(op: Op, characters: Value) -> Value:
    """Adds the nodes of Unicode's canonical ordering, a stable sort of each run of marks by combining class.

    All rows are sorted at once, by the number of characters of class 0 up to here, which keeps each run in its place;
    then by class, which is below 256; then by position, which makes the sort stable.

    Returns:
        string[N, S], S at least 1.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    characters = onnx_text.column(op, characters, onnx_text.strings(op, [""]))
    size = onnx_text.width(op, characters)
    kind = onnx_text.lookup(op, characters, _classes(), default=0)
    run = op.CumSum(op.Cast(op.Equal(kind, 0), to=onnx_text.INT64), 1)
    key = op.Add(op.Mul(op.Add(op.Mul(run, 256), kind), size), op.Range(0, size, 1))
    _, order = op.TopK(key, op.Shape(characters, start=1, end=2), axis=1, largest=0, sorted=1, _outputs=2)
    return op.GatherElements(characters, order, axis=1)


def _composed(op: Op, characters: Value) -> Value:
    """Adds the nodes of Unicode's canonical composition of string[N, S] to string[N].

    A loop goes over the characters, and composes each with the last starter (a character of class 0) if the two have a
    composition and nothing between them blocks it. Marks are in canonical order, so of those that remain in between
    the last one has the highest class: the character is blocked if that class isn't below its own.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    members = _members()
    kinds = onnx_text.lookup(op, characters, _classes(), default=0)
    numbers = onnx_text.lookup(op, characters, {member: number for number, member in enumerate(members, 1)}, default=0)
    none = op.Mul(op.Slice(numbers, [0], [1], [1]), 0)  # [N, 1]
    blocked = op.Add(none, 256)  # above every class, so that nothing composes before the first starter
    numbers, _, _, stays = onnx_text.loop(
        op,
        "compose",
        _compose(kinds),
        steps=onnx_text.width(op, characters),
        going=True,
        carried=[(value, onnx_text.INT64, 2) for value in (numbers, none, blocked)],
        gathered=[(onnx_text.BOOL, 1)],
    )
    empty = onnx_text.strings(op, [""])
    texts = op.Where(op.Greater(numbers, 0), op.Gather(onnx_text.strings(op, ["", *members]), numbers), characters)
    return onnx_text.join(op, op.Where(op.Transpose(stays, perm=[1, 0]), texts, empty))


def _members() -> list[str]:
    """Returns the characters of all pairs and their compositions; the loop numbers them from 1, and all others 0."""
    pairs = _pairs()
    return sorted({*pairs.values(), *(character for pair in pairs for character in pair)})


def _compose(kinds: Value) -> Callable[..., tuple[Value, ...]]:
    """Returns the body of the loop over the characters, whose classes are ``kinds``, [N, S].

    It carries the numbers of the characters, [N, S]; the place of the last starter, [N, 1]; and the class of the last
    mark that remains between it and the character, [N, 1], -1 if there is none. It gathers whether the character
    stays, [N]. A pair is looked up as one number, ``left * count + right``.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    number_of = {member: number for number, member in enumerate(_members(), 1)}
    count = len(number_of) + 1
    table = {number_of[left] * count + number_of[right]: number_of[both] for (left, right), both in _pairs().items()}

    def compose(op: Op, step: Value, numbers: Value, place: Value, between: Value) -> tuple[Value, ...]:
        here = op.Unsqueeze(step, [0])
        kind = op.Gather(kinds, here, axis=1)  # [N, 1]
        starter = op.GatherElements(numbers, place, axis=1)  # [N, 1]
        pair = op.Add(op.Mul(starter, count), op.Gather(numbers, here, axis=1))
        both = onnx_text.lookup(op, pair, table, 0)  # [N, 1]
        composed = op.And(op.Greater(both, 0), op.Less(between, kind))
        numbers = op.ScatterElements(numbers, place, op.Where(composed, both, starter), axis=1)
        begins = op.And(op.Equal(kind, 0), op.Not(composed))  # it is the next starter
        between = op.Where(begins, -1, op.Where(composed, between, kind))
        stays = op.Squeeze(op.Not(composed), [1])
        return op.GreaterOrEqual(step, 0), numbers, op.Where(begins, step, place), between, stays

    return compose
