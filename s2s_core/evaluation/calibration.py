"""Calibration: how probable it is that an answer is right, given how probable the model finds it."""

from collections.abc import Sequence

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

LOWEST = -1e4
"""The lowest log-probability that is told from lower ones, so that none is infinite."""

RIDGE = 1e-3
"""The penalty on the weights' squares, which keeps them finite where a line separates right from wrong."""

ROUNDS = 100
"""Newton's steps, at most; it usually needs fewer than ten."""


@attrs.frozen
class Calibration:
    """A line, and a curve that never falls.

    Label smoothing, dropout and overfitting make a model more or less sure than it should be, in each token. So the
    logarithm of the odds that an answer is right is taken as a line in its log-probability and its length (after Platt
    1999); the curve then corrects the line where it is wrong, if there are examples enough (isotonic regression, after
    Zadrozny and Elkan 2002).

    Attributes:
        temperature: What log-probabilities are divided by.
        per_token: What each token of an answer, its end included, adds to the logarithm of the odds.
        offset: What is added to it.
        points: Where the curve has its points: probabilities by the line, rising.
        values: The probabilities there, which never fall. Between two points the curve is straight.
    """

    temperature: float
    per_token: float
    offset: float
    points: tuple[float, ...] = (0.0, 1.0)
    values: tuple[float, ...] = (0.0, 1.0)

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
        features = np.stack([np.maximum(log_probabilities, LOWEST), lengths, np.ones(len(right))], 1)
        slope, per_token, offset = _fit_line(features, right)
        line = cls(1 / slope, per_token, offset)
        points, values = _fit_curve(line(log_probabilities, lengths), right)
        return attrs.evolve(line, points=points, values=values)

    def __call__(self, log_probabilities: Numbers, lengths: Numbers) -> Numbers:
        """Returns the probability that each answer is right, [N]; an answer of probability 0 is never right."""
        odds = np.maximum(log_probabilities, LOWEST) / self.temperature + self.per_token * lengths + self.offset
        line = 1 / (1 + np.exp(-np.clip(odds, -80, 80)))
        return np.where(np.isneginf(log_probabilities), 0.0, np.interp(line, self.points, self.values))


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
    """Returns the weights of a logistic regression, by Newton's method; that of the log-probability is positive."""
    penalty = RIDGE * np.diag([1.0, 1.0, 0.0])
    weights = np.array([1.0, 0.0, 0.0])
    for _ in range(ROUNDS):
        predicted = 1 / (1 + np.exp(-np.clip(features @ weights, -80, 80)))
        gradient = features.T @ (predicted - right) + penalty @ weights
        curvature = (features * (predicted * (1 - predicted))[:, None]).T @ features + penalty + 1e-6 * np.eye(3)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    weights[0] = max(weights[0], RIDGE)
    return [float(weight) for weight in weights]


def _fit_curve(line: Numbers, right: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns points and values of a curve that never falls; a straight one if there are few examples."""
    count = min(len(right) // BLOCK, MOST_POINTS)
    if count < LEAST_POINTS:
        return (0.0, 1.0), (0.0, 1.0)
    order = np.argsort(line, kind="stable")
    blocks = [
        (len(rows), float(line[rows].mean()), (right[rows].sum() + 0.5) / (len(rows) + 1))
        for rows in np.array_split(order, count)
    ]
    merged: list[tuple[int, float, float]] = []
    for block in blocks:
        merged.append(block)
        while len(merged) > 1 and merged[-2][2] >= merged[-1][2]:
            merged[-2:] = [_together(*merged[-2:])]
    points, values = ([float(block[place]) for block in merged] for place in (1, 2))
    return (0.0, *points, 1.0), (0.0, *values, 1.0)


def _together(one: tuple[int, float, float], other: tuple[int, float, float]) -> tuple[int, float, float]:
    """Returns two blocks as one: how many examples, and the means of both numbers."""
    count = one[0] + other[0]
    point, value = ((one[0] * one[place] + other[0] * other[place]) / count for place in (1, 2))
    return count, point, value
