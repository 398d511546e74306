"""The folder of a run: the path of each file, and how a new run replaces an old one."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.files import sync_folder

RUN_FILE = "run.toml"
"""The file that makes a folder a run's."""

SEEDS_FILE = "seeds.toml"
"""The file that only a folder of several seeds' runs has."""

LOCK_FILE = ".lock"
"""The file that every folder has from the moment that a run writes to it."""


@attrs.frozen
class RunFolder:
    """The files of a run.

    Attributes:
        folder: Holds everything that the run writes.
    """

    folder: Path

    @property
    def settings_path(self) -> Path:
        """Every setting of the run, ``run.toml``."""
        return self.folder / RUN_FILE

    @property
    def metrics_path(self) -> Path:
        """The loss and the scores of each validation, and the test scores, each a JSON object on its own line."""
        return self.folder / "metrics.jsonl"

    @property
    def weights_path(self) -> Path:
        """The best model's weights."""
        return self.folder / "model.safetensors"

    @property
    def description_path(self) -> Path:
        """Everything else that is needed to load the model."""
        return self.folder / "model.json"

    @property
    def resume_path(self) -> Path:
        """What training needs to resume."""
        return self.folder / "resume" / "state.safetensors"

    @property
    def onnx_path(self) -> Path:
        """The exported model."""
        return self.folder / "model.onnx"

    @property
    def trackers_path(self) -> Path:
        """The folder that trackers log to."""
        return self.folder / "trackers"

    @property
    def card_path(self) -> Path:
        """The model's card."""
        return self.folder / "README.md"

    @property
    def report_path(self) -> Path:
        """The report that ``s2s report`` makes."""
        return self.folder / "report.html"

    @property
    def previous_path(self) -> Path:
        """The folder of the run that was overwritten, until this one has a model."""
        return self.folder / "previous"

    @property
    def has_begun(self) -> bool:
        """Whether there is a run that has something to lose: it has saved its state, or has a model."""
        return self.settings_path.exists() and (self.resume_path.exists() or self.weights_path.exists())

    def require_new(self) -> None:
        """Checks that the folder holds no run that has begun, nor the runs of several seeds.

        Raises:
            ConfigError: It does.
        """
        self.require_one()
        if self.has_begun:
            raise ConfigError(
                f"{self.folder} already holds a run: go on with --resume, start again with --overwrite, "
                "or choose another --output"
            )

    def require_one(self) -> None:
        """Checks that the folder doesn't hold the runs of several seeds.

        Raises:
            ConfigError: It does.
        """
        if (self.folder / SEEDS_FILE).exists():
            raise ConfigError(f"{self.folder} holds runs of several seeds: choose another --output")

    def require_own(self) -> None:
        """Checks that what the run writes is in its folder: a link would let it write or delete elsewhere.

        Raises:
            ConfigError: There is a symbolic link where the run writes.
        """
        folders = self.resume_path.parent, self.previous_path, self.previous_path / self.resume_path.parent.name
        for path in (*self._written(), *folders):
            if path.is_symlink():
                raise ConfigError(
                    f"{path} is a symbolic link, but a run writes in its own folder only: remove the link"
                )

    def require_room(self) -> None:
        """Checks that nothing is where the run writes but what an earlier run wrote.

        Raises:
            ConfigError: Something is; the message names it.
        """
        self.require_own()
        require_owned(self.folder, (self.previous_path, *self._written()))

    def make_room(self) -> None:
        """Removes an earlier run, but sets its model aside until this run has one."""
        if self.weights_path.exists():
            self._set_aside()
        for path in self._written():
            _remove(path)

    def drop_results(self) -> None:
        """Removes what was made of a model that is trained further: its file, card and report."""
        for path in (self.onnx_path, self.card_path, self.report_path):
            _remove(path)

    def drop_previous(self) -> None:
        """Removes the run that was overwritten, now that this one has a model."""
        shutil.rmtree(self.previous_path, ignore_errors=True)

    def _set_aside(self) -> None:
        """Moves what the earlier run wrote to ``previous``, its model last."""
        for path in self._written():
            if path.exists():
                target = self.previous_path / path.relative_to(self.folder)
                _remove(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        sync_folder(self.previous_path)
        sync_folder(self.folder)

    def _written(self) -> Iterator[Path]:
        """Yields what a run writes: ``run.toml`` first, without which a folder holds no run, the weights last."""
        yield self.settings_path
        yield self.metrics_path
        yield self.trackers_path
        yield self.resume_path
        yield self.onnx_path
        yield self.card_path
        yield self.report_path
        yield self.description_path
        yield self.weights_path


def require_owned(folder: Path, paths: Iterable[Path]) -> None:
    """Checks that files of given names, if there are any in a folder, are a run's and not the user's own.

    Raises:
        ConfigError: No run has written to the folder, but some of the files are there.
    """
    if not any((folder / name).exists() for name in (RUN_FILE, SEEDS_FILE, LOCK_FILE)):
        names = [str(path.relative_to(folder)) for path in paths if path.exists()]
        if names:
            raise ConfigError(f"{folder} holds {' and '.join(names)}, which no run wrote: choose another --output")


def default_folder(config: RunConfig) -> Path:
    """Returns where a run goes if nothing says where."""
    return Path("runs") / "-".join((config.task.name, config.encoder.name, config.decoder.name))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
