"""Unicode normalisation and case folding of texts before they are split, in Python and in the exported graph."""

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

from s2s_core.config.normalization import NormalizationConfig
from s2s_core.text import tags, unicode
from s2s_core.text.nodes import Op, Value

_FORMS: Mapping[str, Literal["NFKC", "NFD", "NFKD"] | None] = {
    "none": None,
    "nfkc": "NFKC",
    "nfd": "NFD",
    "nfkd": "NFKD",
}
"""What ``unicodedata`` calls each normal form."""


class Normalizer:
    """Normalises texts, composes answers, and emits the ONNX nodes that do the same.

    ``nfkc``, ``nfd`` and ``nfkd`` are Unicode's normal forms and ``fold_case`` its full case folding, as in
    ``unicodedata.normalize`` and ``str.casefold``. They follow ``unicode.VERSION`` in every Python: later code points
    stay unchanged. A form and case folding together give the form of the folded decomposition, which is NFD for ``nfd``
    and NFKD for the others. With ``tags``, the parts of a text between its tags are normalised one by one.

    Args:
        config: The settings.
    """

    def __init__(self, config: NormalizationConfig) -> None:
        self._form = _FORMS[config.normalization]
        self._fold, self._tags = config.fold_case, config.tags

    def __call__(self, text: str) -> str:
        """Returns the normalised text."""
        return self._outside_tags(text, self._normalize) if self._form or self._fold else text

    def compose(self, text: str) -> str:
        """Returns an answer as users write it: in NFC if targets are decomposed, otherwise unchanged."""
        return self._outside_tags(text, _composed_text) if self._decomposes else text

    def onnx(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that normalise string[N]; none if there is nothing to do.

        NFKD replaces each character by its decomposition and then orders marks, and NFKC is the canonical composition
        of NFKD (Unicode Standard Annex 15). So three steps give exactly what ``unicodedata`` gives, each of them the
        algorithm of the Unicode Standard (chapter 3.11)::

            texts ─► decompose ─► order marks ─► compose ─► texts
                                       │
                                  fold, decompose ─► order marks ─► compose ─► texts

        ``nfd`` and ``nfkd`` leave out the last step.
        """
        return self._onnx_outside_tags(op, texts, self._onnx_normalize) if self._form or self._fold else texts

    def onnx_compose(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that do what ``compose`` does with string[N]; none if there is nothing to do."""
        return self._onnx_outside_tags(op, texts, _onnx_composed) if self._decomposes else texts

    @property
    def _decomposes(self) -> bool:
        return self._form in {"NFD", "NFKD"}

    def _normalize(self, text: str) -> str:
        if text.isascii():
            return text.lower() if self._fold else text
        return _within_version(text, self._normalize_known)

    def _normalize_known(self, text: str) -> str:
        """Normalises a text without code points that are later than the version."""
        if not self._form:
            return text.casefold()
        if self._fold:
            text = unicodedata.normalize("NFD" if self._form == "NFD" else "NFKD", text).casefold()
        return unicodedata.normalize(self._form, text)

    def _onnx_normalize(self, op: Op, texts: Value) -> Value:
        from s2s_core.text import onnx_text  # noqa: PLC0415  # texts are normalised without ONNX until it is exported

        if not self._form:
            return _replaced(op, texts, _table(str.casefold))
        decompose, fold = _CHANGES[self._form]
        characters = _decomposed(op, texts, decompose)
        if self._fold:
            characters = _decomposed(op, onnx_text.join(op, characters), fold)
        return onnx_text.join(op, characters) if self._decomposes else _composed(op, characters)

    def _outside_tags(self, text: str, change: Callable[[str], str]) -> str:
        return tags.outside(text, change) if self._tags else change(text)

    def _onnx_outside_tags(self, op: Op, texts: Value, change: Callable[[Op, Value], Value]) -> Value:
        return tags.onnx_outside(op, texts, change) if self._tags else change(op, texts)


@functools.cache
def _later() -> re.Pattern[str] | None:
    """Returns the pattern of runs of code points later than the version; None if this Python assigns none."""
    later = unicode.newcomers()
    return re.compile(f"([{''.join(map(re.escape, sorted(later)))}]+)") if later else None


def _within_version(text: str, change: Callable[[str], str]) -> str:
    """Returns a text in which all is changed but the code points that are later than the version."""
    later = _later()
    if later is None:
        return change(text)
    pieces = later.split(text)  # every second piece is a run of later code points
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))


def _composed_text(text: str) -> str:
    return text if text.isascii() else _within_version(text, functools.partial(unicodedata.normalize, "NFC"))


def _nfd(character: str) -> str:
    return unicodedata.normalize("NFD", character)


def _nfkd(character: str) -> str:
    return unicodedata.normalize("NFKD", character)


def _nfd_to_compose(character: str) -> str:
    """Returns the NFD of a character, except of a Hangul syllable, which would be composed again in any case."""
    return character if "가" <= character <= "힣" else _nfd(character)


def _nfkd_to_compose(character: str) -> str:
    """Returns the NFKD of a character, except of a Hangul syllable."""
    return character if "가" <= character <= "힣" else _nfkd(character)


def _nfd_of_folded(character: str) -> str:
    return _nfd(character.casefold()) if character.casefold() != character else character


def _nfkd_of_folded(character: str) -> str:
    return _nfkd(character.casefold()) if character.casefold() != character else character


_CHANGES = {
    "NFKC": (_nfkd_to_compose, _nfkd_of_folded),
    "NFD": (_nfd, _nfd_of_folded),
    "NFKD": (_nfkd, _nfkd_of_folded),
}
"""What each normal form does to a character first, and then to each character of the result if case is folded."""


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


def _onnx_composed(op: Op, texts: Value) -> Value:
    """Adds the nodes that return the NFC of string[N]."""
    return _composed(op, _decomposed(op, texts, _nfd_to_compose))


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
