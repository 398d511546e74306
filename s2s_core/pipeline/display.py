"""The course of training as a person sees it: a bar on a terminal or in a notebook, lines elsewhere."""

import importlib.util
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import console
from rich import progress as bars

from s2s_core.evaluation.metric import BaseMetric
from s2s_core.pipeline.estimate import Estimate
from s2s_core.pipeline.printing import EXPORTING, PrintedProgress, main_score
from s2s_core.pipeline.progress import Progress

if TYPE_CHECKING:
    from rich.status import Status

BEST = " (best)"
"""Stands after the score of a model that is kept."""

LINE_EVERY = 10.0
"""Seconds between two lines, where there is no bar."""


def shown_progress() -> Progress:
    """Returns what suits the place where the output goes."""
    # In a notebook rich needs ipywidgets to redraw a bar; without them it would show nothing.
    notebook = console.Console().is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    return BarProgress() if sys.stdout.isatty() or notebook else LineProgress()


def duration(seconds: float) -> str:
    """Returns a time as ``"42 s"``, or from a minute on as ``"1:02:03"``."""
    return f"{seconds:.0f} s" if seconds < 59.5 else str(timedelta(seconds=round(seconds)))


def _shown(metrics: Mapping[str, BaseMetric], scores: Mapping[str, float]) -> str:
    """Returns the score that chooses the best model."""
    return main_score(metrics, scores[next(iter(metrics))])


class BarProgress(PrintedProgress):
    """Shows a bar."""

    _shown: "bars.Progress | Status | None" = None

    def started(self, step: int, steps: int, metrics: Mapping[str, BaseMetric]) -> None:
        """Shows the bar."""
        super().started(step, steps, metrics)
        self._score, self._estimate = "", Estimate(step, steps)
        self._shown = self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[status]}"),
            bars.TimeRemainingColumn(),
        )
        self._task = self._bar.add_task("train    ", status="", total=steps, completed=step)
        self._bar.start()

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Moves the bar, and prints above it once how long training will take."""
        if expected := self._estimate.advanced(step):
            self._bar.console.print(f"{'train':<9}{expected}", highlight=False)
        status = f"loss {loss:.4f}  {self._score}  {tokens_per_second:,.0f} tokens/s"  # target tokens, in short
        self._bar.update(self._task, completed=step, status=status)

    def validated(
        self, step: int, loss: float, scores: Mapping[str, float], *, validation_loss: float, best: bool
    ) -> None:
        """Notes the score for the bar, which has no room for the losses."""
        del step, loss, validation_loss, best
        self._estimate.validated()
        self._score = _shown(self._metrics, scores)

    def exporting(self, path: Path) -> None:
        """Shows that the export is in progress."""
        del path
        self._shown = self._export = console.Console().status(f"{'export':<9}{EXPORTING}")
        self._export.start()

    def export_doing(self, what: str) -> None:
        """Shows what the export is doing, in the same line."""
        self._export.update(f"{'export':<9}{what}")

    def stopped(self) -> None:
        """Leaves the bar as it is, and takes the rest away."""
        if self._shown is not None:
            self._shown.stop()


class LineProgress(PrintedProgress):
    """Prints a line after each validation, and every ten seconds."""

    def started(self, step: int, steps: int, metrics: Mapping[str, BaseMetric]) -> None:
        """Starts the clock."""
        super().started(step, steps, metrics)
        if step:
            click.echo(f"train    goes on after step {step:,} of {steps:,}")
        self._pace, self._estimate = "", Estimate(step, steps)
        self._first, self._steps = step, steps
        self._began = self._printed = time.perf_counter()

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Prints a line if the last one was long ago, and once how long training will take."""
        if expected := self._estimate.advanced(step):
            click.echo(f"train    {expected}")
        elapsed = time.perf_counter() - self._began
        left = elapsed / (step - self._first) * (self._steps - step)
        self._pace = f"{tokens_per_second:,.0f} target tokens/s, {duration(left)} left"
        if time.perf_counter() - self._printed >= LINE_EVERY:
            self._print(step, f"loss {loss:.4f}")

    def validated(
        self, step: int, loss: float, scores: Mapping[str, float], *, validation_loss: float, best: bool
    ) -> None:
        """Prints a line with both losses and the score."""
        self._estimate.validated()
        losses = f"mean loss {loss:.4f}, validation loss {validation_loss:.4f}"
        self._print(step, losses, f", {_shown(self._metrics, scores)}{BEST if best else ''}")

    def averaged(self, models: int, scores: Mapping[str, float], *, best: bool) -> None:
        """Prints a line with the score."""
        click.echo(f"average  of the {models} best models, {_shown(self._metrics, scores)}{BEST if best else ''}")

    def _print(self, step: int, loss: str, end: str = "") -> None:
        click.echo(f"train    step {step:,} of {self._steps:,}, {loss}, {self._pace}{end}")
        self._printed = time.perf_counter()
