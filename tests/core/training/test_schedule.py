"""The learning rate: each schedule's formula, and the plateau, which depends on scores."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from s2s_core.config.schedule import SCHEDULES, is_plateau, learning_rate
from s2s_core.config.training import TrainingConfig


def rates(**training):
    """Returns the rates of all updates of a run of 100."""
    config = TrainingConfig(steps=100, learning_rate=2.0, **training)
    return [learning_rate(config, step) for step in range(100)]


def test_linear_falls_in_equal_steps_to_zero():
    """The rate of update t of T is the highest one times 1 - t/T."""
    assert rates(schedule="linear", warmup_steps=0) == pytest.approx([2 * (100 - step) / 100 for step in range(100)])


def test_constant_stays():
    """After the rise nothing changes."""
    assert rates(schedule="constant", warmup_steps=4) == [0.5, 1.0, 1.5] + [2.0] * 97


def test_inverse_square_root_is_that_of_the_transformer():
    """It is ``min(t^-0.5, t · w^-1.5)`` of the 2017 paper, scaled to reach the highest rate after the warm-up."""
    paper = [min(t**-0.5, t * 16**-1.5) for t in range(1, 101)]
    expected = [2.0 * rate / max(paper) for rate in paper]
    assert rates(schedule="inverse-square-root", warmup_steps=16) == pytest.approx(expected)


def test_inverse_square_root_needs_no_rise():
    """Without warm-up it falls from the first update on."""
    expected = [2.0 * t**-0.5 for t in range(1, 101)]
    assert rates(schedule="inverse-square-root", warmup_steps=0) == pytest.approx(expected)


def test_halving_is_that_of_the_2014_paper():
    """With epochs of 10 updates: the whole rate for 5 epochs, then half of it, half again each half epoch."""
    found = rates(schedule="halving", warmup_steps=0, halving_start=50, halving_interval=5)
    assert found[:50] == [2.0] * 50
    assert found[50:] == [2.0 / 2 ** (1 + number // 5) for number in range(50)]


def test_a_long_run_of_halvings_ends_at_zero():
    """A rate too small for a float is 0, not an error."""
    config = TrainingConfig(schedule="halving", halving_start=1, halving_interval=1)
    assert learning_rate(config, 10**9) == 0


@settings(deadline=None, max_examples=50, derandomize=True)
@given(schedule=some.sampled_from([*SCHEDULES]), warmup=some.integers(0, 150))
def test_every_schedule_rises_evenly_and_then_never_rises_again(schedule, warmup):
    """No rate is above the highest, none before the end is 0, and after the warm-up rates never grow."""
    found = rates(schedule=schedule, warmup_steps=warmup, halving_start=7, halving_interval=9)
    assert all(0 < rate <= 2 for rate in found)
    after = found[max(warmup - 1, 0) :]
    assert after == sorted(after, reverse=True)
    if warmup:
        assert found[0] == pytest.approx(2 / warmup, rel=1e-3)


def test_the_plateau_is_reached_by_patience():
    """The rate is reduced after so many validations without a better score, and again after as many more."""
    config = TrainingConfig(schedule="plateau", plateau_patience=3)
    assert [stale for stale in range(10) if is_plateau(config, stale)] == [3, 6, 9]
    assert not is_plateau(TrainingConfig(schedule="cosine", plateau_patience=3), 3)


def test_a_plateau_reduces_the_rate(make_run, train, records):
    """The log tells each interval's rate: the full one until scores stop to grow, then a tenth, then a hundredth."""
    settings = {"schedule": "plateau", "plateau_patience": 2, "plateau_factor": 0.1, "steps": 32}
    run = make_run(**settings)
    assert train(run, [1, 3, 2, 2, 4, 3, 0, 1]).reductions == 2
    assert [record["learning_rate"] for record in records(run)] == pytest.approx([0.01] * 4 + [0.001] * 3 + [0.0001])


def test_a_plateau_survives_an_interruption(make_run, train, contents):
    """A run that is interrupted after a reduction, between validations, goes on with the reduced rate."""
    settings = {"schedule": "plateau", "plateau_patience": 1, "steps": 24, "validate_every": 6}
    whole, parts = make_run("whole", **settings), make_run("parts", **settings)
    train(whole, [1, 0, 2, 3])
    train(parts, [1, 0, 2, 3], interrupted_at=20)
    train(parts, resume=True)
    assert contents(parts) == contents(whole)


def test_the_allowed_names_are_the_declared_ones():
    """A schedule is declared once, by its formula; no other name can be set."""
    with pytest.raises(ValueError, match=r"^schedule must be one of " + ", ".join(map(repr, SCHEDULES))):
        TrainingConfig(schedule="exponential")
