"""A confidence is the probability that an answer is right, by examples that the model wasn't trained on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.errors import DataError
from s2s_core.evaluation.answers import Answered
from s2s_core.evaluation.calibration import Calibration
from s2s_core.evaluation.reliability import BINS, reliability


def answers_of_an_overconfident_model(count, seed):
    """Returns log-probabilities, lengths and truth, where the odds of truth are known exactly."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 12, count).astype(float)
    log_probabilities = -random.gamma(0.7, 0.4, count)
    odds = 3.0 * log_probabilities - 0.3 * lengths + 2.5
    return log_probabilities, lengths, random.random(count) < 1 / (1 + np.exp(-odds))


def test_the_truth_is_found():
    """On other answers of the same model, what is 70 % sure is right 70 times of 100."""
    calibration = Calibration.fit(*answers_of_an_overconfident_model(20_000, 1))
    log_probabilities, lengths, right = answers_of_an_overconfident_model(20_000, 2)
    sure = calibration(log_probabilities, lengths)
    for low in np.arange(0, 1, 0.1):
        rows = (sure >= low) & (sure < low + 0.1)
        if rows.sum() > 500:
            assert abs(sure[rows].mean() - right[rows].mean()) < 0.03
    assert calibration.temperature == pytest.approx(1 / 3, rel=0.1)
    assert calibration.per_token == pytest.approx(-0.3, abs=0.03)
    assert len(calibration.points) > 5


def test_few_examples_have_no_curve():
    """A curve through noise would be worse than the line."""
    calibration = Calibration.fit(*answers_of_an_overconfident_model(100, 3))
    assert (calibration.points, calibration.values) == ((), ())
    with pytest.raises(DataError, match=r"needs at least 20 validation examples .* \(got 19\)"):
        Calibration.fit(*answers_of_an_overconfident_model(19, 4))


@pytest.mark.parametrize("right", [True, False])
def test_a_few_examples_make_nothing_certain(right):
    """If all are right or all are wrong, the next one mayn't be, and an answer that the model doubts is doubtful."""
    log_probabilities = np.full(20, -0.1)
    calibration = Calibration.fit(log_probabilities, np.full(20, 5.0), np.full(20, right))
    (sure,) = calibration(np.array([-0.1]), np.array([5.0]))
    assert sure == pytest.approx(21 / 22 if right else 1 / 22, abs=0.01)
    assert calibration(np.array([-90.0]), np.array([5.0]))[0] < 1e-3


def test_what_is_no_number_is_not_right():
    """An endless answer of an unstable model has no log-probability; the others are calibrated without it."""
    log_probabilities, lengths, right = answers_of_an_overconfident_model(1000, 5)
    log_probabilities[::50], right[::50] = np.nan, False
    calibration = Calibration.fit(log_probabilities, lengths, right)
    assert np.isfinite([calibration.temperature, *calibration.points]).all()
    assert calibration(np.array([np.nan, -0.1]), np.array([9.0, 3.0]))[0] == 0.0
    assert calibration(np.array([-0.1]), np.array([3.0]))[0] > 0.5


@given(
    count=st.integers(20, 400),
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]),
    same=st.booleans(),
)
def test_any_answers_give_a_probability(count, seed, share, same):
    """Even if all are right, all are wrong, or all look alike: from 0 to 1, and surer where the model is surer."""
    random = np.random.default_rng(seed)
    log_probabilities = np.full(count, -1.0) if same else -random.exponential(2, count)
    lengths = np.full(count, 3.0) if same else random.integers(1, 9, count).astype(float)
    calibration = Calibration.fit(log_probabilities, lengths, random.random(count) < share)
    surer = calibration(np.linspace(-50, 0, 200), np.full(200, 3.0))
    assert ((surer >= 0) & (surer <= 1)).all()
    assert (np.diff(surer) >= -1e-12).all()
    assert calibration(np.array([-np.inf]), np.array([1.0])) == [0.0]
    numbers = (calibration.temperature, calibration.per_token, calibration.offset, *calibration.points)
    assert np.isfinite(numbers).all()


def test_reliability_is_counted_by_hand():
    """Five answers in three bins: two sure ones of which one is wrong, two unsure ones, and a certain one."""
    answered = Answered(list("abcde"), [["x"], ["x", "y"], ["x"], ["x"], ["x"]], ["x", "y", "z", "x", "x"])
    measured = reliability(answered, [0.85, 0.35, 0.83, 0.31, 1.0])
    assert [(each.answers, round(each.confidence, 3), each.right) for each in measured.bins] == [
        (2, 0.33, 1.0),
        (2, 0.84, 0.5),
        (1, 1.0, 1.0),
    ]
    assert measured.calibration_error == pytest.approx((2 * 0.67 + 2 * 0.34 + 0) / 5)
    assert measured.surest_wrong == pytest.approx(1 / 4)
    assert measured.in_words() == (
        "the surest 80 % of the answers have 25.00 % errors, and the expected calibration error is 40.40 %"
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_reliability_by_another_way(pairs):
    """The expected calibration error, by sums over bins instead of means."""
    answered = Answered([""] * len(pairs), [["a"]] * len(pairs), ["a" if right else "b" for _, right in pairs])
    sums = [0.0] * BINS
    for sure, right in pairs:
        sums[min(int(sure * BINS), BINS - 1)] += sure - right
    measured = reliability(answered, [sure for sure, _ in pairs])
    assert measured.calibration_error == pytest.approx(sum(map(abs, sums)) / len(pairs), abs=1e-9)
    assert sum(each.answers for each in measured.bins) == len(pairs)
