"""Calibration: how probable it is that an answer is right, given how probable the model finds it."""

from collections.abc import Sequence
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.errors import DataError

Numbers = NDArray[np.float64]

LEAST_EXAMPLES = 20
"""The fewest examples that a calibration is fitted on."""

BLOCK = 50
"""How many examples a point of the curve stands for, at least."""

LEAST_POINTS, MOST_POINTS = 5, 20
"""How many points the curve has, between its ends."""

TAIL = 10.0
"""How far beyond the outermost blocks the curve reaches 0 and 1."""

LEAST_GAP = 1e-3
"""The least distance of two points."""

LOWEST = -1e4
"""The lowest log-probability that is told from lower ones, so that none is infinite."""

RIDGE = 0.1
"""The penalty on the squares of the weights' distance from the usual ones."""

LEAST_WEIGHT = 0.01
"""The least weight of the log-probability, so that a surer model is never less sure."""

ROUNDS = 100
"""Newton's steps, at most; it usually needs fewer than ten."""


@attrs.frozen
class Calibration:
    """A line, and from it to a probability a curve that never falls.

    Label smoothing, dropout and overfitting make a model more or less sure than it should be, in each token. So the
    logarithm of the odds that an answer is right is taken as a line in its log-probability and its length (after Platt
    1999). The probability is the logistic function of that or, if there are examples enough, a curve through blocks of
    them that never falls (isotonic regression, after Zadrozny and Elkan 2002).

    Attributes:
        temperature: What log-probabilities are divided by.
        per_token: What each token of an answer, its end included, adds to the logarithm of the odds.
        offset: What is added to it.
        points: Where the curve has its points: logarithms of the odds, rising. Without any it is the logistic function.
        values: The probabilities there, which never fall. Between two points the curve is straight.
    """

    temperature: float
    per_token: float
    offset: float
    points: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    @classmethod
    def fit(cls, log_probabilities: Numbers, lengths: Numbers, right: NDArray[np.bool_]) -> "Calibration":
        """Fits a calibration to examples that the model wasn't trained on.

        Args:
            log_probabilities: Of the answers, [N].
            lengths: Of the answers in tokens, their ends included, [N].
            right: Which answers are right, [N].

        Raises:
            DataError: There are too few examples.
        """
        require_enough(len(right))
        exist = np.isfinite(log_probabilities)
        log_probabilities, lengths, right = log_probabilities[exist], lengths[exist], right[exist]
        slope, per_token, offset = _fit_line(np.stack([log_probabilities, lengths, np.ones(len(right))], 1), right)
        line = cls(1 / slope, per_token, offset)
        points, values = _fit_curve(line.odds(log_probabilities, lengths), right)
        return attrs.evolve(line, points=points, values=values)

    def __call__(self, log_probabilities: Numbers, lengths: Numbers) -> Numbers:
        """Returns the probability that each answer is right, [N].

        An answer of probability 0 is never right, nor is one whose probability is no number, as of an endless answer.
        """
        odds = self.odds(log_probabilities, lengths)
        sure = np.interp(odds, self.points, self.values) if self.points else _logistic(odds)
        return np.where(np.isfinite(log_probabilities), sure, 0.0)

    def odds(self, log_probabilities: Numbers, lengths: Numbers) -> Numbers:
        """Returns the logarithm of the odds that each answer is right, by the line, [N]."""
        odds: Numbers = (
            np.maximum(log_probabilities, LOWEST) / self.temperature + self.per_token * lengths + self.offset
        )
        return odds


def _logistic(odds: Numbers) -> Numbers:
    probabilities: Numbers = 1 / (1 + np.exp(-np.clip(odds, -80, 80)))
    return probabilities


def require_enough(examples: int) -> None:
    """Checks that there are examples enough for a calibration.

    Raises:
        DataError: There are too few.
    """
    if examples < LEAST_EXAMPLES:
        raise DataError(
            f"a confidence needs at least {LEAST_EXAMPLES} validation examples to be calibrated on (got {examples})"
        )


def _fit_line(features: Numbers, right: NDArray[np.bool_]) -> Sequence[float]:
    """Returns the weights of a logistic regression, by Newton's method; that of the log-probability is positive.

    The targets are Platt's, slightly less than 1 and more than 0, so that a few examples that are all right don't make
    it certain. Where the examples tell nothing, the weights are those of the model's own probability.
    """
    count = right.sum()
    targets = np.where(right, (count + 1) / (count + 2), 1 / (len(right) - count + 2))
    usual = np.array([1.0, 0.0, 0.0])
    penalty = RIDGE * np.diag([1.0, 1.0, 0.0])
    weights = usual
    for _ in range(ROUNDS):
        predicted = _logistic(features @ weights)
        gradient = features.T @ (predicted - targets) + penalty @ (weights - usual)
        curvature = (features * (predicted * (1 - predicted))[:, None]).T @ features + penalty + 1e-6 * np.eye(3)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    weights[0] = max(weights[0], LEAST_WEIGHT)
    return [float(weight) for weight in weights]


def _fit_curve(odds: Numbers, right: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns points and values of a curve through blocks of examples; none if there are few."""
    count = min(len(right) // BLOCK, MOST_POINTS)
    if count < LEAST_POINTS:
        return (), ()
    order = np.argsort(odds, kind="stable")
    merged: list[_Block] = []
    for rows in np.array_split(order, count):
        merged.append(_Block(len(rows), float(odds[rows].mean()), (float(right[rows].sum()) + 0.5) / (len(rows) + 1)))
        while len(merged) > 1 and _must_merge(*merged[-2:]):
            merged[-2:] = [_together(*merged[-2:])]
    ends = merged[0].odds - TAIL, merged[-1].odds + TAIL
    points, values = zip(*((block.odds, block.right) for block in merged), strict=True)
    return (ends[0], *points, ends[1]), (0.0, *values, 1.0)


class _Block(NamedTuple):
    """Examples with similar odds: how many, the mean logarithm of their odds, and the share that is right."""

    examples: int
    odds: float
    right: float


def _must_merge(one: _Block, other: _Block) -> bool:
    """Returns whether the curve would fall from one block to the next, or rise too steeply to be computed."""
    return one.right >= other.right or other.odds - one.odds < LEAST_GAP


def _together(one: _Block, other: _Block) -> _Block:
    count = one.examples + other.examples
    odds, right = ((one.examples * a + other.examples * b) / count for a, b in zip(one[1:], other[1:], strict=True))
    return _Block(count, odds, right)
