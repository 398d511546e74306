"""Writing files so that a reader never sees half of one."""

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a whole file or nothing.

    The content goes to ``.NAME.partial`` beside the file, which then takes its place. What a killed process left there
    is overwritten by the next one.

    Raises:
        OSError: It can't be written, and the error names ``path``, which is then as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
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
