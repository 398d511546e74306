"""Learning curves: losses and score against the number of updates, for one or more runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.errors import ModelError
from s2s_core.plotting.log import names, numbers, read_log, require_metric, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class LearningCurve:
    """The learning curve of one run.

    Attributes:
        name: The run's short name.
        metric: The name of the metric.
        steps: The number of updates before each validation.
        losses: The mean loss of a target token since the previous validation.
        validation_losses: The mean loss of a target token of the validation set.
        scores: The score of each validation.
    """

    name: str
    metric: str
    steps: list[int]
    losses: list[float]
    validation_losses: list[float]
    scores: list[float]


def learning_curves(folders: Sequence[Path], metric: str | None = None) -> list[LearningCurve]:
    """Reads the learning curve of each run.

    Args:
        folders: The runs' folders.
        metric: The metric's name; by default the first metric of the first run.

    Raises:
        ConfigError: A run lacks the metric.
        ModelError: A run has no validation yet.
    """
    curves: list[LearningCurve] = []
    for name, folder in zip(names(folders), folders, strict=True):
        records = [record for record in read_log(folder) if "validation" in record]
        if not records:
            raise ModelError(f"{folder} has no validation yet")
        log = folder / "metrics.jsonl"
        scores = [scores_of(record, "validation", log) for record in records]
        metric = metric or next(iter(scores[0]))
        require_metric(metric, scores[0], folder)
        steps, losses, validation_losses = (numbers(records, key, log) for key in ("step", "loss", "validation_loss"))
        curves.append(LearningCurve(name, metric, steps, losses, validation_losses, numbers(scores, metric, log)))
    return curves


def draw_learning(curves: Sequence[LearningCurve], *, percent: bool) -> "Figure":
    """Draws the losses, dashed those of the validation set, above the scores.

    Args:
        curves: Curves of the same metric.
        percent: Whether its scores are shares.
    """
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        drawn, (above, below) = figure.new_figure(6.4, 5.4, rows=2)
        above.set_title("loss of a target token in training, dashed in validation")
        below.set_title(figure.title(f"validation {curves[0].metric}"))
        for number, curve in enumerate(curves):
            figure.draw_line(above, number, curve.steps, curve.losses)
            figure.draw_line(above, number, curve.steps, curve.validation_losses, dashed=True)
            figure.draw_line(below, number, curve.steps, curve.scores)
        below.set_xlabel("updates")
        below.set_xlim(left=0)
        above.set_ylim(bottom=0)
        if percent:
            figure.percent(below)
        figure.label_lines(above, [(curve.name, curve.steps[-1], curve.losses[-1]) for curve in curves])
        figure.label_lines(below, [(curve.name, curve.steps[-1], curve.scores[-1]) for curve in curves])
        return drawn
