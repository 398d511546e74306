"""How long training will take, told from its first updates."""

import pytest

from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.pipeline.display import BarProgress, LineProgress
from s2s_core.pipeline.estimate import Estimate

METRICS = {"exact_match": ExactMatch(list)}


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes as a test says."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


def told(clock, estimate, first, last, seconds):
    """Returns what is told while updates are reported, ten at a time, each of which takes so many seconds."""
    found = []
    for step in range(first + 10, last + 1, 10):
        clock.now += 10 * seconds
        found.append((step, estimate.advanced(step)))
    return [(step, text) for step, text in found if text is not None]


@pytest.mark.parametrize(
    ("steps", "seconds", "expected"),
    [
        (40_000, 0.018, [(400, "about 12 minutes for 40,000 steps")]),
        (1000, 0.0601, [(30, "about 1 minute for 1,000 steps")]),
        (1000, 0.0599, []),
        (20, 60.0, []),
        (100_000, 0.36, [(1000, "about 10.0 hours for 100,000 steps")]),
        (1000, 5.3, [(30, "about 88 minutes for 1,000 steps")]),
    ],
)
def test_the_time_is_told_once(clock, steps, seconds, expected):
    """After a hundredth of the updates, and at least 30, if training takes a minute or more."""
    assert expected == told(clock, Estimate(0, steps), 0, min(steps, 2000), seconds)


def test_what_is_slow_only_at_first_is_left_out(clock):
    """The updates before the first report, and validations."""
    estimate = Estimate(0, 6000)
    clock.now += 500
    assert estimate.advanced(10) is None
    clock.now += 1
    assert estimate.advanced(20) is None
    clock.now += 500
    estimate.validated()
    assert told(clock, estimate, 20, 100, 0.1) == [(60, "about 10 minutes for 6,000 steps")]


def test_a_resumed_training_tells_what_is_left(clock):
    """Not what was done before."""
    assert told(clock, Estimate(3000, 6000), 3000, 4000, 0.1) == [(3030, "about 5 minutes for 3,000 steps")]


@pytest.mark.parametrize("kind", [LineProgress, BarProgress])
def test_it_is_a_line_of_its_own(clock, capsys, kind):
    """On a terminal above the bar, elsewhere between the others."""
    shown = kind()
    shown.started(0, 3000, METRICS)
    for step in range(10, 100, 10):
        clock.now += 1
        shown.advanced(step, 1.0, 1000)
    shown.stopped()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines.count("train about 5 minutes for 3,000 steps") == 1
