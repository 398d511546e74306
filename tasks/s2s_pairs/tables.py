"""Parquet files and Hugging Face data sets, read by the package ``datasets``."""

import functools
import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from s2s_core import DataError

HUB = "hf:"
"""What a data set's name begins with: ``hf:NAME``, ``hf:NAME:CONFIGURATION`` or ``hf:NAME:CONFIGURATION:SPLIT``."""


class Table:
    """Rows whose fields have names.

    Args:
        path: A Parquet file, or a data set.
        split: The split of a data set that doesn't name one.
    """

    def __init__(self, path: str, split: str) -> None:
        self.name, self._split = path, split

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields the rows, numbered from 1.

        Raises:
            DataError: They can't be had.
            ModuleNotFoundError: The package ``datasets`` isn't installed.
        """
        import datasets  # noqa: PLC0415  # of the extra datasets

        try:
            yield from enumerate(self._data, 1)
        except (OSError, ValueError, TypeError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(f"can't read {self.name}: {' '.join(str(error).split())}") from error

    def digest(self) -> str | None:
        """Returns what tells a data set's content from others."""
        fingerprint = getattr(self._data, "_fingerprint", None)
        return fingerprint and f"{self.name} {fingerprint}"

    @functools.cached_property
    def _data(self) -> Any:
        """The data set. It can be gone through more than once, and is not held in memory."""
        import datasets  # noqa: PLC0415

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what goes wrong is raised too
        if not self.name.startswith(HUB):
            path = Path(self.name).absolute()  # as datasets would take a name such as https://… for an address
            if not path.is_file():
                raise FileNotFoundError("there is no such file")
            return datasets.load_dataset("parquet", data_files=glob.escape(str(path)), split="train", streaming=True)
        name, *rest = self.name.removeprefix(HUB).split(":", 2)
        configuration, split = (*rest, "", "")[:2]
        return datasets.load_dataset(
            name,
            configuration or None,
            split=split or self._split,
            trust_remote_code=False,  # before version 4 datasets would ask
        )
