"""The learning curves of runs: the losses, and each metric on the validation set."""

from collections.abc import Sequence

from s2s_core.reporting.chart import Line, line_chart
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.markup import note, section

UPDATES = "updates"


def learning_section(runs: Sequence[RunContents]) -> str:
    """Returns the curves of one run, or of several on top of each other."""
    drawn = [run for run in runs if run.curves]
    if not drawn:
        return ""
    best = drawn[0].best_step if len(runs) == 1 else None
    names = list(dict.fromkeys(curve.metric for run in drawn for curve in run.curves))
    charts = [_losses(runs, best), *(_scores(runs, name, best) for name in names)]
    return section("Learning", f'<div class="charts">{"".join(charts)}</div>', _progress(drawn[0]) if best else "")


def _losses(runs: Sequence[RunContents], best: int | None) -> str:
    lines = []
    for number, run in enumerate(runs):
        name = f"{run.name}, " if len(runs) > 1 else ""
        for curve in run.curves[:1]:  # all of a run's curves have the same losses
            lines.append(Line(f"{name}training", curve.steps, curve.losses, number))
            lines.append(Line(f"{name}validation", curve.steps, curve.validation_losses, number, dashed=True))
    return line_chart("loss of a target token", lines, across=UPDATES, display=_plain, limits=(0.0, None), best=best)


def _scores(runs: Sequence[RunContents], metric: str, best: int | None) -> str:
    lines = [
        Line(run.name, curve.steps, curve.scores, number)
        for number, run in enumerate(runs)
        for curve in run.curves
        if curve.metric == metric
    ]
    return score_chart(f"{metric.replace('_', ' ')} on the validation set", lines, runs[0], metric, UPDATES, best=best)


def score_chart(
    heading: str,
    lines: Sequence[Line],
    run: RunContents,
    metric: str,
    across: str,
    *,
    from_zero: bool = True,
    best: int | None = None,
) -> str:
    """Draws scores; shares lie between 0 and 1 unless one is larger, and others show where they are.

    Args:
        heading: What is drawn.
        lines: The scores.
        run: Has the metric.
        metric: Its name.
        across: What the x axis is.
        from_zero: Whether it begins at 0.
        best: The step to mark.
    """
    shown = run.metric(metric)
    return line_chart(
        heading,
        lines,
        across=across,
        display=_percent if shown.percent else _plain,
        limits=(None, 1.0) if shown.percent else (None, None),
        from_zero=from_zero,
        best=best,
    )


def _progress(run: RunContents) -> str:
    """Returns which model was kept, and how far training came."""
    kept = f"The model of step {run.best_step:,} was kept."
    if run.last_step is None or run.last_step >= run.steps:
        return note(f"{kept} Training had {run.steps:,} updates.")
    return note(f"{kept} The last validation is of step {run.last_step:,} of {run.steps:,}.")


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"
