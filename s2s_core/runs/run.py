"""A run: its folder, its configuration and its components."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from s2s_core.config.overrides import read_toml
from s2s_core.config.structure import structure, to_toml, unstructure
from s2s_core.config.tables import RunConfig
from s2s_core.data.splits import Splits
from s2s_core.data.task import Task
from s2s_core.errors import ConfigError
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.files import write_atomically
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import make_metrics, make_task
from s2s_core.runs.extension import is_extension
from s2s_core.runs.folder import RunFolder
from s2s_core.runs.location import located
from s2s_core.runs.provenance import recorded, require

Settings = dict[str, bool | int | float | str]

CHANGEABLE = ("decoding", "evaluation", "export")
"""The tables of ``run.toml`` that may be edited after training. The others describe how the model was trained."""


@attrs.frozen(slots=False)  # slots would leave no room for cached properties
class Run(RunFolder):
    """Where a run lives and what it consists of.

    Attributes:
        folder: Holds everything that the run writes.
        config: What the run consists of.
        plugins: Where its components come from.
        saved: Whether it was opened from its folder.
    """

    config: RunConfig = attrs.field(repr=False)
    plugins: Plugins = attrs.field(repr=False)
    saved: bool = attrs.field(default=False, repr=False)

    @classmethod
    def open(cls, folder: Path, plugins: Plugins) -> "Run":
        """Opens the run in a folder.

        Raises:
            ConfigError: The folder holds no run, or its ``run.toml`` is damaged.
            PluginError: A component is missing; the message says what to install.
        """
        files = RunFolder(folder)
        if not folder.is_dir():
            raise ConfigError(f"there is no folder {folder}")
        if not files.settings_path.is_file():
            raise ConfigError(f"{folder} holds no run: it has no run.toml")
        tables = read_toml(files.settings_path)
        try:
            config = structure(tables, plugins)
        except ConfigError as error:
            require(recorded(files.description_path), plugins)
            first, *others = error.lines
            raise ConfigError(f"{files.settings_path} can't be used: {first}", *others) from error
        return cls(folder, config, plugins, saved=True)

    def open_initial(self) -> "Run | None":
        """Opens the run that this one starts from, if there is one.

        Raises:
            ConfigError: The folder holds no run, or is the run's own.
        """
        if not self.config.training.initial_run:
            return None
        folder = Path(self.config.training.initial_run)
        if folder.resolve() == self.folder.resolve():
            raise ConfigError(f"training.initial_run is the run's own folder, {folder}: choose another --output")
        try:
            return Run.open(folder, self.plugins)
        except ConfigError as error:
            raise ConfigError(f"training.initial_run: {error}") from error

    def create(self, *, overwrite: bool = False) -> None:
        """Makes the folder and writes ``run.toml``.

        Args:
            overwrite: Whether to start again where a run is. Its model is set aside until this one has a model.

        Raises:
            ConfigError: The folder holds a run already, or something else in place of what a run writes.
        """
        self.require_one()
        self.require_room()
        if not overwrite:
            self.require_new()
        self.make_room()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.save_settings()

    def save_settings(self) -> None:
        """Writes ``run.toml``."""
        write_atomically(self.settings_path, to_toml(self.config))

    def require_trained_with(self, trained: RunConfig) -> None:
        """Checks that the model was trained with the settings that ``run.toml`` has.

        The ``CHANGEABLE`` ones may differ, and the length of training where the model doesn't depend on it.

        Args:
            trained: The configuration that the model was trained with.

        Raises:
            ConfigError: A setting differs; the message names it.
        """
        trained = attrs.evolve(trained, **{name: getattr(self.config, name) for name in CHANGEABLE})
        if is_extension(self.config, trained):
            return
        before, now = _flat(unstructure(trained)), self.settings()
        for name in [*now, *before]:
            if before.get(name) != now.get(name):
                raise ConfigError(
                    f"{self.settings_path} says {_assignment(name, now)}, but the model was trained with "
                    f"{_assignment(name, before)}: put that back, or train another run; only "
                    f"{', '.join(CHANGEABLE)} can be changed after training"
                )

    def settings(self) -> Settings:
        """Returns every setting by its path, such as ``training.steps``; a list as text."""
        return _flat(unstructure(self.config))

    @functools.cached_property
    def task(self) -> Task:
        """The run's task."""
        component = self.config.task
        return make_task(located(component, self.folder) if self.saved else component, self.plugins)

    def metrics(self, tokenize: Callable[[str], Sequence[str]]) -> Mapping[str, BaseMetric]:
        """Returns the metrics that the run reports, made once; the first chooses the best checkpoint.

        Args:
            tokenize: Cuts a text into the target's tokens.
        """
        if "_metrics" not in vars(self):
            vars(self)["_metrics"] = make_metrics(self.config.evaluation, self.task, self.plugins, tokenize)
        metrics: Mapping[str, BaseMetric] = vars(self)["_metrics"]
        return metrics

    def settled(self, config: RunConfig) -> "Run":
        """Returns the run with a configuration in which less is left to the data; what was read isn't read again."""
        run = attrs.evolve(self, config=config)
        run.keep_data_of(self)
        return run

    def keep_data_of(self, other: "Run") -> None:
        """Takes over the task, the examples and the metrics of the same run, so that none is made twice."""
        made = {"task", "splits", "_metrics"} & vars(other).keys()
        vars(self).update({name: vars(other)[name] for name in made})

    @functools.cached_property
    def splits(self) -> Splits:
        """The task's examples; its validation and test sets are drawn when they are first wanted."""
        name = self.config.task.name
        plugin = self.plugins.plugin_of("task", name)
        return Splits(self.task, name, f"{plugin.distribution} {plugin.version}")


def _flat(tables: Mapping[str, Any], path: str = "") -> Settings:
    settings: Settings = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            settings |= _flat(value, f"{path}{name}.")
        else:
            settings[path + name] = str(value) if isinstance(value, list) else value
    return settings


def _assignment(name: str, settings: Settings) -> str:
    """Returns a setting as a message shows it."""
    return f"{name} = {settings[name]!r}" if name in settings else f"no {name}"
