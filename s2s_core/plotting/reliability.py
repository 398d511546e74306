"""Reliability diagrams: how often answers are right against how sure the file is of them, for one or more files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.errors import ModelError
from s2s_core.plotting.log import names, numbers, read_test

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class ReliabilityCurve:
    """How often one file's answers are right, as a function of its confidence.

    Attributes:
        name: The run's short name.
        confidence: The mean confidence of each bin.
        right: The share of its answers that is right.
        answers: The number of its answers.
    """

    name: str
    confidence: list[float]
    right: list[float]
    answers: list[int]


def reliability_curves(paths: Sequence[Path]) -> list[ReliabilityCurve]:
    """Reads a curve from each run's folder or file that ``s2s evaluate --json`` wrote.

    Raises:
        ModelError: A path has no confidences.
    """
    curves = []
    for name, path in zip(names(paths), paths, strict=True):
        reliability = read_test(path).get("reliability")
        bins = reliability.get("bins") if isinstance(reliability, dict) else None
        if not bins or not isinstance(bins, list) or not all(isinstance(each, dict) for each in bins):
            raise ModelError(
                f"{path} has no confidences: a run with --set export.confidence=true has them, and s2s evaluate "
                "--json of its file"
            )
        curves.append(ReliabilityCurve(name, *(numbers(bins, key, path) for key in ("confidence", "right", "answers"))))
    return curves


def draw_reliability(curves: Sequence[ReliabilityCurve]) -> "Figure":
    """Draws the share of right answers against the confidence, beside the line where both are equal."""
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        drawn, (axes,) = figure.new_figure(4.6, 4.2)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
        for number, curve in enumerate(curves):
            figure.draw_line(axes, number, curve.confidence, curve.right)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_title(figure.title("answers that are right"))
        axes.set_xlabel("confidence")
        figure.percent(axes)
        figure.label_lines(axes, [(curve.name, curve.confidence[-1], curve.right[-1]) for curve in curves])
        return drawn
