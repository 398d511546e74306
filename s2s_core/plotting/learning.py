"""Learning curves: loss and score after so many updates, of one run or of several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.errors import ConfigError, ModelError, closest, listing
from s2s_core.plotting.log import names, numbers, read_log, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class LearningCurve:
    """How one run learnt.

    Attributes:
        name: The run's.
        metric: What is scored.
        steps: Updates before each validation.
        losses: Mean loss of a target token since the validation before.
        scores: Of the validation.
    """

    name: str
    metric: str
    steps: list[int]
    losses: list[float]
    scores: list[float]


def learning_curves(folders: Sequence[Path], metric: str | None = None) -> list[LearningCurve]:
    """Reads one curve for each folder of a run.

    Args:
        folders: Of the runs.
        metric: By default, the first of the first run.

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
        if metric not in scores[0]:
            raise ConfigError(
                f"{folder} has no metric {metric!r}{closest(metric, scores[0])}; it has: {listing(scores[0])}"
            )
        steps, losses = (numbers(records, key, log) for key in ("step", "loss"))
        curves.append(LearningCurve(name, metric, steps, losses, numbers(scores, metric, log)))
    return curves


def draw_learning(curves: Sequence[LearningCurve], *, percent: bool) -> "Figure":
    """Draws the losses above the scores.

    Args:
        curves: Of one metric.
        percent: Whether its scores are shares.
    """
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        drawn, (above, below) = figure.new_figure(6.4, 5.4, rows=2)
        for axes, title in ((above, "training loss of a target token"), (below, f"validation {curves[0].metric}")):
            axes.set_title(figure.title(title))
            for number, curve in enumerate(curves):
                values = curve.losses if axes is above else curve.scores
                figure.draw_line(axes, number, curve.steps, values)
        below.set_xlabel("updates")
        below.set_xlim(left=0)
        above.set_ylim(bottom=0)
        if percent:
            figure.percent(below)
        figure.label_lines(above, [(curve.name, curve.steps[-1], curve.losses[-1]) for curve in curves])
        figure.label_lines(below, [(curve.name, curve.steps[-1], curve.scores[-1]) for curve in curves])
        return drawn
