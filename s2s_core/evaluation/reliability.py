"""Reliability: whether answers of which a model is sure to some degree are right to that degree."""

import math
from collections.abc import Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Answered

BINS = 10
"""How many bins of equal width there are, from 0 to 1."""

SUREST = 0.8
"""The share of the answers whose errors are counted apart."""


@attrs.frozen
class Bin:
    """The answers with similar confidence.

    Attributes:
        answers: How many there are.
        confidence: Their mean confidence.
        right: The share of them that is right.
    """

    answers: int
    confidence: float
    right: float


@attrs.frozen
class Reliability:
    """How well confidence and truth agree.

    Attributes:
        bins: From unsure to sure, without empty ones.
        calibration_error: The expected calibration error: the mean difference between a bin's confidence and the share
            of its answers that is right, weighted by its answers (Guo et al. 2017, arXiv 1706.04599, equation 3).
        surest_wrong: The share of wrong answers among the 80 % that are surest.
    """

    bins: list[Bin]
    calibration_error: float
    surest_wrong: float

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON can hold it."""
        return attrs.asdict(self)

    def in_words(self) -> str:
        """Returns it as one line."""
        return (
            f"the surest {SUREST:.0%} of the answers have {self.surest_wrong:.2%} errors, and the expected calibration "
            f"error is {self.calibration_error:.2%}"
        ).replace("%", " %")


def reliability(answered: Answered, confidences: Sequence[float]) -> Reliability:
    """Measures the reliability of answers.

    Args:
        answered: The answers; one is right if it is one of the row's references.
        confidences: Of each row, from 0 to 1.
    """
    rows = sorted(zip(confidences, answered.is_right(), strict=True), key=lambda row: -row[0])
    bins = [_bin(members) for place in range(BINS) if (members := [row for row in rows if _place(row[0]) == place])]
    error = math.fsum(each.answers * abs(each.confidence - each.right) for each in bins) / len(rows)
    surest = rows[: math.ceil(SUREST * len(rows))]
    return Reliability(bins, error, 1 - _bin(surest).right)


def _place(confidence: float) -> int:
    """Returns the number of the bin that a confidence belongs to."""
    return min(int(confidence * BINS), BINS - 1)


def _bin(rows: Sequence[tuple[float, bool]]) -> Bin:
    """Returns what there is to tell of answers, each with its confidence and whether it is right."""
    count = len(rows)
    return Bin(count, math.fsum(sure for sure, _ in rows) / count, sum(right for _, right in rows) / count)
