"""Experiment trackers: logs training to TensorBoard, Weights & Biases and MLflow."""

import importlib.util
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from s2s_core import ConfigError, Run, hookimpl, is_first_process

if TYPE_CHECKING:
    from pathlib import Path

    from s2s_trackers.log import Log

NAMES = ("tensorboard", "wandb", "mlflow")

_logs: "dict[Path, Log]" = {}
"""The log of each run in training, by the run's folder."""


@hookimpl
def s2s_trackers(run: Run) -> Collection[str]:
    """Registers ``NAMES``, and refuses a run with a tracker whose package, of the same name, isn't installed."""
    for name in _trackers_of(run):
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"training.trackers: {name} isn't installed: pip install {name}")
    return NAMES


@hookimpl
def s2s_run_started(run: Run, step: int) -> None:
    """Starts the run's trackers, in the first process only."""
    names = _trackers_of(run)
    if names and is_first_process():
        from s2s_trackers.log import Log  # noqa: PLC0415  # s2s starts without Accelerate

        _logs[run.folder] = Log(run, step, names)


@hookimpl
def s2s_progressed(run: Run, step: int, values: Mapping[str, float]) -> None:
    """Logs loss, learning rate and other measurements of training."""
    if run.folder in _logs:
        _logs[run.folder].write(values, step)


@hookimpl
def s2s_evaluated(run: Run, step: int, metrics: Mapping[str, float], loss: float) -> None:
    """Logs the scores and the loss of a validation."""
    if run.folder in _logs:
        scores = {f"validation/{name}": score for name, score in metrics.items()}
        _logs[run.folder].write({"validation/loss": loss, **scores}, step)


@hookimpl
def s2s_run_finished(run: Run) -> None:
    """Marks the run as finished."""
    if run.folder in _logs:
        _logs[run.folder].finished = True


@hookimpl
def s2s_run_ended(run: Run) -> None:
    """Flushes and closes the trackers."""
    if run.folder in _logs:
        _logs.pop(run.folder).close()


def _trackers_of(run: Run) -> list[str]:
    return [name for name in run.config.training.trackers if name in NAMES]
