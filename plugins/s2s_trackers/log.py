"""The trackers of one run, as Accelerate has them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import Accelerator

from s2s_core import ConfigError, Run

PROJECT = "s2s"
"""What the trackers call all runs together."""


class Log:
    """Writes to the chosen trackers, whose files are in the run's folder.

    Args:
        run: Whose training starts or goes on.
        step: After which; TensorBoard drops what was logged later.
        names: The trackers.

    Attributes:
        finished: Whether training has come to its end.

    Raises:
        ConfigError: A tracker can't start, as without an account.
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
                if tracker.name != "tensorboard":  # which would show the settings as a run of its own
                    tracker.store_init_configuration(run.settings())
        except Exception as error:
            raise ConfigError(f"training.trackers: {type(error).__name__}: {error}") from error

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Logs values of a step."""
        self._accelerator.log(dict(values), step)

    def close(self) -> None:
        """Writes what is left, and says whether training came to its end."""
        for tracker in self._accelerator.trackers:
            if not self.finished:
                _end_early(tracker)
            tracker.finish()


def _end_early(tracker: Any) -> None:
    """Ends a tracker's run as one that didn't come to its end, where the tracker knows the difference."""
    if tracker.name == "wandb":
        tracker.run.finish(exit_code=1)
    elif tracker.name == "mlflow":
        import mlflow  # noqa: PLC0415  # only who chose it has it

        mlflow.end_run("KILLED")
