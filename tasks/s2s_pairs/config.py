"""What can be set of the task ``pairs``."""

import math
import os

import attrs

from s2s_core import BadValueError, at_least, must_be, one_of, setting
from s2s_pairs.tables import HUB

FORMATS = ("auto", "tsv", "csv", "jsonl", "parquet")

STANDARD_INPUT = "-"

FILES = ("train", "train_target", "validation", "validation_target", "test", "test_target")
"""The settings that name files."""


_PAIRS = "a file of pairs, hf:NAME for a data set, or - for standard input"


def _has_a_name(path: str) -> bool:
    return not f"{path}:".startswith(f"{HUB}:")


def _are_given(path: str) -> bool:
    return bool(path) and _has_a_name(path)


def _is_column(value: int | str) -> bool:
    return value >= 1 if isinstance(value, int) else value != ""


def _is_no_limit_or_at_least_1(value: float) -> bool:
    return value == 0 or 1 <= value < math.inf


_A_COLUMN = must_be("a column's name, or its number from 1 on", _is_column)


@attrs.frozen
class PairsConfig:
    """Which files, what is in them, and what of it is used."""

    train: str = setting("", "file of training pairs, hf:NAME, or - for standard input", must_be(_PAIRS, _are_given))
    train_target: str = setting("", "file whose lines are the targets, if the lines of train are the sources alone")
    validation: str = setting(
        "", "validation pairs, as in train; without them some are split off train", must_be(_PAIRS, _has_a_name)
    )
    validation_target: str = setting("", "the same for validation")
    test: str = setting(
        "", "test pairs, as in train; without them some are split off train", must_be(_PAIRS, _has_a_name)
    )
    test_target: str = setting("", "the same for test")
    held_out: int = setting(1000, "most sources that are split off for validation, and for the test", at_least(1))
    format: str = setting("auto", "auto goes by the file's name; what has no other ending is TSV", one_of(*FORMATS))
    header: bool = setting(default=False, help="whether the first row of TSV and CSV names the columns")
    source_column: int | str = setting(1, "the sources' column: its number, or its name in the header", _A_COLUMN)
    target_column: int | str = setting(2, "the targets' column", _A_COLUMN)
    on_error: str = setting("stop", "whether a bad row ends the run, or is left out", one_of("stop", "skip"))
    length_unit: str = setting("characters", "what the lengths below count", one_of("characters", "words"))
    minimum_source: int = setting(0, "shortest source that is trained on", at_least(0))
    maximum_source: int = setting(0, "longest source that is trained on; 0 sets no limit", at_least(0))
    minimum_target: int = setting(0, "shortest target that is trained on", at_least(0))
    maximum_target: int = setting(0, "longest target that is trained on; 0 sets no limit", at_least(0))
    maximum_ratio: float = setting(
        0.0,
        "most that one side is longer than the other, as a factor; 0 sets no limit",
        must_be("at least 1, or 0 for no limit", _is_no_limit_or_at_least_1),
    )

    def __attrs_post_init__(self) -> None:
        files = [getattr(self, name) for name in FILES]
        if files.count(STANDARD_INPUT) > 1:
            raise BadValueError("train", "the only one that is -, as standard input is read once", self.train)
        for name in ("validation", "test"):
            if getattr(self, f"{name}_target") and not getattr(self, name):
                raise BadValueError(name, f"set where {name}_target is", "")
        for name in ("train", "validation", "test"):
            sources, targets = self.path(name), self.target_path(name)
            if targets and os.path.realpath(sources) == os.path.realpath(targets):
                expected = f"another file than {name}; leave it out if both columns are in one file"
                raise BadValueError(f"{name}_target", expected, targets)

    @property
    def has_header(self) -> bool:
        """Whether the first row of TSV and CSV is no pair."""
        return self.header or isinstance(self.source_column, str) or isinstance(self.target_column, str)

    def path(self, split: str) -> str:
        """Returns where a split's pairs, or their sources, are; empty if they are split off."""
        value: str = getattr(self, split)
        return value

    def target_path(self, split: str) -> str:
        """Returns where a split's targets are; empty if they stand beside their sources."""
        value: str = getattr(self, f"{split}_target")
        return value
