"""What training tells while it works."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from s2s_core.evaluation.metric import BaseMetric
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from s2s_core.model.checkpoint import TextModel
    from s2s_core.training.initial import Inheritance
    from s2s_core.training.state import TrainingState


class TrainingProgress:
    """Receives the events of training. This default ignores them."""

    def opened(self, run: Run) -> None:
        """The data is about to be read; nothing is written yet."""

    def built(self, run: Run, checkpoint: "TextModel", inheritance: "Inheritance | None") -> None:
        """The model was made, and took over what it inherits."""

    def started(self, step: int, steps: int, metrics: Mapping[str, BaseMetric]) -> None:
        """Training begins after ``step`` of ``steps`` updates; the metrics know how to show a score."""

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Some updates were made; the loss is their mean over target tokens."""

    def validated(self, step: int, loss: float, scores: Mapping[str, float], *, best: bool) -> None:
        """The model was validated.

        Args:
            step: The number of updates so far.
            loss: Their mean over target tokens since the last validation.
            scores: By metric.
            best: Whether it is the best so far, and kept.
        """

    def averaged(self, models: int, scores: Mapping[str, float], *, best: bool) -> None:
        """The mean of the best ``models`` models was validated; ``best`` says whether it is kept."""

    def stopped(self) -> None:
        """The updates, or the making of the file, end or fail."""

    def trained(self, run: Run, state: "TrainingState") -> None:
        """Training has ended, and the best model is on disk."""
