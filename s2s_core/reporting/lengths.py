"""Test scores by the length of the source, and how often answers are right by how sure the file is."""

from collections.abc import Sequence

from s2s_core.reporting.chart import Line, line_chart
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.learning import score_chart
from s2s_core.reporting.markup import note, section


def lengths_section(runs: Sequence[RunContents]) -> str:
    """Returns the curves of one run, or of several on top of each other."""
    drawn = [run for run in runs if run.lengths]
    if not drawn:
        return ""
    names = list(dict.fromkeys(curve.metric for run in drawn for curve in run.lengths))
    charts = "".join(_scores(runs, name) for name in names)
    return section("By length of the source", f'<div class="charts">{charts}</div>', _counts(drawn))


def _scores(runs: Sequence[RunContents], metric: str) -> str:
    lines = [
        Line(run.name, curve.lengths, curve.scores, number)
        for number, run in enumerate(runs)
        for curve in run.lengths
        if curve.metric == metric
    ]
    return score_chart(metric.replace("_", " "), lines, runs[0], metric, "source length, in tokens", from_zero=False)


def _counts(runs: Sequence[RunContents]) -> str:
    """Returns how many answers each point stands for, if the curves of all runs agree."""
    counts = {tuple(run.lengths[0].answers) for run in runs}
    if len(counts) > 1:
        return ""
    listed = ", ".join(f"{count:,}" for count in counts.pop())
    return note(f"Each point is at the mean length of its sources. From left to right they are {listed} answers.")


def reliability_section(runs: Sequence[RunContents]) -> str:
    """Returns how often answers are right against how sure the file was, for runs whose files tell it."""
    lines = []
    for number, run in enumerate(runs):
        if run.reliability is not None:
            confidence, right, _ = run.reliability
            lines.append(Line(run.name, confidence, right, number))
    if not lines:
        return ""
    even = Line("as sure as right", [0, 1], [0, 1], len(runs), dashed=True)
    chart = line_chart(
        "answers that are right",
        [*lines, even],
        across="confidence",
        display=lambda share: f"{100 * share:.3g} %",
        limits=(0.0, 1.0),
    )
    return section("Confidence", f'<div class="charts">{chart}</div>')
