"""Paired bootstrap resampling: whether one model's better score could be the luck of the test set.

The method is that of Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004
(aclanthology.org/W04-3250): both models are scored on many test sets, each drawn with replacement from the rows of the
real one. It needs nothing of a metric but scores, and so suits those that aren't means over rows, such as BLEU.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.evaluation.answers import Answered, score
from s2s_core.evaluation.metric import BaseMetric

RESAMPLES = 1000

METHOD = "paired bootstrap (Koehn 2004, aclanthology.org/W04-3250)"

SEED = 0
"""The seed of the resamples, so that a comparison gives the same numbers each time."""

_TAIL = 0.025
"""The share of resamples beyond either end of a 95 % interval."""

Samples = Mapping[str, NDArray[np.float64]]
"""The scores of a model on each resample, [R], by metric."""


@attrs.frozen
class Difference:
    """How much another model's score differs from that of the first.

    Attributes:
        score: The difference on the real test set: the other's score minus the first one's.
        low: Where the 95 % interval of the resamples' differences begins.
        high: Where it ends.
        p_value: The share of resamples in which the model that scores better on the real test set doesn't; 1 where
            neither does.
    """

    score: float
    low: float
    high: float
    p_value: float

    @classmethod
    def of(cls, score: float, samples: NDArray[np.float64]) -> "Difference":
        """Measures a difference.

        Args:
            score: The difference on the real test set.
            samples: Those on the resamples, [R].
        """
        low, high = np.quantile(samples, [_TAIL, 1 - _TAIL])
        agreeing = np.mean(np.sign(samples) == np.sign(score)) if score else 0.0
        return cls(score, float(low), float(high), float(1 - agreeing))

    def to_json(self) -> dict[str, Any]:
        """Returns the difference as JSON can hold it."""
        return attrs.asdict(self)


def signed(display: Callable[[float], str], value: float) -> str:
    """Returns a difference of scores formatted for people, with its sign."""
    return ("+" if value > 0 else "") + display(value)


def shown_p_value(value: float, resamples: int) -> str:
    """Returns a p-value formatted for people; one that no resample has is below the share of a single one."""
    return f"{value:.3f}" if value else f"< {1 / resamples:.2g}"


def resampled_scores(
    answered: Answered,
    metrics: Mapping[str, BaseMetric],
    resamples: int = RESAMPLES,
    heard: Callable[[], None] = lambda: None,
) -> Samples:
    """Returns a model's scores on resamples of the test set, which are the same rows for every model.

    Args:
        answered: The sources and the model's answers.
        metrics: The metrics by name.
        resamples: How many there are, R.
        heard: Called after each.
    """
    rng = np.random.default_rng(SEED)
    count = len(answered.sources)
    samples: dict[str, NDArray[np.float64]] = {name: np.empty(resamples) for name in metrics}  # [R]
    for number in range(resamples):
        rows = answered.rows(rng.integers(count, size=count).tolist())
        for name, value in score(rows, metrics).items():
            samples[name][number] = value
        heard()
    return samples
