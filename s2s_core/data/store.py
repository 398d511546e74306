"""The store: encoded training examples on disk, which take up no memory and are encoded only once.

A store is a folder in the cache. Its name is the hash of everything that its content depends on::

    ~/.cache/s2s/4f1d…/     store.json       what it holds
                            sources.ids      the ids of all sources, each ended by EOS
                            sources.starts   where each source begins, then where the last one ends
                            targets.ids, targets.starts
                            copies.ids, copies.starts      for a model that copies

It is built under a temporary name in the same folder and renamed when it is complete, so a store is never half
written.
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.cache import CACHE, cache_folder
from s2s_core.data.pairs import Pairs, Sequences
from s2s_core.data.splits import Splits, generator
from s2s_core.data.task import Example
from s2s_core.errors import DataError
from s2s_core.files import write_atomically
from s2s_core.text.copies import Tokenizers
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.version import __version__

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere two processes may both build a store, and one of the two is kept
    fcntl = None  # type: ignore[assignment]

FEWEST_PAIRS = 200_000
"""The smallest task that is stored on disk; one with fewer training examples is held in memory.

A store costs a run more than encoding does: its files are synced when written, and read whole when opened.
"""

_CHUNK = 10_000
_READ = 1 << 20
_STARTS = "<i8"
_SMALL, _LARGE = "<u2", "<i4"


@attrs.frozen
class _Encoding:
    """How examples are encoded.

    Attributes:
        tokenizers: Of source and target.
        copying: Whether it is for a model that copies, whose ids of targets go beyond the vocabulary.
    """

    tokenizers: Tokenizers
    copying: bool

    def pairs(self, examples: Iterable[Example]) -> Pairs:
        """Encodes examples."""
        return Pairs.encode(examples, self.tokenizers, copying=self.copying)

    def sides(self) -> dict[str, str]:
        """Returns the names of the sequences in ``Pairs``, in its order, and the type of the ids of each."""
        source, target = (_SMALL if len(tokenizer.vocabulary) <= 1 << 16 else _LARGE for tokenizer in self.tokenizers)
        if self.copying:
            return {"sources": source, "targets": _LARGE, "copies": _LARGE}
        return {"sources": source, "targets": target}

    def types(self) -> dict[str, str]:
        """Returns the files of a store, and the type of each array."""
        types: dict[str, str] = {}
        for side, ids in self.sides().items():
            types |= {f"{side}.ids": ids, f"{side}.starts": _STARTS}
        return types

    def describe(self) -> list[object]:
        """Returns all that the ids depend on, besides the examples."""
        return [*map(_describe, self.tokenizers), *(["copying"] if self.copying else [])]


def fixed_pairs(splits: Splits, tokenizers: Tokenizers, seed: int, *, copying: bool = False) -> Pairs:
    """Returns a finite task's encoded training examples: on disk if there are many, else in memory.

    Args:
        splits: The task's examples.
        tokenizers: Of source and target.
        seed: Of the generator that the task is given.
        copying: Whether the examples are for a model that copies.

    Raises:
        DataError: The store can't be written.
    """
    encoding = _Encoding(tokenizers, copying)
    size = splits.training_size()
    fingerprint = splits.fingerprint() if size is None or size >= FEWEST_PAIRS else None
    if fingerprint is None:
        return encoding.pairs(splits.train(generator(seed, "train")))
    folder = cache_folder() / _key([splits.name, splits.version, fingerprint], encoding)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_process(folder.with_name(f".{folder.name}.lock")):
            if not _is_whole(folder, encoding):
                _build(folder, splits, encoding, seed)
            _require_trusted(folder)
            return _open(folder, encoding)
    except OSError as error:
        if isinstance(error.filename, str) and not Path(error.filename).is_relative_to(folder.parent):
            raise  # the task can't read its own file
        raise DataError(
            f"can't store the encoded examples in {folder.parent} ({error.strerror or error}): make room there, or "
            f"name another folder by {CACHE}"
        ) from error


def _key(task: Sequence[str], encoding: _Encoding) -> str:
    content = [__version__, *task, *encoding.describe()]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def _describe(tokenizer: Tokenizer) -> object:
    kind, config = type(tokenizer), tokenizer.config
    settings = attrs.asdict(config) if attrs.has(type(config)) else repr(config)
    return [kind.__module__, kind.__qualname__, settings, dict(tokenizer.save())]


@contextlib.contextmanager
def _only_process(path: Path) -> Iterator[None]:
    """Admits one process at a time; a killed process releases its lock."""
    with path.open("ab") as file:  # what a link leads to stays as it is
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _require_trusted(folder: Path) -> None:
    """Checks that, in a folder that everybody can write to, the store is not another user's.

    Raises:
        DataError: The store belongs to another user, who is neither root nor the owner of the cache.
    """
    cache = folder.parent.stat()
    if os.name == "posix" and cache.st_mode & stat.S_IWOTH:
        owner = folder.lstat().st_uid
        if owner not in {os.getuid(), cache.st_uid, 0}:
            raise DataError(
                f"{folder} was made by another user (number {owner}) where everybody can write, so its examples may be "
                f"anything: name a folder of your own by {CACHE}"
            )


def _build(folder: Path, splits: Splits, encoding: _Encoding, seed: int) -> None:
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    for former in (folder, *_left_behind(folder)):
        shutil.rmtree(former, ignore_errors=True)
    partial.mkdir()
    try:
        files = _write(partial, splits, encoding, seed)
        write_atomically(partial / "store.json", json.dumps({"files": files}) + "\n")
        _give_name(partial, folder, encoding)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _left_behind(folder: Path) -> list[Path]:
    """Returns what killed processes left behind. Without a lock it may be another process's work, so there is none."""
    return [] if fcntl is None else [*folder.parent.glob(f".{folder.name}.*.partial")]


