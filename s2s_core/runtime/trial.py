"""Opens a file that isn't known yet in a process of its own first: some graphs crash ONNX Runtime, or never end.

    python -m s2s_core.runtime.trial model.onnx

answers two texts within limits of time and memory. It ends with 0, with ``REFUSED`` and a message if the file can't be
used, or with ``TOO_MUCH`` if it needs too much memory; a crash or a limit ends it by a signal.
"""

import contextlib
import hashlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from s2s_core.cache import cache_folder
from s2s_core.errors import ModelError, S2SError

REFUSED, TOO_MUCH = 1, 3

SECONDS, BYTES_IN_A_SECOND = 5, 10_000_000
"""The processor time that a trial may take: for every file, and for how many bytes one second more."""

PATIENCE = 10
"""How many times as long it may take by the clock, as other programs run beside it."""

LEAST_MEMORY = 4 << 30
"""The address space that a trial always may have, in bytes; libraries map far more than they use."""

TEXTS = ("", "a")


class _Ended(NamedTuple):
    """How a trial ended.

    Attributes:
        code: The exit code, or the negative number of a signal.
        message: Why the file can't be used, if that is so.
    """

    code: int
    message: str = ""


def require_harmless(path: Path) -> None:
    """Checks that a file can be opened without harm, unless this user has opened the same content before.

    Args:
        path: The file. One that can't be read is left to who opens it.

    Raises:
        ModelError: It can't be used, it crashes ONNX Runtime, or it needs too much time or memory.
    """
    mark = _mark(path)
    if mark is None or mark.exists():
        return
    ended = _try(path)
    if ended.code < 0:
        raise ModelError(f"{path} is not opened: {_in_words(-ended.code)}, as damaged and hostile files do")
    if ended.code == TOO_MUCH:
        raise ModelError(f"{path} is not opened: it needs more memory than there is")
    if ended.code == REFUSED and ended.message:
        raise ModelError(ended.message)
    if ended.code == 0:
        note_as_known(path)


def note_as_known(path: Path) -> None:
    """Remembers that a file is harmless."""
    mark = _mark(path)
    with contextlib.suppress(OSError):  # without a mark it is tried again
        if mark is not None:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def _mark(path: Path) -> Path | None:
    """Returns the empty file whose existence says that a content is known; ``None`` if it can't be told."""
    with contextlib.suppress(OSError, S2SError):
        if path.is_file():
            with path.open("rb") as file:
                return cache_folder() / "opened" / hashlib.file_digest(file, "blake2b").hexdigest()
    return None


def _try(path: Path) -> _Ended:
    """Tries a file in a process of its own."""
    seconds = _seconds(path)
    command = [sys.executable, "-P", "-m", "s2s_core.runtime.trial", str(path)]
    try:
        ended = subprocess.run(  # noqa: S603  # our own module, and a path
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE * seconds
        )
    except subprocess.TimeoutExpired:
        return _Ended(-signal.SIGALRM)
    return _Ended(ended.returncode, ended.stdout.decode(errors="replace"))


def _seconds(path: Path) -> int:
    return SECONDS + path.stat().st_size // BYTES_IN_A_SECOND


def _in_words(number: int) -> str:
    """Returns what a signal says of a file."""
    if number in {signal.SIGALRM, signal.SIGXCPU}:
        return "it takes too long"
    return f"it crashes ONNX Runtime (signal {number})"


def _limit(path: Path) -> None:
    """Limits this process."""
    import resource  # noqa: PLC0415  # only Unix has it

    from s2s_core.runtime.memory import affordable_memory  # noqa: PLC0415  # takes ONNX Runtime

    seconds, memory = _seconds(path), max(affordable_memory(), LEAST_MEMORY)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: Path) -> int:
    """Opens a file and answers two texts, and returns the exit code."""
    with contextlib.suppress(ImportError):
        _limit(path)
    try:
        from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # within the limits

        ExportedModel(path, threads=1)(TEXTS)
    except MemoryError:
        return TOO_MUCH
    except S2SError as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
