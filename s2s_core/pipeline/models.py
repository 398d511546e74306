"""The trained models that a command works on: runs, or their folders."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from s2s_core.config.overrides import Overrides
from s2s_core.errors import ConfigError, listing
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

Trained = Run | str | PathLike[str]
"""A trained run, or the path of its folder; where it can be one, that of an exported file."""

Runs = Trained | Sequence[Trained]
"""One of them, or several that work together."""


def several(models: Runs) -> list[Trained]:
    """Returns one model or several as a list."""
    return [models] if isinstance(models, Run | str | PathLike) else list(models)


def files_among(models: Runs) -> list[Path]:
    """Returns those that are paths of files, whether they are there or not."""
    paths = [Path(model) for model in several(models) if not isinstance(model, Run)]
    return [path for path in paths if not path.is_dir() and (path.exists() or path.suffix == ".onnx")]


def opened(runs: Runs, plugins: Plugins | None = None) -> list[Run]:
    """Returns runs, and opens those that are passed as folders.

    Raises:
        ConfigError: There is no model, or a folder holds no run.
    """
    models = several(runs)
    if not models:
        raise ConfigError("give at least one run")
    installed = plugins or next((run.plugins for run in models if isinstance(run, Run)), None) or Plugins()
    return [run if isinstance(run, Run) else Run.open(Path(run), installed) for run in models]


def require_tables(overrides: Sequence[Overrides], allowed: set[str], what: str) -> None:
    """Refuses settings of other tables than those that can be changed.

    Raises:
        ConfigError: There is one.
    """
    if fixed := {table for tables in overrides for table in tables} - allowed:
        raise ConfigError(
            f"{what} can't change {listing(fixed)} of a trained model, only {' and '.join(sorted(allowed))}"
        )
