"""Length curves: the score against the source length, for one or more runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.plotting.log import names, numbers, read_evaluation, require_metric, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class LengthCurve:
    """One run's score as a function of source length.

    Attributes:
        name: The run's short name.
        metric: The name of the metric.
        lengths: The mean length of each bucket, in tokens.
        scores: The score of each bucket.
        answers: The number of answers in each bucket.
    """

    name: str
    metric: str
    lengths: list[float]
    scores: list[float]
    answers: list[int]


def length_curves(paths: Sequence[Path], metric: str | None = None) -> list[LengthCurve]:
    """Reads a curve from each run's folder or file that ``s2s evaluate --json`` wrote.

    Args:
        paths: The folders and files.
        metric: The metric's name; by default the first metric of the first path.

    Raises:
        ConfigError: A path lacks the metric.
        ModelError: A path has no scores by length.
    """
    curves: list[LengthCurve] = []
    for name, path in zip(names(paths), paths, strict=True):
        buckets = read_evaluation(path)["buckets"]
        scores = [scores_of(bucket, "scores", path) for bucket in buckets]
        metric = metric or next(iter(scores[0]))
        run = path if path.is_dir() else "RUN"
        remedy = f"s2s evaluate {run} --metrics {metric} --json > {run}.json computes it for a file to plot"
        require_metric(metric, scores[0], path, remedy)
        lengths, answers = (numbers(buckets, key, path) for key in ("mean_length", "answers"))
        curves.append(LengthCurve(name, metric, lengths, numbers(scores, metric, path), answers))
    return curves


def draw_lengths(curves: Sequence[LengthCurve], *, percent: bool) -> "Figure":
    """Draws the score against the source length.

    Args:
        curves: Curves of the same metric.
        percent: Whether its scores are shares.
    """
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        drawn, (axes,) = figure.new_figure(6.4, 3.8)
        for number, curve in enumerate(curves):
            figure.draw_line(axes, number, curve.lengths, curve.scores)
        axes.set_xlim(left=0)
        axes.set_title(figure.title(curves[0].metric))
        axes.set_xlabel("source length, in tokens")
        if percent:
            figure.percent(axes)
        figure.label_lines(axes, [(curve.name, curve.lengths[-1], curve.scores[-1]) for curve in curves])
        return drawn
