"""Metrics are bounded, agree with their definitions, and ask nothing of the order of lines."""

import functools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s2s_core.evaluation.metric import Metric
from s2s_core.evaluation.metrics.edit_distance import EditDistance
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.evaluation.metrics.token_accuracy import TokenAccuracy
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.words import Words

METRICS = [ExactMatch, TokenAccuracy, EditDistance]

short_text = st.text("ab\u00e9\N{SNOWMAN}", max_size=6)
lines = st.lists(st.tuples(short_text, st.lists(short_text, min_size=1, max_size=3)), min_size=1, max_size=6)
every_metric = pytest.mark.parametrize("metric", [metric() for metric in METRICS], ids=["exact", "accuracy", "edits"])


def score(metric, pairs):
    hypotheses, references = zip(*pairs, strict=True)
    return metric.score(hypotheses, references)


def best(metric):
    return 1.0 if metric.higher_is_better else 0.0


def better(metric, one, other):
    return max(one, other) if metric.higher_is_better else min(one, other)


@functools.cache
def distance(one, other):
    """The recursive definition of Levenshtein."""
    if not one or not other:
        return len(one) + len(other)
    substituted = distance(one[1:], other[1:]) + (one[0] != other[0])
    return min(substituted, distance(one[1:], other) + 1, distance(one, other[1:]) + 1)


@every_metric
@given(pairs=lines)
def test_bounds(metric, pairs):
    """Shares lie between 0 and 1, distances between 0 and the length of the longest text."""
    longest = max(len(text) for hypothesis, references in pairs for text in (hypothesis, *references))
    assert 0 <= score(metric, pairs) <= (1 if metric.percent else longest)


@every_metric
@given(pairs=lines)
def test_right_answers_are_best(metric, pairs):
    """Answers that each equal one of their references have the best score."""
    assert best(metric) == score(metric, [(references[-1], references) for _, references in pairs])


@every_metric
@given(pairs=lines)
def test_only_right_answers_are_best(metric, pairs):
    """The best score means that every answer is right."""
    assert all(hypothesis in references for hypothesis, references in pairs) == (score(metric, pairs) == best(metric))


@every_metric
@given(data=st.data(), pairs=lines)
def test_the_order_of_lines_does_not_matter(metric, data, pairs):
    """Shuffled lines, and shuffled references of a line, have the same score."""
    in_order = data.draw(st.permutations(pairs))
    shuffled = [(hypothesis, data.draw(st.permutations(references))) for hypothesis, references in in_order]
    assert pytest.approx(score(metric, pairs)) == score(metric, shuffled)


@every_metric
@given(hypothesis=short_text, references=st.lists(short_text, min_size=1, max_size=4))
def test_the_nearest_reference_counts(metric, hypothesis, references):
    """Of several references a line has the score of the one that suits it best."""
    each = [score(metric, [(hypothesis, [reference])]) for reference in references]
    assert functools.reduce(functools.partial(better, metric), each) == score(metric, [(hypothesis, references)])


@given(pairs=lines)
def test_exact_match_is_its_definition(pairs):
    """The number of answers that are among their references, divided by that of answers."""
    right = [hypothesis for hypothesis, references in pairs if any(hypothesis == text for text in references)]
    assert len(right) / len(pairs) == score(ExactMatch(), pairs)


@given(pairs=lines)
def test_edit_distance_is_its_definition(pairs):
    """The mean of the distances that the recursive definition gives."""
    nearest = [min(distance(hypothesis, text) for text in references) for hypothesis, references in pairs]
    assert pytest.approx(sum(nearest) / len(pairs)) == score(EditDistance(), pairs)


@given(pairs=st.lists(st.tuples(short_text, short_text), min_size=1, max_size=6))
@example(pairs=[("", "")])
def test_token_accuracy_is_its_definition(pairs):
    """The mean of 1 - distance / length of the longer text, with the recursive definition of the distance."""
    shares = [1 - distance(one, other) / max(len(one), len(other), 1) for one, other in pairs]
    assert pytest.approx(sum(shares) / len(shares)) == score(TokenAccuracy(), [(one, [other]) for one, other in pairs])


def test_one_insertion_does_not_spoil_the_rest():
    """A surplus token at the start costs token accuracy as much as one at the end."""
    assert score(TokenAccuracy(), [("xabcd", ["abcd"])]) == score(TokenAccuracy(), [("abcdx", ["abcd"])]) == 4 / 5


@pytest.mark.parametrize(
    ("hypothesis", "reference", "exact", "accuracy", "edits"),
    [
        ("", "", 1.0, 1.0, 0.0),
        ("", "abc", 0.0, 0.0, 3.0),
        ("abc", "", 0.0, 0.0, 3.0),
        ("abc", "abc", 1.0, 1.0, 0.0),
        ("abd", "abc", 0.0, 1 - 1 / 3, 1.0),
        ("bc", "abc", 0.0, 1 - 1 / 3, 1.0),
        ("abcd", "abc", 0.0, 3 / 4, 1.0),
        ("e\u0301", "\u00e9", 0.0, 0.0, 2.0),
    ],
)
def test_examples(hypothesis, reference, exact, accuracy, edits):
    """Missing, surplus and wrong tokens, and empty texts."""
    pair = [(hypothesis, [reference])]
    assert (exact, accuracy, edits) == tuple(score(metric(), pair) for metric in METRICS)


def test_tokens_are_those_of_the_target():
    """Split into words, one wrong word is one wrong token; exact match compares texts."""
    split = Words.train(TokenizerConfig(), []).split
    pair = [("the  small cat", ["the big cat"])]
    assert pytest.approx(2 / 3) == score(TokenAccuracy(split), pair)
    assert 1.0 == score(EditDistance(split), pair)
    assert 0.0 == score(ExactMatch(split), [("a  b", ["a b"])])


def test_a_line_without_its_references_is_refused():
    """As many references as hypotheses are needed, or lines would be compared with those of others."""
    for metric in (TokenAccuracy(), EditDistance(), ExactMatch()):
        with pytest.raises(ValueError, match="argument 2"):
            metric.score(["a", "b"], [["a"]])


def test_a_score_is_shown_as_a_person_reads_it():
    """A share is a percentage; what isn't a share has four digits."""
    assert ["12.35 %", "12.35 %", "0.1235"] == [metric().display(0.123456) for metric in METRICS]
    assert "0.5000" == Metric().display(0.5)
