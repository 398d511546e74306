"""Opens the run that a recipe and settings describe."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from s2s_core.config.overrides import Overrides, nested, read_toml
from s2s_core.config.resolve import resolve
from s2s_core.config.structure import override
from s2s_core.errors import ConfigError
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.extension import is_extension, obstacle
from s2s_core.runs.folder import default_folder
from s2s_core.runs.processes import is_first_process
from s2s_core.runs.run import Run
from s2s_core.runs.settling import settled_like

Settings = Mapping[str, Any] | Sequence[Overrides]
"""Settings by their paths, such as ``{"training.steps": 500}``, or tables of rising precedence."""

Recipe = str | os.PathLike[str] | Mapping[str, Any] | None
"""A TOML file that describes a run, or its tables."""


def open_run(
    recipe: Recipe,
    settings: Settings,
    plugins: Plugins,
    *,
    output: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Run:
    """Returns the run that is described, of which nothing is written yet, or opens the one to resume.

    Raises:
        ConfigError: A setting can't be used, the folder holds another run, or nothing says which run to resume.
    """
    overrides = [tables_of(recipe), *overrides_of(settings)]
    if resume and overwrite:
        raise ConfigError("resume and overwrite exclude each other")
    if resume and output is None and not any(overrides):
        raise ConfigError("resume needs output, or the settings that the run was started with")
    if resume and output is not None:
        saved = Run.open(output, plugins)
        return _same(attrs.evolve(saved, config=override(saved.config, overrides, plugins)), saved)
    config = resolve(overrides, plugins)
    run = Run(output or default_folder(config), config, plugins)
    if resume:
        return _same(run, Run.open(run.folder, plugins))
    if is_first_process() and not overwrite:
        run.require_new()
    return run


def named(folder: str | os.PathLike[str]) -> Path:
    """Returns the folder that a caller names.

    Raises:
        ConfigError: The name is empty, as that of a variable that isn't set.
    """
    if not os.fspath(folder):
        raise ConfigError("output is empty: name a folder, such as runs/mine, or . for this one")
    return Path(folder)


def overrides_of(settings: Settings | None) -> list[Overrides]:
    """Returns settings as tables of rising precedence."""
    if isinstance(settings, Mapping):
        return [nested(name, _plain(value)) for name, value in settings.items()]
    return list(settings or ())


def _plain(value: Any) -> Any:
    """Returns a value that TOML can hold."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def tables_of(recipe: Recipe) -> Overrides:
    """Returns the tables of a recipe, none if there is none."""
    if recipe is None or isinstance(recipe, Mapping):
        return recipe or {}
    return read_toml(Path(recipe))


def _same(wanted: Run, saved: Run) -> Run:
    """Returns the saved run, with another length of training if that is wanted and possible."""
    wanted = attrs.evolve(wanted, config=settled_like(wanted.config, saved.config))
    if not is_extension(wanted.config, saved.config):
        raise ConfigError(
            f"{saved.folder} holds a run with other settings than these, {_difference(wanted, saved)}"
            f"{obstacle(wanted.config, saved.config)}: go on with "
            f"--resume --output {saved.folder} alone, start again with --overwrite, or start another run from this "
            f"one's best model with --set training.initial_run={saved.folder} and another --output"
        )
    return attrs.evolve(saved, config=wanted.config)


def _difference(wanted: Run, saved: Run) -> str:
    """Returns the first setting in which two runs differ, with both values."""
    before, now = saved.settings(), wanted.settings()
    name = next(name for name in (*now, *before) if before.get(name) != now.get(name))
    return f"{name} = {before.get(name, 'nothing')!r} and not {now.get(name, 'nothing')!r}"
