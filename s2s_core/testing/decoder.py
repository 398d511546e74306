"""What every decoder promises."""

from collections.abc import Callable

from s2s_core.testing.subject import Subject

PROMISES: tuple[Callable[[Subject], None], ...] = ()
