"""What a request asks a model: texts, and how to search for their answers."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import attrs

from s2s_core.config.decoding import INPUTS, KINDS
from s2s_core.config.fields import LARGEST, BadValueError
from s2s_core.errors import closest, is_utf8, listing
from s2s_core.serving.limits import Limits
from s2s_core.serving.request_error import RequestError


@attrs.frozen
class Query:
    """Texts, and how to search for their answers.

    Attributes:
        texts: The sources.
        prefixes: What each answer begins with; None asks for nothing.
        search: Settings of the search; the file's defaults apply to others.
    """

    texts: Sequence[str]
    prefixes: Sequence[str] | None = None
    search: Mapping[str, float] = attrs.Factory(dict)

    @property
    def group(self) -> Hashable:
        """What queries have in common that can be answered in one batch."""
        return self.prefixes is not None, *sorted(self.search.items())


def read_query(
    texts: Sequence[Any],
    prefix: str | Sequence[Any] | None,
    search: Mapping[str, Any],
    *,
    inputs: frozenset[str],
    limits: Limits,
) -> Query:
    """Returns a query that a model can answer.

    Args:
        texts: The sources.
        prefix: What each answer begins with: one text for all, or one for each.
        search: Settings of the search, by their names.
        inputs: The settings that the model's file takes.
        limits: The most texts and characters.

    Raises:
        RequestError: Something isn't as it must be.
    """
    if len(texts) > limits.texts:
        raise RequestError(f"a request may have at most {limits.texts:,} texts (got {len(texts):,})")
    for number, text in enumerate(texts):
        _require_text(text, f"text {number}", limits)
    for name in (*search, *(() if prefix is None else ("prefix",))):
        if name not in inputs:
            raise RequestError(f"the model takes no {name!r}{closest(name, inputs)}; it takes: {listing(inputs)}")
    numbers = {name: _number(name, value) for name, value in search.items()}
    return Query(texts, _prefixes(prefix, len(texts), limits), numbers)


def _require_text(text: Any, what: str, limits: Limits) -> None:
    if not isinstance(text, str):
        raise RequestError(f"{what} is no text")
    if len(text) > limits.characters:
        raise RequestError(f"{what} must have at most {limits.characters:,} characters (got {len(text):,})")
    if not is_utf8(text):
        raise RequestError(f"{what} holds half of a surrogate pair, which UTF-8 can't hold")


def _prefixes(prefix: str | Sequence[Any] | None, count: int, limits: Limits) -> Sequence[str] | None:
    if prefix is None:
        return None
    prefixes = [prefix] * count if isinstance(prefix, str) else prefix
    if len(prefixes) != count:
        raise RequestError(f"give one prefix for all texts, or one for each: {count} (got {len(prefixes)})")
    for number, one in enumerate(prefixes):
        _require_text(one, f"prefix {number}", limits)
    return prefixes


def _number(name: str, value: Any) -> float:
    """Returns the value of a search setting within the bounds that its field declares."""
    kind, _, declared = INPUTS[name]
    whole = kind == KINDS[int]
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise RequestError(f"{name!r} must be a {'whole ' if whole else ''}number")
    if not abs(value) <= LARGEST or not math.isfinite(value):
        raise RequestError(f"{name!r} must be a number from -{LARGEST} to {LARGEST}")
    try:
        for check in declared.metadata["checks"]:
            check(None, declared, value)
    except BadValueError as error:
        raise RequestError(str(error)) from error
    return value if whole else float(value)
