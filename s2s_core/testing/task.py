"""What every task promises."""

from collections.abc import Callable

from s2s_core.testing.subject import Subject

PROMISES: tuple[Callable[[Subject], None], ...] = ()
