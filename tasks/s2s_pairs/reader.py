"""Reads the pairs of a split in any of the formats."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePath

from s2s_core import DataError, Example
from s2s_pairs import rows
from s2s_pairs.columns import BadRowError
from s2s_pairs.config import PairsConfig
from s2s_pairs.files import LineFile
from s2s_pairs.tables import HUB, Table

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_COMPRESSED = {".gz", ".zst"}
_COLUMN_NAME = re.compile(
    "source|src|target|tgt|input|output|from|to|question|answer|text|label|words?|lemma|form|graphemes?|phonemes?|"
    "pron(unciation)?|ipa|x|y|de|en|es|fr|"
    "arabic|chinese|czech|dutch|english|finnish|french|german|greek|hebrew|hindi|italian|japanese|korean|polish|"
    "portuguese|romanian|russian|spanish|swedish|turkish|ukrainian|vietnamese",
    re.IGNORECASE,
)
"""Common names of columns, by which a header is recognised."""

_TAGS = re.compile("<[^<>]*>")


class BadRows:
    """Collects the bad rows: ends the run at the first one, or counts them.

    Attributes:
        count: The number of bad rows.
        lines: The number of their lines.
        first: The place and the fault of the first one.
    """

    def __init__(self, *, stop: bool) -> None:
        self._stop = stop
        self.count, self.lines, self.first = 0, 0, ""

    def report(self, name: str, unit: str, place: rows.Place, error: BadRowError) -> None:
        """Counts a bad row.

        Raises:
            DataError: Bad rows end the run.
        """
        lines = place if isinstance(place, range) else range(place, place + 1)
        problem = f"{error.file or name}, {unit} {lines[0]:,} {error}"
        if len(lines) > 1:
            problem += f"; the row goes on to line {lines[-1]:,}"
        if self._stop:
            raise DataError(f"{problem}; task.on_error=skip leaves such rows out")
        self.count += 1
        self.lines += len(lines)
        self.first = self.first or problem


class PairReader:
    """Reads the pairs of a split.

    Args:
        config: The settings of files and format.
        split: ``"train"``, ``"validation"`` or ``"test"``, for which the settings name a file.

    Attributes:
        format: One of ``FORMATS`` except ``"auto"``.
        name: The name of the file or files, for messages.
        unused: The columns of the rows read last that aren't used, by name or number.
    """

    def __init__(self, config: PairsConfig, split: str) -> None:
        self._config = config
        path, target_path = config.path(split), config.target_path(split)
        self.format = _format(config, path)
        self._targets = LineFile(target_path) if target_path else None
        self._file = LineFile(path)
        self._table = Table(path, split)
        self.unused: Sequence[int | str] = ()
        self.name = f"{self._file.name} and {self._targets.name}" if self._targets else self._file.name

    def pairs(self, bad: BadRows) -> Iterator[Example]:
        """Yields the pairs.

        Raises:
            DataError: A file can't be read, or a bad row ends the run.
        """
        if self._targets:
            return rows.read_parallel(self._file, self._targets, self._config, partial(bad.report, self.name, "line"))
        report = partial(bad.report, self.name, "row" if self.format == "parquet" else "line")
        if self.format == "parquet":
            return rows.read_records(self._table.rows(), self.name, self._config, report, self._note)
        read = {"tsv": rows.read_tsv, "csv": rows.read_csv, "jsonl": rows.read_jsonl}[self.format]
        return read(self._file, self._config, report, self._note)

    def _note(self, unused: Sequence[int | str]) -> None:
        self.unused = unused

    def header(self) -> Example | None:
        """Returns the first pair of TSV or CSV if it looks like a header that isn't declared; None otherwise."""
        if self._targets or self.format not in {"tsv", "csv"} or self._config.has_header:
            return None
        bad = BadRows(stop=False)
        first = next(self.pairs(bad), None)
        if first is None or bad.count:
            return None
        texts = _TAGS.sub("", first.source), first.target
        if not all(_COLUMN_NAME.fullmatch(text.strip()) for text in texts):
            return None
        return first

    def digest(self) -> str | None:
        """Returns a hash of the content; None if there is no way to tell."""
        if self.name.startswith(HUB):
            return self._table.digest()
        files = [self._file, *([self._targets] if self._targets else [])]
        return hashlib.blake2b("".join(file.digest() for file in files).encode()).hexdigest()


def _format(config: PairsConfig, path: str) -> str:
    if path.startswith(HUB):
        return "parquet"
    if config.format != "auto":
        return config.format
    endings = [ending.lower() for ending in PurePath(path).suffixes]
    if endings and endings[-1] in _COMPRESSED:
        endings.pop()
    return _ENDINGS.get(endings[-1], "tsv") if endings else "tsv"
