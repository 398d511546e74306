"""Lets Ctrl-C, SIGTERM and SIGHUP stop work between two of its steps."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, Self

from s2s_core.errors import S2SError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
"""Ctrl-C; what ends a process politely; and a terminal or connection that is closed, which Windows doesn't have."""


class TrainingInterruptedError(S2SError):
    """A signal stopped the run; its state is on disk.

    Args:
        message: What happened, and what to do next.
        number: The number of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


@contextlib.contextmanager
def before_training() -> Iterator[None]:
    """Turns these signals into an error that says that nothing was written.

    Raises:
        TrainingInterruptedError: One of the signals arrived.
    """
    try:
        with _handled_by(_stop):
            yield
    except _Stopped as error:
        raise _stopped_early(error.number) from None


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Does the same on leaving the block only: an interrupted import would leave half a module behind.

    Raises:
        TrainingInterruptedError: One of the signals arrived.
    """
    with Interruption() as interruption:
        yield
    if interruption.signal is not None:
        raise _stopped_early(interruption.signal)


def _stopped_early(number: int) -> TrainingInterruptedError:
    return TrainingInterruptedError("stopped before training began; nothing was written", number)


class _Stopped(BaseException):
    """A signal arrived. Like ``KeyboardInterrupt``, it isn't caught by ``except Exception``."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise _Stopped(number)


class Interruption:
    """Records these signals inside its block. A second one takes effect at once.

    Signals reach the main thread only; in any other thread it does nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._handlers = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._handlers.enter_context(_handled_by(self._remember))
        return self

    def __exit__(self, *_: object) -> None:
        self._handlers.close()

    def _remember(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self._handlers.close()


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles the signals with a handler, if this is the main thread. What ``nohup`` started goes on after SIGHUP."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        ignored = {number for number in _SIGNALS[1:] if signal.getsignal(number) == signal.SIG_IGN}
        before = {number: signal.signal(number, handler) for number in _SIGNALS if number not in ignored}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
