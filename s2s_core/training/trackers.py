"""Where training logs its scores besides ``metrics.jsonl``: TensorBoard, Weights & Biases, MLflow."""

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from accelerate import Accelerator

from s2s_core.errors import ConfigError
from s2s_core.resolve import unstructure
from s2s_core.run import Run

PROJECT = "s2s"
"""What the trackers call all runs together."""


def require_trackers(run: Run) -> None:
    """Checks that the chosen trackers are installed.

    Raises:
        ConfigError: One isn't.
    """
    for name in run.config.training.trackers:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"training.trackers: {name} isn't installed: pip install {name}")


class Trackers:
    """The chosen trackers, which log to the run's folder.

    Args:
        accelerator: Made with their names; it lets the main process alone log.
        run: Whose training starts or goes on.
        step: After which.

    Raises:
        ConfigError: A tracker can't start, as without an account.
    """

    def __init__(self, accelerator: Accelerator, run: Run, step: int) -> None:
        self._accelerator = accelerator
        if not run.config.training.trackers:
            return
        if accelerator.is_main_process:
            run.trackers_path.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{run.trackers_path.resolve()}/mlflow.db")
        try:
            accelerator.init_trackers(PROJECT, init_kwargs=_options(run, step))
            for tracker in accelerator.trackers:
                if tracker.name != "tensorboard":  # which would show the settings as a run of its own
                    tracker.store_init_configuration(_flat(unstructure(run.config)))
        except Exception as error:
            raise ConfigError(f"training.trackers: {type(error).__name__}: {error}") from error

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Logs values of a step."""
        self._accelerator.log(dict(values), step)

    def finish(self) -> None:
        """Writes what is left."""
        for tracker in self._accelerator.trackers:
            tracker.finish()


def _options(run: Run, step: int) -> dict[str, dict[str, Any]]:
    """Returns how each tracker starts: where it logs, and what of an interrupted run it drops."""
    return {
        "tensorboard": {"purge_step": step + 1},
        "wandb": {"dir": str(run.trackers_path), "name": run.folder.name},
        "mlflow": {"logging_dir": run.trackers_path.resolve().as_uri(), "run_name": run.folder.name},
    }


def _flat(tables: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Returns every setting by its path; a list as text, as trackers know no lists."""
    settings: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            settings |= _flat(value, f"{path}{name}.")
        else:
            settings[path + name] = str(value) if isinstance(value, list) else value
    return settings
