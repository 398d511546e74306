"""Estimates from its first updates how long training will take."""

import time

LEAST_UPDATES = 30

SHARE = 0.01
"""The share of all updates that is measured, if that is more."""

LEAST_SECONDS = 60.0
"""A training that is expected to be shorter needs no estimate."""


class Estimate:
    """Measures the first updates, but for those before the first report: they warm up.

    Validations are left out: the first ones, of a model that doesn't know where to end, take much longer than others.

    Args:
        step: The updates that were made before.
        steps: All updates.
    """

    def __init__(self, step: int, steps: int) -> None:
        self._left = steps - step
        self._enough = step + max(LEAST_UPDATES, round(SHARE * self._left))
        self._before: int | None = None
        self._began = self._spent = 0.0
        self._updates = 0
        self._told = False

    def advanced(self, step: int) -> str | None:
        """Notes that so many updates were made, and returns the estimate once it can be told.

        Returns:
            Such as ``"about 12 minutes for 40,000 steps"``, once; otherwise ``None``.
        """
        if self._told:
            return None
        now = time.perf_counter()
        if self._before is not None:
            self._spent += now - self._began
            self._updates += step - self._before
        self._before, self._began = step, now
        if step < self._enough or not self._updates:
            return None
        self._told = True
        seconds = self._spent / self._updates * self._left
        return f"about {_rounded(seconds)} for {self._left:,} steps" if seconds >= LEAST_SECONDS else None

    def validated(self) -> None:
        """Notes that a validation has ended, whose time doesn't count."""
        self._began = time.perf_counter()


def _rounded(seconds: float) -> str:
    """Returns a time in minutes or, if it is long, in hours."""
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} minute" + ("s" if minutes > 1 else "")
    return f"{seconds / 3600:.1f} hours"
