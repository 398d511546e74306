"""Ends training between two updates when the user or the system asks for it."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, Self

from s2s_core.errors import S2SError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterruptedError(S2SError):
    """A run was stopped by a signal; what it did is on disk.

    Args:
        message: What to do next.
        number: The signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


@contextlib.contextmanager
def before_training() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM raise an error that says that there is nothing to go on with.

    Raises:
        TrainingInterruptedError: One of them came.
    """
    try:
        with _handled_by(_stop):
            yield
    except _Stopped as error:
        raise _stopped_early(error.number) from None


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Does the same, but not before it is left: an import that is cut off leaves half a module behind.

    Raises:
        TrainingInterruptedError: One of them came.
    """
    with Interruption() as interruption:
        yield
    if interruption.signal is not None:
        raise _stopped_early(interruption.signal)


def _stopped_early(number: int) -> TrainingInterruptedError:
    return TrainingInterruptedError("stopped before training began; nothing was written", number)


class _Stopped(BaseException):
    """A signal came. As with ``KeyboardInterrupt``, nobody takes it for an error of theirs."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise _Stopped(number)


class Interruption:
    """Remembers Ctrl-C and SIGTERM while it is entered. A second one acts at once.

    Signals reach the main thread only; elsewhere it does nothing.
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
    """Gives the signals to a handler, in the main thread."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
