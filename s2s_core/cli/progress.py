"""Training as a person sees it: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Mapping
from datetime import timedelta

import click
from rich import progress as bars

from s2s_core.evaluation.metric import Measure
from s2s_core.training.progress import Progress

BEST = " (best)"
"""Stands after the score of a model that is kept."""

LINE_EVERY = 10.0
"""Seconds between two lines, where there is no terminal."""


def duration(seconds: float) -> str:
    """Returns a time as ``"42 s"``, or from a minute on as ``"1:02:03"``."""
    return f"{seconds:.0f} s" if seconds < 59.5 else str(timedelta(seconds=round(seconds)))


class ShownProgress(Progress):
    """Shows how training goes on.

    Args:
        metrics: Those of the run, which know how to show a score.
    """

    def __init__(self, metrics: Mapping[str, Measure]) -> None:
        self._metrics = metrics
        self._main = next(iter(metrics))
        self._score = ""

    def _note(self, scores: Mapping[str, float]) -> None:
        shown = self._metrics[self._main].display(scores[self._main])
        self._score = f"{self._main.replace('_', ' ')} {shown}"


class BarProgress(ShownProgress):
    """Shows a bar."""

    def __init__(self, metrics: Mapping[str, Measure]) -> None:
        super().__init__(metrics)
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[status]}"),
            bars.TimeRemainingColumn(),
        )
        self._task = self._bar.add_task("train    ", status="")

    def start(self, step: int, steps: int) -> None:
        """Shows the bar."""
        self._bar.update(self._task, total=steps, completed=step)
        self._bar.start()

    def advance(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Moves the bar."""
        status = f"loss {loss:.4f}  {self._score}  {tokens_per_second:,.0f} tokens/s"
        self._bar.update(self._task, completed=step, status=status)

    def validated(self, step: int, loss: float, scores: Mapping[str, float], *, best: bool) -> None:
        """Notes the score for the bar."""
        del step, loss, best
        self._note(scores)

    def stop(self) -> None:
        """Leaves the bar as it is."""
        self._bar.stop()


class LineProgress(ShownProgress):
    """Prints a line after each validation, and every ten seconds."""

    def __init__(self, metrics: Mapping[str, Measure]) -> None:
        super().__init__(metrics)
        self._began = self._printed = time.perf_counter()
        self._first = self._steps = 0
        self._pace = ""

    def start(self, step: int, steps: int) -> None:
        """Starts the clock."""
        if step:
            click.echo(f"train    goes on after step {step:,} of {steps:,}")
        self._began = self._printed = time.perf_counter()
        self._first, self._steps = step, steps

    def advance(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Prints a line if the last one was long ago."""
        elapsed = time.perf_counter() - self._began
        left = elapsed / (step - self._first) * (self._steps - step)
        self._pace = f"{tokens_per_second:,.0f} tokens/s, {duration(left)} left"
        if time.perf_counter() - self._printed >= LINE_EVERY:
            self._print(step, f"loss {loss:.4f}")

    def validated(self, step: int, loss: float, scores: Mapping[str, float], *, best: bool) -> None:
        """Prints a line with the score."""
        self._note(scores)
        self._print(step, f"mean loss {loss:.4f}", f", {self._score}{BEST if best else ''}")

    def averaged(self, models: int, scores: Mapping[str, float], *, best: bool) -> None:
        """Prints a line with the score."""
        self._note(scores)
        click.echo(f"average  of the {models} best models, {self._score}{BEST if best else ''}")

    def _print(self, step: int, loss: str, end: str = "") -> None:
        click.echo(f"train    step {step:,} of {self._steps:,}, {loss}, {self._pace}{end}")
        self._printed = time.perf_counter()
