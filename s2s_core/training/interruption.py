"""Ends training between two updates when the user or the system asks for it."""

import signal
import threading
from types import FrameType
from typing import Any, Self

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


class Interruption:
    """Remembers Ctrl-C and SIGTERM while it is entered. A second one acts at once.

    Signals reach the main thread only; elsewhere it does nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._remember) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _remember(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
