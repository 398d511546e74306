"""The folder of several runs that differ only in their seed: the path of each file, and which seeds they are."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from s2s_core.errors import ConfigError
from s2s_core.files import write_atomically
from s2s_core.runs.folder import SEEDS_FILE, RunFolder, require_owned


@attrs.frozen
class SeedsFolder:
    """The files of several runs.

    Attributes:
        folder: Holds a folder for each run, and what they are together.
    """

    folder: Path

    @property
    def settings_path(self) -> Path:
        """The settings that all of them share, ``seeds.toml``."""
        return self.folder / SEEDS_FILE

    @property
    def record_path(self) -> Path:
        """The seeds, the threads that each run trains with and, at the end, all scores."""
        return self.folder / "seeds.json"

    def member(self, seed: int) -> RunFolder:
        """Returns the run of a seed."""
        return RunFolder(self.folder / f"seed-{seed}")

    def log_path(self, seed: int) -> Path:
        """Returns the file that holds all that the run of a seed has printed."""
        return self.member(seed).folder / "log.txt"

    def require_new(self) -> None:
        """Checks that the folder holds no runs.

        Raises:
            ConfigError: It does.
        """
        if self.settings_path.exists():
            raise ConfigError(
                f"{self.folder} already holds runs of several seeds: go on with --resume, start again with "
                "--overwrite, or choose another --output"
            )

    def require_own(self, seeds: Iterable[int]) -> None:
        """Checks that nothing but runs of several seeds is in the folder, and that these write nowhere else.

        Raises:
            ConfigError: The folder holds a run, or there is a symbolic link where a run of a seed is to be.
        """
        if RunFolder(self.folder).settings_path.exists():
            raise ConfigError(f"{self.folder} holds a run: choose another --output for several seeds")
        require_owned(self.folder, self._written())
        for seed in seeds:
            for path in (self.member(seed).folder, self.log_path(seed)):
                if path.is_symlink():
                    raise ConfigError(
                        f"{path} is a symbolic link, but a run writes in its own folder only: remove the link"
                    )

    def make_room(self) -> None:
        """Removes what earlier runs were together. Each run itself makes room for the new one of its seed."""
        for path in self._written():
            path.unlink(missing_ok=True)

    def _written(self) -> tuple[Path, ...]:
        """Returns what the runs are together."""
        whole = RunFolder(self.folder)
        return self.settings_path, self.record_path, whole.onnx_path, whole.card_path, whole.report_path

    def read_record(self) -> dict[str, Any]:
        """Reads ``seeds.json``.

        Raises:
            ConfigError: It is missing or damaged.
        """
        try:
            record = json.loads(self.record_path.read_text(encoding="utf-8"))
            threads = record["threads"]
        except OSError as error:
            raise ConfigError(f"{self.folder} holds no runs of several seeds: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ConfigError(f"{self.record_path} is damaged: start again with --overwrite") from error
        if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
            raise ConfigError(f"{self.record_path} is damaged: threads must be a whole number (got {threads!r})")
        return dict(record)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Writes ``seeds.json``."""
        write_atomically(self.record_path, json.dumps(record, indent=1) + "\n")
