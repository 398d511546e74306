"""Opens a file that isn't known yet in a process of its own first: some graphs crash ONNX Runtime, or never end.

The process gets the file's content on its standard input, and answers two texts within limits of time and memory. It
ends with 0, with ``REFUSED`` and a message if the file can't be used, or with ``TOO_MUCH`` if it needs too much memory.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs

from s2s_core.cache import cache_folder
from s2s_core.errors import ModelError, S2SError, one_line

TRIAL = "S2S_TRIAL"
"""The environment variable that is ``off`` where nothing is to be tried."""

REFUSED, TOO_MUCH = 10, 11
"""Exit codes that Python itself never ends with."""

SECONDS, BYTES_IN_A_SECOND = 5, 10_000_000
"""The processor time that a trial may take: for every file, and for how many bytes one second more."""

PATIENCE = 10
"""How many times as long it may take by the clock, as other programs run beside it."""

LEAST_MEMORY = 4 << 30
"""The address space that a trial always may have, in bytes; libraries map far more than they use."""

TEXTS = ("", "a")

_ROOT = Path(__file__).parents[2]
_PROGRAM = f"import sys; sys.path.append({str(_ROOT)!r}); from s2s_core.runtime.trial import main; sys.exit(main())"


@attrs.frozen
class _Ended:
    """How a trial ended.

    Attributes:
        code: The exit code, or the negative number of a signal.
        message: The last line that it printed.
        hung: Whether it took too long.
    """

    code: int
    message: str
    hung: bool = False


def require_tried(path: Path) -> None:
    """Checks that a file was opened without harm, now or earlier by this user with this version of ONNX Runtime.

    Args:
        path: The file. One that can't be read is left to who opens it.

    Raises:
        ModelError: It can't be used, it crashes ONNX Runtime, it needs too much time or memory, or it can't be tried.
    """
    if os.environ.get(TRIAL) == "off" or not path.is_file():
        return
    try:
        content = path.read_bytes()
    except OSError:
        return
    if _is_known(content):
        return
    ended = _try(content)
    if ended.code == REFUSED:
        raise ModelError(f"{path}{ended.message.removeprefix('the model')}")
    if ended.code:
        raise ModelError(f"{path} is not opened: {_reason(ended)}; {TRIAL}=off opens it all the same")
    note_as_known(content)


def note_as_known(content: bytes) -> None:
    """Remembers that a file was opened without harm."""
    with contextlib.suppress(OSError, S2SError):  # without a mark it is tried again
        mark = _mark(content)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _is_known(content: bytes) -> bool:
    with contextlib.suppress(OSError, S2SError):
        return _mark(content).exists()
    return False


def _mark(content: bytes) -> Path:
    """Returns the empty file whose existence says that a content is known."""
    import onnxruntime  # noqa: PLC0415  # takes a tenth of a second

    digest = hashlib.blake2b(content).hexdigest()
    return cache_folder() / "opened" / f"{onnxruntime.__version__}-{digest}"


def _try(content: bytes) -> _Ended:
    """Tries a file in a process of its own."""
    command = [sys.executable, "-P", "-c", _PROGRAM]
    try:
        ended = subprocess.run(  # noqa: S603  # our own module
            command, input=content, capture_output=True, check=False, timeout=PATIENCE * _seconds(content)
        )
    except subprocess.TimeoutExpired:
        return _Ended(1, "", hung=True)
    printed = (ended.stdout if ended.returncode == REFUSED else ended.stderr).decode(errors="replace")
    hung = -ended.returncode == getattr(signal, "SIGXCPU", None)
    return _Ended(ended.returncode, printed.rstrip().rpartition("\n")[2], hung)


def _seconds(content: bytes) -> int:
    return SECONDS + len(content) // BYTES_IN_A_SECOND


def _reason(ended: _Ended) -> str:
    """Returns why a file is not opened."""
    if ended.hung:
        return "it takes too long"
    if ended.code == TOO_MUCH:
        return "it needs more memory than there is"
    if ended.code < 0:
        return f"it crashes ONNX Runtime (signal {-ended.code}), as damaged and hostile files do"
    return f"the process that tries it ended with {ended.code}: {one_line(ended.message)}"


def _limit(content: bytes) -> None:
    """Limits this process, as far as the system can."""
    import resource  # noqa: PLC0415  # only Unix has it

    from s2s_core.runtime.memory import affordable_memory  # noqa: PLC0415  # takes ONNX Runtime

    limits = {
        resource.RLIMIT_CPU: _seconds(content) + int(time.process_time()),
        resource.RLIMIT_AS: max(affordable_memory() or 0, LEAST_MEMORY),
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        _, most = resource.getrlimit(kind)
        lower = limit if most == resource.RLIM_INFINITY else min(limit, most)
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(kind, (lower, most))


def main() -> int:
    """Opens the file on standard input and answers two texts, and returns the exit code."""
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # takes ONNX Runtime, outside the limits

    content = sys.stdin.buffer.read()
    with contextlib.suppress(ImportError):
        _limit(content)
    try:
        ExportedModel(content, threads=1)(TEXTS)
    except MemoryError:
        return TOO_MUCH
    except S2SError as error:
        sys.stdout.buffer.write(b"\n" + one_line(str(error)).encode())
        return REFUSED
    return 0
