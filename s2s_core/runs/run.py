"""A run: its folder and its configuration."""

import functools
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.resolve import read_toml, structure, to_toml, unstructure
from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.files import write_atomically
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import make_task
from s2s_core.runs.provenance import recorded, require

if TYPE_CHECKING:
    from s2s_core.data.pairs import Splits


@attrs.frozen
class Run:
    """Where a run lives and what it consists of.

    Attributes:
        folder: Holds all that the run writes.
        config: What the run consists of.
        plugins: Where its components come from.
    """

    folder: Path
    config: RunConfig
    plugins: Plugins = attrs.field(repr=False)

    @classmethod
    def open(cls, folder: Path, plugins: Plugins) -> "Run":
        """Opens the run in a folder.

        Raises:
            ConfigError: There is none, or its ``run.toml`` is damaged.
            PluginError: A component is missing; the message says what to install.
        """
        path = folder / "run.toml"
        if not folder.is_dir():
            raise ConfigError(f"there is no folder {folder}")
        if not path.is_file():
            raise ConfigError(f"{folder} holds no run: it has no run.toml")
        tables = read_toml(path)
        try:
            config = structure(tables, plugins)
        except ConfigError as error:
            require(recorded(folder / "model.json"), plugins)
            raise ConfigError(f"{path} can't be used: {error}") from error
        return cls(folder, config, plugins)

    def open_initial(self) -> "Run | None":
        """Opens the run that this one starts from, if it does.

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
            ConfigError: The folder holds a run already, or links in place of what a run writes.
        """
        self.require_own()
        if overwrite:
            if self.weights_path.exists():
                self._set_aside()
            self._clear()
        self.require_new()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "run.toml", to_toml(self.config))

    def require_new(self) -> None:
        """Checks that the folder holds no run.

        Raises:
            ConfigError: It does.
        """
        if (self.folder / "run.toml").exists():
            raise ConfigError(
                f"{self.folder} already holds a run: go on with --resume, start again with --overwrite, "
                "or choose another --output"
            )

    def require_own(self) -> None:
        """Checks that what the run writes is in its folder: a link would let it write, or remove, somewhere else.

        Raises:
            ConfigError: A link stands where the run writes.
        """
        folders = self.resume_path.parent, self.previous_path, self.previous_path / self.resume_path.parent.name
        for path in (*self._written(), *folders):
            if path.is_symlink():
                raise ConfigError(
                    f"{path} is a symbolic link, but a run writes in its own folder only: remove the link"
                )

    def drop_previous(self) -> None:
        """Removes the run that was overwritten, now that this one has a model."""
        shutil.rmtree(self.previous_path, ignore_errors=True)

    def _set_aside(self) -> None:
        """Moves what a run wrote to ``previous``, its model last."""
        for path in self._written():
            if path.exists():
                target = self.previous_path / path.relative_to(self.folder)
                _remove(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)

    def _clear(self) -> None:
        """Removes what a run writes, and nothing else."""
        for path in self._written():
            _remove(path)

    def _written(self) -> Sequence[Path]:
        """Returns what a run writes."""
        return (
            self.folder / "run.toml",
            self.metrics_path,
            self.trackers_path,
            self.resume_path,
            self.onnx_path,
            self.card_path,
            self.description_path,
            self.weights_path,
        )

    @property
    def metrics_path(self) -> Path:
        """The loss and the scores of each validation, and the test scores, each a JSON object on a line of its own."""
        return self.folder / "metrics.jsonl"

    @property
    def weights_path(self) -> Path:
        """The best model's weights."""
        return self.folder / "model.safetensors"

    @property
    def description_path(self) -> Path:
        """All else that is needed to load the model."""
        return self.folder / "model.json"

    @property
    def resume_path(self) -> Path:
        """What training needs to go on."""
        return self.folder / "resume" / "state.safetensors"

    @property
    def onnx_path(self) -> Path:
        """The exported model."""
        return self.folder / "model.onnx"

    @property
    def trackers_path(self) -> Path:
        """The folder of what trackers log."""
        return self.folder / "trackers"

    @property
    def previous_path(self) -> Path:
        """The folder of the run that was overwritten, until this one has a model."""
        return self.folder / "previous"

    @property
    def card_path(self) -> Path:
        """The model's card."""
        return self.folder / "README.md"

    def settings(self) -> dict[str, bool | int | float | str]:
        """Returns every setting by its path, such as ``training.steps``; a list as text."""
        return _flat(unstructure(self.config))

    def splits(self) -> "Splits":
        """Returns the task's examples; its validation and test sets are drawn when it is first called."""
        return self._splits

    @functools.cached_property
    def _splits(self) -> "Splits":
        from s2s_core.data.pairs import Splits  # noqa: PLC0415  # s2s starts without numpy

        name = self.config.task.name
        plugin = self.plugins.plugin_of("task", name)
        return Splits(make_task(self.config.task, self.plugins), name, f"{plugin.distribution} {plugin.version}")


def _flat(tables: Mapping[str, Any], path: str = "") -> dict[str, bool | int | float | str]:
    settings: dict[str, bool | int | float | str] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            settings |= _flat(value, f"{path}{name}.")
        else:
            settings[path + name] = str(value) if isinstance(value, list) else value
    return settings


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_first_process() -> bool:
    """Whether this process is the one, of those that ``torchrun`` or ``accelerate launch`` started, that writes."""
    return os.environ.get("RANK", "0") == "0"
