"""Every promise of metrics is kept by good ones, and a metric that breaks it is caught, with the lines."""

import itertools
import math
import random

import pytest
from examining import require_caught, require_kept

from s2s_core import LikelihoodMetric, Metric
from s2s_core.evaluation.metrics.edit_distance import EditDistance
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.evaluation.metrics.perplexity import Perplexity
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import promises

PROMISES = {promise.name: promise for promise in promises("metric")}
PLUGINS = Plugins([], {})


class FirstToken(Metric):
    """The share of answers that begin with the right token, as in the documentation of hooks."""

    percent = True

    def score(self, hypotheses, references):
        pairs = zip(hypotheses, references, strict=True)
        right = sum(any(self.split(text)[:1] == self.split(answer)[:1] for text in texts) for answer, texts in pairs)
        return right / len(hypotheses)


class MeanLoss(LikelihoodMetric):
    """The mean loss of a reference."""

    higher_is_better = False

    def score(self, likelihoods):
        return -math.fsum(likelihood.log_probability for likelihood in likelihoods) / len(likelihoods)


class OfAHundred(FirstToken):
    def score(self, hypotheses, references):
        return 100 * super().score(hypotheses, references)


class BelowNothing(FirstToken):
    higher_is_better = False

    def score(self, hypotheses, references):
        return -super().score(hypotheses, references)


class NoNumber(FirstToken):
    def score(self, hypotheses, references):
        return super().score(hypotheses, references) or math.nan


class ByLength(Metric):
    def score(self, hypotheses, references):
        pairs = zip(hypotheses, references, strict=True)
        return sum(texts[0].startswith(text) * len(text) / len(texts[0]) for text, texts in pairs) / len(hypotheses)


class Exploding(Perplexity):
    def score(self, likelihoods):
        return math.exp(-likelihoods[0].log_probability)


class UpsideDown(ExactMatch):
    higher_is_better = False


class UnlikelyIsBetter(MeanLoss):
    higher_is_better = True


class CorpusOnly(ExactMatch):
    def score_line(self, hypothesis, references):
        return 1 - super().score_line(hypothesis, references)


class FirstReference(ExactMatch):
    def score(self, hypotheses, references):
        return super().score(hypotheses, [texts[:1] for texts in references])


class FirstLines(EditDistance):
    def score(self, hypotheses, references):
        return super().score(hypotheses[:2], references[:2])


class FirstLikelihood(MeanLoss):
    def score(self, likelihoods):
        return super().score(likelihoods[:1])


class Sampled(ExactMatch):
    def score(self, hypotheses, references):
        return random.random() * super().score(hypotheses, references)


class Running(EditDistance):
    def __init__(self, split=list, config=None):
        super().__init__(split, config)
        self.total = 0.0

    def score(self, hypotheses, references):
        self.total += super().score(hypotheses, references)
        return self.total


class Numbered(EditDistance):
    instances = itertools.count()

    def __init__(self, split=list, config=None):
        super().__init__(split, config)
        self.number = next(self.instances)

    def score(self, hypotheses, references):
        return super().score(hypotheses, references) + self.number


class SortsReferences(ExactMatch):
    def score(self, hypotheses, references):
        for texts in references:
            texts.sort()
        return super().score(hypotheses, references)


class AddsToLines(EditDistance):
    def score_line(self, hypothesis, references):
        return super().score_line(hypothesis, references) + 0.5


class ShowsNumbers(ExactMatch):
    def display(self, score):
        return score


class SignsTwice(ExactMatch):
    def signature(self):
        return "one\ntwo"


BROKEN = [
    ("bounds", OfAHundred, " is 100.0, but a percentage of which higher is better is at most 1"),
    ("bounds", BelowNothing, " is -1.0, but a percentage is at least 0"),
    ("bounds", NoNumber, "should be a finite number, not nan"),
    (
        "bounds",
        type("Other", (), {"Config": Metric.Config, "__init__": lambda *_: None}),
        "Other should be a Metric or",
    ),
    ("empty_texts", ByLength, "scoring answers [''] for [['']] raises ZeroDivisionError: division by zero"),
    ("empty_texts", Exploding, "scoring [Likelihood(log_probability=-1000000000.0, tokens=1)] raises OverflowError"),
    ("perfect_is_best", UpsideDown, "better than right answers with 1.0, as higher_is_better is False"),
    ("perfect_is_best", UnlikelyIsBetter, "better than certain references with "),
    ("perfect_is_best", CorpusOnly, "better than a right answer with 0.0, as higher_is_better is True"),
    ("several_references", FirstReference, "those that equal the only one 1.0: answers ["),
    ("order_of_lines", FirstLines, "shuffled, the score "),
    ("order_of_lines", FirstLikelihood, "[Likelihood(log_probability="),
    ("deterministic", Sampled, "scored again, "),
    ("deterministic", Running, "scored by another instance, "),
    ("deterministic", Numbered, "scored by another instance, "),
    ("deterministic", SortsReferences, "scoring changes the lines answers ["),
    ("score_line", AddsToLines, "score_line gives "),
    ("display", ShowsNumbers, ") should be one line, not "),
    ("display", SignsTwice, r"the signature should be one line, not 'one\ntwo'"),
]


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("component", [FirstToken, MeanLoss])
def test_a_good_metric_keeps_it(component, promise):
    """Whether it looks at answers or at likelihoods."""
    require_kept("metric", component, PROMISES[promise], PLUGINS)


@pytest.mark.parametrize(("promise", "component", "found"), BROKEN, ids=[promise for promise, *_ in BROKEN])
def test_a_metric_that_breaks_it_is_caught(promise, component, found):
    """The message says what was found, for which lines."""
    require_caught("metric", component, PROMISES[promise], PLUGINS, found)


def test_a_broken_metric_proves_every_promise():
    """None goes unproved."""
    assert PROMISES.keys() == {promise for promise, *_ in BROKEN}
