"""The lock on a folder that a process writes to, so that no second one does."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from s2s_core.errors import ConfigError
from s2s_core.runs.folder import LOCK_FILE


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes a folder, and holds its lock, which a process may take again inside.

    The operating system releases the lock when its process ends, however it ends. The file stays: removing it would let
    two processes lock two files of one name.

    Raises:
        ConfigError: Another process holds the lock, and the message says which one; or the lock is a link.
        OSError: The folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_FILE
    if path.is_symlink():
        raise ConfigError(f"{path} is a symbolic link, but a run writes in its own folder only: remove the link")
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ConfigError(
            f"{folder} is being written by {_owner(path)}: wait until that ends, or choose another --output"
        ) from None
    try:
        if lock.lock_counter == 1:
            path.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
        yield
    finally:
        if lock.lock_counter == 1:
            with contextlib.suppress(OSError):  # the name of the owner is only for messages
                path.write_bytes(b"")
        lock.release()


def _owner(path: Path) -> str:
    """Returns who holds a lock."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:200] or "another process"
    except OSError:
        return "another process"
