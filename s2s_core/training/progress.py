"""The events of training."""

from collections.abc import Mapping, Sequence
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
        """Called before the data is read; nothing is written yet."""

    def settled(self, run: Run, choices: Sequence[str], updates_per_epoch: float | None) -> None:
        """What the recipe left to the data is settled.

        Args:
            run: With nothing left open.
            choices: A line for each tokenizer that was chosen.
            updates_per_epoch: The number of updates that train on every pair once; ``None`` if the examples never end.
        """

    def built(self, run: Run, checkpoint: "TextModel", inheritance: "Inheritance | None") -> None:
        """The model was made, and took over what it inherits."""

    def lacking(self, run: Run, validations: int) -> None:
        """A run goes on whose log lacks the lines of so many earlier validations, perhaps none."""

    def started(self, step: int, steps: int, metrics: Mapping[str, BaseMetric]) -> None:
        """Training begins after ``step`` of ``steps`` updates; the metrics know how to show a score."""

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Called after every few updates; ``loss`` is their mean per target token, and the speed is in these tokens."""

    def validated(
        self, step: int, loss: float, scores: Mapping[str, float], *, validation_loss: float, best: bool
    ) -> None:
        """Called after a validation.

        Args:
            step: The number of updates so far.
            loss: The mean loss per target token since the last validation.
            scores: The scores by metric.
            validation_loss: The mean loss per target token of the validation set, without dropout.
            best: Whether the model is the best so far, and so is kept.
        """

    def averaged(self, models: int, scores: Mapping[str, float], *, best: bool) -> None:
        """Called when the mean of the best ``models`` models is validated; ``best`` tells whether it is kept."""

    def stopped(self) -> None:
        """Called when the updates or an export end or fail."""

    def trained(self, run: Run, state: "TrainingState") -> None:
        """Called when training has ended and the best model is on disk."""
