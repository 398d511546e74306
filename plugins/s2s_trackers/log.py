"""The trackers of one run, through Accelerate."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import Accelerator

from s2s_core import ConfigError, Run

PROJECT = "s2s"
"""The project under which the trackers group all runs."""


class Log:
    """Writes to a run's trackers, which keep their files in the run's folder.

    Args:
        run: The run whose training starts or continues.
        step: The number of steps so far; TensorBoard drops what was logged for later ones.
        names: The names of the trackers.

    Attributes:
        finished: Whether training has finished; until then, closing marks the run as failed or killed.

    Raises:
        ConfigError: A tracker can't start, for example without an account.
    """

    def __init__(self, run: Run, step: int, names: Sequence[str]) -> None:
        self.finished = False
        folder = run.trackers_path
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{folder.resolve()}/mlflow.db")
        options: dict[str, dict[str, Any]] = {
            "tensorboard": {"purge_step": step + 1},
            "wandb": {"dir": str(folder), "name": run.folder.name},
            "mlflow": {"logging_dir": folder.resolve().as_uri(), "run_name": run.folder.name},
        }
        self._accelerator = Accelerator(log_with=list(names), project_dir=folder)
        try:
            self._accelerator.init_trackers(PROJECT, init_kwargs=options)
            for tracker in self._accelerator.trackers:
                if tracker.name != "tensorboard":  # it would show the settings as another run
                    tracker.store_init_configuration(run.settings())
        except Exception as error:
            raise ConfigError(f"training.trackers: {type(error).__name__}: {error}") from error

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Logs values of a step."""
        self._accelerator.log(dict(values), step)

    def close(self) -> None:
        """Flushes and closes the trackers, and tells them whether training finished."""
        for tracker in self._accelerator.trackers:
            if not self.finished:
                _end_early(tracker)
            tracker.finish()


def _end_early(tracker: Any) -> None:
    """Ends a tracker's run as one that didn't finish, if the tracker makes the distinction."""
    if tracker.name == "wandb":
        tracker.run.finish(exit_code=1)
    elif tracker.name == "mlflow":
        import mlflow  # noqa: PLC0415  # it is installed only where it is used

        mlflow.end_run("KILLED")
