"""What a report tells of a run, before it becomes HTML."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.evaluation.answers import Scores
from s2s_core.evaluation.confusions import Confusions
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.metric import BaseMetric

if TYPE_CHECKING:
    from s2s_core.plotting.attention import AttentionMap
    from s2s_core.plotting.learning import LearningCurve
    from s2s_core.plotting.length import LengthCurve


@attrs.frozen
class ShownAnswer:
    """An answer that a report shows.

    Attributes:
        source: The source.
        reference: The right answer, or the nearest of several.
        hypothesis: The model's answer.
        scores: Its scores alone.
        attention: What the decoder looked at, if it tells.
    """

    source: str
    reference: str
    hypothesis: str
    scores: Scores
    attention: "AttentionMap | None" = None


@attrs.frozen
class ExportedFile:
    """A run's exported file.

    Attributes:
        size: Its bytes.
        metadata: What it says of itself.
        problem: Why it can't be opened; it has no metadata then.
    """

    size: int
    metadata: Mapping[str, Any]
    problem: str = ""


@attrs.frozen
class RunContents:
    """What a report tells of a run.

    Attributes:
        name: Its short name.
        title: What it learns with which model.
        seed: Of its training.
        settings: Every setting by its path.
        steps: How many updates training is meant to have.
        metrics: The metrics by name, as far as they are installed; they format scores.
        curves: The learning curves, one for each metric.
        best_step: The step of the model that was kept, if there is one.
        evaluation: Of the best model on the test set, if it could be evaluated.
        recorded: The test scores that the run's log has.
        lengths: The scores by source length, one for each metric.
        reliability: The confidence, the share of right answers and the number of answers of each bin, if there are any.
        answers: The worst wrong answers, or some right ones if there are no others.
        confusions: What the model takes for what.
        parameters: The number of its parameters.
        weights_size: The bytes of its weights.
        file: The exported file, if there is one.
        problems: What is missing and why, a sentence each.
    """

    name: str
    title: str
    seed: int
    settings: Mapping[str, Any]
    steps: int
    metrics: Mapping[str, BaseMetric]
    curves: "Sequence[LearningCurve]" = ()
    best_step: int | None = None
    evaluation: Evaluation | None = None
    recorded: Scores = attrs.field(factory=dict)
    lengths: "Sequence[LengthCurve]" = ()
    reliability: tuple[Sequence[float], Sequence[float], Sequence[int]] | None = None
    answers: Sequence[ShownAnswer] = ()
    confusions: Confusions | None = None
    parameters: int | None = None
    weights_size: int | None = None
    file: ExportedFile | None = None
    problems: Sequence[str] = ()

    @property
    def scores(self) -> Scores:
        """The test scores: those of the evaluation or, without one, those that the log has."""
        return self.evaluation.scores if self.evaluation is not None else self.recorded

    @property
    def last_step(self) -> int | None:
        """The step of the last validation."""
        return self.curves[0].steps[-1] if self.curves else None

    def metric(self, name: str) -> BaseMetric:
        """Returns a metric, or one that shows scores as they are if it isn't installed."""
        return self.metrics.get(name) or BaseMetric()
