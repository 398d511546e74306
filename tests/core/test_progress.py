"""What is shown while training works."""

import pytest

from s2s_core.cli.progress import duration


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "0:01:00"), (61, "0:01:01"), (3723.4, "1:02:03"), (90000, "1 day, 1:00:00")],
)
def test_a_long_time_is_shown_in_hours_and_minutes(seconds, shown):
    """Nobody reads thousands of seconds."""
    assert duration(seconds) == shown
