"""The inputs of an exported file, as the arrays that ONNX Runtime takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from s2s_core.config.decoding import INPUTS
from s2s_core.config.fields import LARGEST
from s2s_core.errors import ConfigError, DataError, is_utf8

TEXTS = ("prefix", "answer")
"""The inputs, besides the source, that are texts: one for all sources, or one for each."""

_LONGEST_SHOWN = 60
"""The most characters of a wrong value in a message."""


def required_inputs(inputs: Sequence[onnxruntime.NodeArg], decoding: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Returns values for the inputs, besides the source, that a file has no default for.

    Args:
        inputs: Those of the file without a default, the source first.
        decoding: The settings that they have by default.
    """
    names = [value.name for value in inputs[1:]]
    return {name: strings([""]) if name in TEXTS else number(name, decoding[name]) for name in names}


def number(name: str, value: Any) -> NDArray[Any]:
    """Returns the value of a setting of the search.

    Raises:
        ConfigError: It is no number, no whole one where it must be, infinite or too large.
    """
    kind = np.dtype(INPUTS[name].kind)
    what, types = ("a whole number", int | np.integer) if kind.kind == "i" else ("a number", int | float | np.number)
    if not isinstance(value, types) or isinstance(value, bool) or not abs(value) <= LARGEST:
        raise ConfigError(f"{name} must be {what} from -{LARGEST} to {LARGEST} (got {_shown(value)})")
    return np.array(value, kind)


def strings(texts: Sequence[str]) -> NDArray[np.object_]:
    """Returns texts, string[N].

    Raises:
        DataError: They are no list of texts that UTF-8 can hold.
    """
    if isinstance(texts, str | bytes | Mapping) or not hasattr(texts, "__len__"):
        raise DataError(f"give texts as a list, such as ['hello'] (got {_shown(texts)})")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {place} is no string (got {_shown(text)})")
        if not is_utf8(text):
            raise DataError(f"text {place} holds half of a surrogate pair, which UTF-8 can't hold: {text!r}")
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def one_each(name: str, given: str | Sequence[str], count: int) -> NDArray[np.object_]:
    """Returns prefixes or answers, one for each text.

    Args:
        name: What they are.
        given: One for all texts, or one for each.
        count: The number of texts.

    Raises:
        DataError: There are not as many as texts, or they are no texts.
    """
    texts = [given] * count if isinstance(given, str) else given
    if not hasattr(texts, "__len__") or len(texts) != count:
        got = len(texts) if hasattr(texts, "__len__") else _shown(given)
        raise DataError(f"give one {name} for all texts, or one for each: {count} (got {got})")
    return strings(texts)


def _shown(value: object) -> str:
    """Returns a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
