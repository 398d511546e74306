"""How answers are searched. Each setting is declared once: the file's inputs and ``predict``'s options follow."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs

from s2s_core.config.fields import MOST_ROWS, BadValueError, at_least, between, search_setting, setting

MOST_BEAMS = 1000
MOST_TOKENS = 1_000_000
"""Of an answer."""


@attrs.frozen
class DecodingConfig:
    """How answers are searched, and the defaults of the exported file.

    A field that ``search_setting`` declares is an input of the file and an option of ``s2s predict`` as well.
    """

    beam_size: int = search_setting(
        1, "beams; 1 is greedy search; with sampling, the number of samples", between(1, MOST_BEAMS)
    )
    max_length: int = search_setting(
        100, "maximum number of tokens in an answer, its end included", between(1, MOST_TOKENS)
    )
    max_length_ratio: float = search_setting(
        0.0, "how much each source token, its end included, adds to max_length", between(0, MOST_TOKENS)
    )
    min_length: int = search_setting(
        0, "minimum number of tokens in an answer, its end included", between(0, MOST_TOKENS)
    )
    min_length_ratio: float = search_setting(
        0.0, "how much each source token, its end included, adds to min_length", between(0, MOST_TOKENS)
    )
    length_penalty: float = search_setting(
        0.0, "0 ranks hypotheses by log-probability, 1 almost by log-probability per token", between(-10, 10)
    )
    coverage_penalty: float = search_setting(
        0.0,
        "how strongly hypotheses are penalised that attend too little to parts of the source; 0 disables it",
        at_least(0),
        feature="coverage",
    )
    no_repeat_ngram: int = search_setting(
        0, "n-grams of this size never occur twice in an answer; 0 disables it", at_least(0), feature="no_repeat"
    )
    sampling: bool = setting(default=False, help="whether answers are sampled instead of searched")
    temperature: float = search_setting(
        1.0,
        "for sampling: below 1 favours likely tokens, above 1 unlikely ones; 0 takes the likeliest",
        at_least(0),
        feature="sampling",
    )
    top_k: int = search_setting(
        0, "for sampling: only this many of the best tokens; 0 allows all", at_least(0), feature="sampling"
    )
    top_p: float = search_setting(
        1.0,
        "for sampling: only the best tokens that together reach this probability; 1 allows all",
        between(0, 1),
        feature="sampling",
    )
    seed: int = search_setting(
        0, "for sampling: another seed gives another answer", between(0, 2**32 - 1), feature="sampling"
    )
    batch_size: int = setting(256, "sources decoded at once in PyTorch", between(1, MOST_ROWS))

    def __attrs_post_init__(self) -> None:
        """Checks that an answer can be as long as it must be."""
        if self.min_length > self.max_length:
            raise BadValueError("min_length", f"at most max_length, {self.max_length}", self.min_length)


KINDS: Mapping[Any, str] = {int: "int64", float: "float32"}
"""What numpy, PyTorch and ONNX call the type of a setting."""


class SearchFeatures(NamedTuple):
    """The features of a search that cost time in each step. A file has those that its export asked for."""

    coverage: bool = False
    no_repeat: bool = False
    sampling: bool = False
    prefix: bool = False


ASKED_BY = {
    "coverage": "decoding.coverage_penalty=0.2",
    "no_repeat": "decoding.no_repeat_ngram=3",
    "sampling": "decoding.sampling=true",
    "prefix": "export.prefix=true",
    "answer": "export.scorer=true",
}
"""How an export asks for each feature, and for the input of answers to score."""


class Input(NamedTuple):
    """An input of a file that has a default.

    Attributes:
        kind: The name of its type in numpy and PyTorch.
        feature: The part of the search that it belongs to; none if every file has it.
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
"""All optional inputs but ``prefix``, which is text."""


def features_of(decoding: DecodingConfig, *, prefix: bool) -> SearchFeatures:
    """Returns what a search needs for its settings, and for a prefix if there is one."""
    return SearchFeatures(decoding.coverage_penalty != 0, decoding.no_repeat_ngram > 0, decoding.sampling, prefix)


def graph_inputs(decoding: DecodingConfig, features: SearchFeatures) -> Iterator[tuple[str, str, Any]]:
    """Yields the name, kind and value of each input that a search with these features has."""
    for name, (kind, feature, _) in INPUTS.items():
        if feature is None or getattr(features, feature):
            yield name, kind, getattr(decoding, name)
