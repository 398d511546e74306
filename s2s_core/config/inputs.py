"""What can be set of a search: the inputs of an exported file that have a default, by the names of their settings."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from s2s_core.config.tables import DecodingConfig


class Features(NamedTuple):
    """The parts of a search that cost time in each step. A file has those that its export asked for."""

    coverage: bool = False
    no_repeat: bool = False
    sampling: bool = False
    prefix: bool = False


class Input(NamedTuple):
    """An input with a default.

    Attributes:
        kind: The name of its type in numpy and PyTorch.
        feature: The part of the search that it belongs to; none if every file has it.
    """

    kind: str
    feature: str | None = None


INPUTS = {
    "max_length": Input("int64"),
    "max_length_ratio": Input("float32"),
    "min_length": Input("int64"),
    "min_length_ratio": Input("float32"),
    "beam_size": Input("int64"),
    "length_penalty": Input("float32"),
    "coverage_penalty": Input("float32", "coverage"),
    "no_repeat_ngram": Input("int64", "no_repeat"),
    "temperature": Input("float32", "sampling"),
    "top_k": Input("int64", "sampling"),
    "top_p": Input("float32", "sampling"),
    "seed": Input("int64", "sampling"),
}
"""All but ``prefix``, which is text."""

ASKED_BY = {
    "coverage": "decoding.coverage_penalty=0.2",
    "no_repeat": "decoding.no_repeat_ngram=3",
    "sampling": "decoding.sampling=true",
    "prefix": "export.prefix=true",
}
"""How an export asks for each feature."""


def features(decoding: DecodingConfig, *, prefix: bool) -> Features:
    """Returns what a search needs for its settings, and for a prefix if there is one."""
    return Features(decoding.coverage_penalty != 0, decoding.no_repeat_ngram > 0, decoding.sampling, prefix)


def chosen(decoding: DecodingConfig, parts: Features) -> Iterator[tuple[str, str, Any]]:
    """Yields the name, kind and value of each input that a search with these parts has."""
    for name, (kind, feature) in INPUTS.items():
        if feature is None or getattr(parts, feature):
            yield name, kind, getattr(decoding, name)
