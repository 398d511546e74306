"""Writes files atomically, so that no reader sees half of one."""

import contextlib
import errno
import os
from pathlib import Path


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
    """Writes a whole file or nothing.

    The content goes to ``.NAME.partial`` beside the file, which then takes its place. A leftover of a
    killed process is replaced, and so is a symbolic link, which is never followed.

    Raises:
        OSError: The file can't be written. The error names ``path``, which is left unchanged.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with partial.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