def _give_name(partial: Path, folder: Path, encoding: _Encoding) -> None:
    """Renames a finished folder to the store, unless another process was faster."""
    try:
        partial.rename(folder)
    except OSError:
        if not _is_whole(folder, encoding):
            raise


class _Column:
    """An array that grows in a file."""

    def __init__(self, path: Path, dtype: str, stack: contextlib.ExitStack) -> None:
        self._file: BinaryIO = stack.enter_context(path.open("wb"))
        self._dtype = dtype
        self._size = self._checksum = 0

    def append(self, values: NDArray[Any]) -> None:
        """Appends values."""
        content = values.astype(self._dtype).tobytes()
        self._file.write(content)
        self._size += len(content)
        self._checksum = zlib.crc32(content, self._checksum)

    def finish(self) -> dict[str, object]:
        """Syncs the file to disk, and returns its entry in ``store.json``."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return {"size": self._size, "crc32": self._checksum}


class _Side:
    """Writes the sources, the targets or the copies of a store."""

    def __init__(self, folder: Path, name: str, dtype: str, stack: contextlib.ExitStack) -> None:
        self._ids = _Column(folder / f"{name}.ids", dtype, stack)
        self._starts = _Column(folder / f"{name}.starts", _STARTS, stack)
        self._starts.append(np.zeros(1))
        self._end = 0
        self._name = name

    def append(self, sequences: Sequences) -> None:
        """Appends sequences."""
        self._ids.append(sequences.ids)
        self._starts.append(sequences.starts[1:] + self._end)
        self._end += len(sequences.ids)

    def finish(self) -> dict[str, dict[str, object]]:
        """Returns the entries of its files in ``store.json``."""
        return {f"{self._name}.ids": self._ids.finish(), f"{self._name}.starts": self._starts.finish()}


def _write(folder: Path, splits: Splits, encoding: _Encoding, seed: int) -> dict[str, dict[str, object]]:
    """Writes the arrays chunk by chunk, and returns their entries in ``store.json``."""
    entries: dict[str, dict[str, object]] = {}
    with contextlib.ExitStack() as stack:
        sides = {name: _Side(folder, name, dtype, stack) for name, dtype in encoding.sides().items()}
        examples = splits.train(generator(seed, "train"))
        while len(pairs := encoding.pairs(itertools.islice(examples, _CHUNK))):
            for name, side in sides.items():
                side.append(getattr(pairs, name))
        for side in sides.values():
            entries |= side.finish()
    return entries


def _is_whole(folder: Path, encoding: _Encoding) -> bool:
    """Returns whether a store exists and its files match their checksums."""
    try:
        files = json.loads((folder / "store.json").read_text(encoding="utf-8"))["files"]
        return all(_matches(folder / name, files[name]) for name in encoding.types())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _matches(path: Path, described: dict[str, int]) -> bool:
    checksum = size = 0
    with path.open("rb") as file:
        while chunk := file.read(_READ):
            checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
    return (size, checksum) == (described["size"], described["crc32"])


def _open(folder: Path, encoding: _Encoding) -> Pairs:
    arrays = {name: _mapped(folder / name, dtype) for name, dtype in encoding.types().items()}
    return Pairs(*(Sequences.of(arrays[f"{side}.ids"], arrays[f"{side}.starts"]) for side in encoding.sides()))


def _mapped(path: Path, dtype: str) -> NDArray[Any]:
    """Maps an array on disk into memory; an empty file, which can't be mapped, gives an empty array."""
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.zeros(0, dtype)
