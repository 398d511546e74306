"""The spread of scores over several runs: mean and standard deviation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Scores
from s2s_core.evaluation.metric import BaseMetric


@attrs.frozen
class Spread:
    """The scores of runs that differ only in their seed.

    Attributes:
        seeds: The seeds, at least two.
        scores: The scores of each run, in the order of the seeds.
        metrics: The metrics by name; they format the scores.
    """

    seeds: Sequence[int]
    scores: Sequence[Scores]
    metrics: Mapping[str, BaseMetric]

    def mean(self, metric: str) -> float:
        """Returns the mean of a metric's scores."""
        scores = self._of(metric)
        return math.fsum(scores) / len(scores)

    def deviation(self, metric: str) -> float:
        """Returns the standard deviation of a metric's scores, as a sample's: divided by one less than their number."""
        scores, mean = self._of(metric), self.mean(metric)
        return math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))

    def display(self, metric: str) -> str:
        """Returns mean and standard deviation formatted for people."""
        show = self.metrics[metric].display
        return f"{show(self.mean(metric))} ± {show(self.deviation(metric))}"

    def to_json(self) -> dict[str, Any]:
        """Returns the scores as JSON can hold them."""
        return {
            name: {"mean": self.mean(name), "standard_deviation": self.deviation(name), "seeds": self._of(name)}
            for name in self.metrics
        }

    def _of(self, metric: str) -> list[float]:
        return [scores[metric] for scores in self.scores]
