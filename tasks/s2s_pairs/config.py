"""The settings of the task ``pairs``."""

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


def _is_set(path: str) -> bool:
    return bool(path) and _has_a_name(path)


def _is_column(value: int | str) -> bool:
    return value >= 1 if isinstance(value, int) else value != ""


def _is_no_limit_or_at_least_1(value: float) -> bool:
    return value == 0 or 1 <= value < math.inf


_A_COLUMN = must_be("a column's name, or its number from 1 on", _is_column)

_COLUMNS = must_be(
    "different columns, each a name or a number from 1 on",
    lambda columns: all(map(_is_column, columns)) and len({*columns}) == len(columns),
)


@attrs.frozen
class PairsConfig:
    """The files, their format, and which of their pairs to use."""

    train: str = setting(
        "", "file of training pairs, hf:NAME, or - for standard input", must_be(_PAIRS, _is_set), path=True
    )
    train_target: str = setting("", "file of targets, line by line, if train has only the sources", path=True)
    validation: str = setting(
        "",
        "validation pairs, as in train; by default some are split off train",
        must_be(_PAIRS, _has_a_name),
        path=True,
    )
    validation_target: str = setting("", "file of targets, if validation has only the sources", path=True)
    test: str = setting(
        "", "test pairs, as in train; by default some are split off train", must_be(_PAIRS, _has_a_name), path=True
    )
    test_target: str = setting("", "file of targets, if test has only the sources", path=True)
    held_out: int = setting(
        1000, "maximum number of sources to split off for validation, and as many for the test", at_least(1)
    )
    format: str = setting("auto", "file format; auto goes by the file's ending, with TSV as default", one_of(*FORMATS))
    header: bool = setting(default=False, help="whether the first row of TSV and CSV names the columns")
    source_column: int | str = setting(1, "column of the sources: its number, or its name in the header", _A_COLUMN)
    target_column: int | str = setting(2, "column of the targets", _A_COLUMN)
    feature_columns: tuple[int | str, ...] = setting(
        (), "columns of features, with which the source begins as tags, such as <PST>", _COLUMNS
    )
    feature_separator: str = setting(
        ";", "separator of several features in a column", must_be("at least one character", bool)
    )
    references: str = setting(
        "each",
        "whether each validation and test line counts, or any target of lines with the same source is right",
        one_of("each", "all"),
    )
    allow_empty_target: bool = setting(
        default=False, help="whether a target may be empty, to learn when to say nothing"
    )
    on_error: str = setting("stop", "whether a bad row ends the run or is skipped", one_of("stop", "skip"))
    length_unit: str = setting("characters", "unit of the length limits below", one_of("characters", "words"))
    minimum_source: int = setting(0, "minimum length of training sources", at_least(0))
    maximum_source: int = setting(0, "maximum length of training sources; 0 sets no limit", at_least(0))
    minimum_target: int = setting(0, "minimum length of training targets", at_least(0))
    maximum_target: int = setting(0, "maximum length of training targets; 0 sets no limit", at_least(0))
    maximum_ratio: float = setting(
        0.0,
        "maximum ratio of the longer side's length to the shorter side's; 0 sets no limit",
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
                expected = f"a file other than {name}; leave it out if both columns are in one file"
                raise BadValueError(f"{name}_target", expected, targets)
            if targets and self.feature_columns:
                expected = f"empty where {name}_target is set, as these files have no columns"
                raise BadValueError("feature_columns", expected, list(self.feature_columns))

    @property
    def has_header(self) -> bool:
        """Whether the first row of TSV and CSV is a header."""
        columns = (self.source_column, self.target_column, *self.feature_columns)
        return self.header or any(isinstance(column, str) for column in columns)

    def path(self, split: str) -> str:
        """Returns the file of a split's pairs, or of their sources; empty if the split is split off."""
        value: str = getattr(self, split)
        return value

    def target_path(self, split: str) -> str:
        """Returns the file of a split's targets; empty if the file of the sources has them too."""
        value: str = getattr(self, f"{split}_target")
        return value
