"""Runs an attempt in a fork of this process, which has imported everything already."""

import gc
import importlib
import os
import pkgutil
import re
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

import attrs

import s2s_core

from .attempt import Attempt

PATIENCE = {False: 4.0, True: 60.0}
"""The seconds after which training is interrupted; if it exports too, it takes longer."""

LONGEST = {False: 10.0, True: 90.0}
"""The seconds after which a command hangs."""

SLACK = 6
"""How much longer than it computes a process may take, as other processes compute too."""

_LISTENS = re.compile(r"^serving .* on http://127\.0\.0\.1:(\d+)$", re.MULTILINE)
"""What a server prints when it listens."""

LIMITS = {resource.RLIMIT_AS: 12 << 30, resource.RLIMIT_FSIZE: 1 << 28, resource.RLIMIT_CORE: 0}


@attrs.frozen
class Ending:
    """How an attempt ended.

    Attributes:
        code: The exit code; negative, the signal that ended it.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
        seconds: How long it took; see ``_seconds``.
        interrupted: Whether it was sent Ctrl-C.
        hung: Whether it was killed, because it took too long.
        seen: What is wrong with a server, as its clients see it.
    """

    code: int
    out: bytes
    err: bytes
    seconds: float
    interrupted: bool
    hung: bool
    seen: str | None = None


def run(attempt: Attempt, folder: Path, streams: Path) -> Ending:
    """Runs an attempt in its folder; ``streams`` is the folder of what it reads and writes."""
    (streams / "in").write_bytes(attempt.stdin)
    began = time.monotonic()
    child = os.fork()
    if not child:
        _be(attempt, folder, streams)
    seen = _visit(attempt, child, streams / "err") if attempt.visit else None
    interrupted, hung, seconds = False, False, 0.0
    patience, longest = PATIENCE[attempt.exports], LONGEST[attempt.exports]
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        seconds = _seconds(child, began)
        if attempt.trains and not interrupted and seconds > patience:
            interrupted = True
            os.kill(child, signal.SIGINT)
        if not hung and seconds > longest + patience * interrupted:
            hung = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    out, err = ((streams / name).read_bytes() for name in ("out", "err"))
    if attempt.output:
        out = (folder / attempt.output).read_bytes() if (folder / attempt.output).is_file() else b""
    code = os.waitstatus_to_exitcode(ended[1])
    return Ending(code, out, err, seconds, interrupted, hung, seen)


def _visit(attempt: Attempt, child: int, printed: Path) -> str | None:
    """Waits until a server listens, or has ended; sends its clients, and then tells it to stop."""
    deadline = time.monotonic() + SLACK * LONGEST[attempt.exports]
    while not (port := _LISTENS.search(_text(printed))):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return None
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            return "hang: it never listens"
        time.sleep(0.01)
    assert attempt.visit is not None
    seen = attempt.visit(int(port[1]))
    os.kill(child, signal.SIGTERM)
    return seen


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _seconds(child: int, began: float) -> float:
    """Returns for how long a process has computed, or a part of the time since it began if it mostly waited."""
    waited = (time.monotonic() - began) / SLACK
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return waited
    return max(waited, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def warm_up() -> None:
    """Imports what commands need, so that a fork needs no time for it."""
    import datasets  # noqa: F401
    import matplotlib.backends.backend_agg  # noqa: F401
    import torch._dynamo

    from s2s_core.exporting.pieces import trace
    from s2s_core.plugins.registry import Plugins

    for module in pkgutil.walk_packages(s2s_core.__path__, "s2s_core."):
        if module.name != "s2s_core.__main__":
            importlib.import_module(module.name)
    installed = Plugins()
    for kind in ("task", "tokenizer", "encoder", "decoder", "metric"):
        for name in installed.names(kind):
            installed.component(kind, name)
    trace(torch.nn.Linear(1, 1), (torch.zeros(2, 1),), (None,))  # half of a first export is imports and tables
    gc.collect()
    gc.freeze()  # or the collector of each fork would touch, and so copy, all that is imported


def _be(attempt: Attempt, folder: Path, streams: Path) -> NoReturn:
    """Is the command, and ends this process."""
    code: object = 1
    try:
        os.setsid()
        for kind, limit in LIMITS.items():
            resource.setrlimit(kind, (limit, limit))
        for number, (name, mode) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
            os.dup2(os.open(streams / name, mode | os.O_CREAT | os.O_TRUNC * bool(number)), number)
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
        sys.argv = ["s2s", *attempt.arguments]
        code = _main()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001  # whatever it is, the command has failed
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code if isinstance(code, int) else 0)


def _main() -> object:
    from s2s_core.cli.main import main

    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0
