"""The score by the length of the source, of one run or of several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.errors import ConfigError, closest, listing
from s2s_core.plotting.log import names, numbers, read_evaluation, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class LengthCurve:
    """How one run's score depends on the length of the source.

    Attributes:
        name: The run's.
        metric: What is scored.
        lengths: The mean length of each bucket, in tokens.
        scores: The score of each.
        examples: The number of sources in each.
    """

    name: str
    metric: str
    lengths: list[float]
    scores: list[float]
    examples: list[int]


def length_curves(paths: Sequence[Path], metric: str | None = None) -> list[LengthCurve]:
    """Reads one curve for each folder of a run, or file of ``s2s evaluate --json``.

    Args:
        paths: The folders and files.
        metric: By default, the first that the first of them has.

    Raises:
        ConfigError: One lacks the metric.
        ModelError: One has no scores by length.
    """
    curves: list[LengthCurve] = []
    for name, path in zip(names(paths), paths, strict=True):
        buckets = read_evaluation(path)["buckets"]
        scores = [scores_of(bucket, "scores", path) for bucket in buckets]
        metric = metric or next(iter(scores[0]))
        if metric not in scores[0]:
            run = path if path.is_dir() else "RUN"
            raise ConfigError(
                f"{path} has no metric {metric!r}{closest(metric, scores[0])}; it has: {listing(scores[0])}; "
                f"s2s evaluate {run} --metrics {metric} --json > {run}.json computes it for a file to plot"
            )
        lengths, examples = (numbers(buckets, key, path) for key in ("mean_length", "examples"))
        curves.append(LengthCurve(name, metric, lengths, numbers(scores, metric, path), examples))
    return curves


def draw_lengths(curves: Sequence[LengthCurve], *, percent: bool) -> "Figure":
    """Draws the curves.

    Args:
        curves: Of one metric.
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
