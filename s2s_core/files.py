"""Writes files and folders atomically, so that no reader sees half of one."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO


def require_writable(path: Path) -> None:
    """Checks that a file of this name can be written, before the work whose result goes there.

    Raises:
        OSError: Its folder is missing or may not be written, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, f"there is no folder {path.parent}", str(path))
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not os.access(path.parent, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a whole file or nothing; see ``opened_atomically``.

    Raises:
        OSError: The file can't be written. The error names ``path``, which is left unchanged.
    """
    with opened_atomically(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def opened_atomically(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to write, which takes its place at the end of the block, unless the block fails.

    The content goes to ``.NAME.partial`` beside the file, which then takes its place. Both are on disk after the block,
    also for a power cut. A leftover of a killed process is replaced, and so is a symbolic link, which is never
    followed.

    Raises:
        OSError: The file can't be written, or another process has begun to write it too. The error names ``path``,
            which is left unchanged.
    """
    partial = path.with_name(f".{path.name}.partial")
    own = None
    try:
        partial.unlink(missing_ok=True)
        with partial.open("xb") as file:
            own = os.fstat(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
        _require_own(partial, own)
        partial.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            if own is not None and _is(partial, own):
                partial.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def _require_own(partial: Path, opened: os.stat_result) -> None:
    """Checks that no other process has replaced what this one wrote."""
    if not _is(partial, opened):
        raise OSError(errno.EBUSY, "another process writes it")


def _is(path: Path, opened: os.stat_result) -> bool:
    """Returns whether a file is still the one that was opened."""
    return path.exists() and os.path.samestat(path.stat(), opened)


def write_folder_atomically(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a whole folder or nothing, and replaces an earlier one.

    The files go to ``.NAME.partial`` beside the folder, which then takes its place. An earlier one is called
    ``.NAME.replaced`` for the moment between, and takes its place again if a process was killed then. Other leftovers
    of a killed process are removed.

    Args:
        folder: Where. Folders above it are made.
        files: The content of each file, by its name.

    Raises:
        OSError: The folder can't be written. The error names ``folder``, which is left unchanged.
    """
    place = folder.resolve()
    partial, replaced = (place.with_name(f".{place.name}.{state}") for state in ("partial", "replaced"))
    try:
        if replaced.exists() and not place.exists():
            replaced.rename(place)
        for leftover in (partial, replaced):
            if leftover.exists():
                shutil.rmtree(leftover)
        partial.mkdir(parents=True)
        for name, content in files.items():
            write_atomically(partial / name, content)
        if place.exists():
            place.rename(replaced)
        partial.rename(place)
        sync_folder(place.parent)
    except BaseException as error:
        if replaced.exists() and not place.exists():
            replaced.rename(place)
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror or str(error), str(folder)) from error
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def append_line(path: Path, line: str) -> None:
    """Appends a line to a text file; it is on disk when this returns.

    Raises:
        OSError: The file can't be written.
    """
    new = not path.exists()
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the names of a folder's files are on disk, where the system can tell."""
    with contextlib.suppress(OSError):  # Windows opens no folders, and some file systems can't sync them
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
