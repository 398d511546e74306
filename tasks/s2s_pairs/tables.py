"""Reads Parquet files and Hugging Face data sets with the package ``datasets``."""

import functools
import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from s2s_core import DataError

HUB = "hf:"
"""The prefix of a data set's name: ``hf:NAME``, ``hf:NAME:CONFIGURATION`` or ``hf:NAME:CONFIGURATION:SPLIT``."""


class Table:
    """The rows of a Parquet file or of a data set, whose fields have names.

    Args:
        path: The Parquet file, or the data set's name with its prefix.
        split: The data set's split to read if its name doesn't include one.
    """

    def __init__(self, path: str, split: str) -> None:
        self.name, self._split = path, split

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields the rows, numbered from 1.

        Raises:
            DataError: The rows can't be read.
            ModuleNotFoundError: The package ``datasets`` isn't installed.
        """
        import datasets  # noqa: PLC0415  # of the extra datasets

        try:
            yield from enumerate(self._data, 1)
        except (OSError, ValueError, TypeError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(f"can't read {self.name}: {' '.join(str(error).split())}") from error

    def digest(self) -> str | None:
        """Returns the fingerprint of a data set's content; None if ``datasets`` has none."""
        fingerprint = getattr(self._data, "_fingerprint", None)
        return fingerprint and f"{self.name} {fingerprint}"

    @functools.cached_property
    def _data(self) -> Any:
        """The data set, which can be iterated more than once and isn't held in memory."""
        import datasets  # noqa: PLC0415

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # problems are raised as well
        if not self.name.startswith(HUB):
            path = Path(self.name).absolute()  # datasets would take https://… for an address
            if not path.is_file():
                raise FileNotFoundError("there is no such file")
            return datasets.load_dataset("parquet", data_files=glob.escape(str(path)), split="train", streaming=True)
        name, *rest = self.name.removeprefix(HUB).split(":", 2)
        configuration, split = (*rest, "", "")[:2]
        return datasets.load_dataset(
            name,
            configuration or None,
            split=split or self._split,
            trust_remote_code=False,  # datasets would ask before version 4
        )
