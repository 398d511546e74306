"""Search settings that become optional inputs of the exported file, and the features that they belong to."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs

from s2s_core.config.tables import DecodingConfig

KINDS: Mapping[Any, str] = {int: "int64", float: "float32"}
"""The name of each setting type in numpy, PyTorch and ONNX."""


class Features(NamedTuple):
    """The optional parts of a search, each of which costs time in every step. A file has those that its export asked for."""

    coverage: bool = False
    no_repeat: bool = False
    sampling: bool = False
    prefix: bool = False


ASKED_BY = {
    "coverage": "decoding.coverage_penalty=0.2",
    "no_repeat": "decoding.no_repeat_ngram=3",
    "sampling": "decoding.sampling=true",
    "prefix": "export.prefix=true",
}
"""The setting with which an export asks for each feature."""


class Input(NamedTuple):
    """An input of a file that has a default.

    Attributes:
        kind: The name of its type in numpy and PyTorch.
        feature: The part of the search that it belongs to; ``None`` if every file has it.
        field: The setting that declares it.
    """

    kind: str
    feature: str | None
    field: "attrs.Attribute[Any]"


def inputs_of(config: type) -> dict[str, Input]:
    """Returns the inputs that a configuration's search settings declare, by their names."""
    return {
        field.name: Input(KINDS[field.type], field.metadata["feature"], field)
        for field in attrs.fields(config)
        if field.metadata.get("search")
    }


INPUTS = inputs_of(DecodingConfig)
"""All optional inputs except ``prefix``, which is text."""


def features(decoding: DecodingConfig, *, prefix: bool) -> Features:
    """Returns the features that a search needs for its settings, and for a prefix if it has one."""
    return Features(decoding.coverage_penalty != 0, decoding.no_repeat_ngram > 0, decoding.sampling, prefix)


def chosen(decoding: DecodingConfig, parts: Features) -> Iterator[tuple[str, str, Any]]:
    """Yields the name, type and value of each input of a search with these features."""
    for name, (kind, feature, _) in INPUTS.items():
        if feature is None or getattr(parts, feature):
            yield name, kind, getattr(decoding, name)
