"""Whether one model is better than another: resamples, intervals, p-values and flips."""

import math
import statistics

import numpy as np
import pytest

import s2s_core as s2s
from s2s_core.evaluation.answers import Answered
from s2s_core.evaluation.bootstrap import SEED, Difference, resampled_scores
from s2s_core.evaluation.flips import Flip, Flips
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.evaluation.metrics.perplexity import Perplexity
from s2s_core.evaluation.metrics.translation import BLEU
from s2s_core.evaluation.spread import Spread

METRICS = {"exact_match": ExactMatch(list)}


def answered(right, *, likelihoods=()):
    """Returns answers that are right where it is said."""
    sources = [f"source {row}" for row in range(len(right))]
    return Answered(sources, [["yes"]] * len(right), ["yes" if one else "no" for one in right], likelihoods)


def test_resamples_are_rows_drawn_with_replacement():
    """The same rows for every model, which a few lines of numpy draw as well; any metric is scored on them."""
    right = [True, False, True, True, False, False, True]
    found = resampled_scores(answered(right), METRICS, 50)["exact_match"]
    rng = np.random.default_rng(SEED)
    expected = [np.mean(np.array(right)[rng.integers(7, size=7)]) for _ in range(50)]
    assert found.tolist() == pytest.approx(expected)
    assert len(set(found.tolist())) > 3
    opposite = resampled_scores(answered([not one for one in right]), METRICS, 50)["exact_match"]
    assert (found + opposite).tolist() == pytest.approx([1.0] * 50)


def test_a_metric_that_is_no_mean_is_resampled_too():
    """Such as BLEU, or the perplexity, whose rows are likelihoods."""
    rows = [[s2s.Likelihood(-float(row), 2)] for row in range(4)]
    metrics = {"bleu": BLEU(str.split), "perplexity": Perplexity(list)}
    samples = resampled_scores(answered([True] * 4, likelihoods=rows), metrics, 20)
    rng = np.random.default_rng(SEED)
    expected = [math.exp(rng.integers(4, size=4).sum() / 8) for _ in range(20)]
    assert samples["perplexity"].tolist() == pytest.approx(expected)
    assert samples["bleu"].shape == (20,)


def test_the_interval_is_that_of_theory():
    """For a mean over many rows, the bootstrap gives the normal interval of paired differences."""
    rng = np.random.default_rng(5)
    first, other = rng.random(800) < 0.7, rng.random(800) < 0.75
    samples = [resampled_scores(answered(right), METRICS)["exact_match"] for right in (first, other)]
    difference = float(np.mean(other) - np.mean(first))
    found = Difference.of(difference, samples[1] - samples[0])
    error = statistics.stdev(other.astype(float) - first.astype(float)) / math.sqrt(800)
    assert [found.low, found.high] == pytest.approx([difference - 1.96 * error, difference + 1.96 * error], abs=0.008)
    tail = statistics.NormalDist(abs(difference), error).cdf(0)
    assert found.p_value == pytest.approx(tail, abs=0.04)


@pytest.mark.parametrize(
    ("score", "samples", "p_value"),
    [(1.0, [1, 2, 3, -1], 0.25), (-1.0, [1, 0, -3, -1], 0.5), (0.0, [1, -1, 0, 0], 1.0), (2.0, [1, 1, 1, 1], 0.0)],
)
def test_the_p_value_counts_resamples_that_disagree(score, samples, p_value):
    """A tie disagrees, and so does everything where the models score alike."""
    assert Difference.of(score, np.array(samples, float)).p_value == p_value


def test_flips_are_answers_that_one_model_alone_gets_right():
    """Any of the references is right."""
    sources, references = ["a", "b", "c", "d"], [["1", "2"], ["1"], ["1"], ["1"]]
    first = Answered(sources, references, ["2", "1", "x", "x"])
    other = Answered(sources, references, ["1", "y", "1", "z"])
    assert Flips.between(first, other) == Flips([Flip("b", ["1"], "1", "y")], [Flip("c", ["1"], "x", "1")])


def test_the_spread_is_that_of_a_sample():
    """As Python's own statistics compute it; where there is none, it isn't a number."""
    scores = [{"exact_match": score, "perplexity": math.inf} for score in (0.5, 0.6, 0.9)]
    spread = Spread([0, 1, 2], scores, {**METRICS, "perplexity": Perplexity(list)})
    values = [0.5, 0.6, 0.9]
    found = [spread.mean("exact_match"), spread.deviation("exact_match")]
    assert found == pytest.approx([statistics.mean(values), statistics.stdev(values)])
    assert spread.display("exact_match") == "66.67 % ± 20.82 %"
    assert math.isnan(spread.deviation("perplexity"))
    assert spread.to_json()["exact_match"]["seeds"] == values
