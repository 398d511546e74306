"""Error rates are the edits to the nearest reference, divided by its length, in characters, words or tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s_core.evaluation.metrics.error_rate import CharacterErrorRate, TokenErrorRate, WordErrorRate
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.evaluation.metrics.sequence_error_rate import SequenceErrorRate

RATES = [CharacterErrorRate(), WordErrorRate(), TokenErrorRate(lambda text: text.split("-"))]

texts = st.text("ab -\n\N{SNOWMAN}", max_size=7)
lines = st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5)
every_rate = pytest.mark.parametrize("metric", RATES, ids=lambda metric: metric.unit)


def distance(one, other):
    """Levenshtein's table, row by row."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        corner, row[0] = row[0], number
        for place, right in enumerate(other, 1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (left != right))
    return row[-1]


def cut(metric, text):
    return {"characters": list(text), "words": text.split(), "tokens": text.split("-")}[metric.unit]


def score(metric, pairs):
    hypotheses, references = zip(*pairs, strict=True)
    return metric.score(hypotheses, references)


@every_rate
@given(pairs=lines)
@settings(derandomize=True)
def test_a_rate_is_its_definition(metric, pairs):
    """Each line adds its edits and the length of the reference that they were counted from."""
    edits = length = 0
    for hypothesis, references in pairs:
        compared = [(distance(cut(metric, hypothesis), cut(metric, text)), cut(metric, text)) for text in references]
        fewest = min(count for count, _ in compared)
        edits += fewest
        length += max(len(text) for count, text in compared if count == fewest)
    assert pytest.approx(edits / max(length, 1)) == score(metric, pairs)


@every_rate
@given(pairs=lines, data=st.data())
@settings(derandomize=True)
def test_the_order_of_lines_and_references_does_not_matter(metric, pairs, data):
    """Shuffled, they have the same rate."""
    shuffled = [(text, data.draw(st.permutations(references))) for text, references in pairs]
    assert score(metric, pairs) == score(metric, data.draw(st.permutations(shuffled)))


@every_rate
@given(pairs=lines)
@settings(derandomize=True)
def test_right_answers_have_no_errors(metric, pairs):
    """An answer that equals any of its references costs nothing, and more is never better."""
    assert 0.0 == score(metric, [(references[-1], references) for _, references in pairs])
    assert 0.0 <= score(metric, pairs)


@pytest.mark.parametrize(
    ("hypothesis", "references", "characters", "words", "tokens"),
    [
        ("the cat", ["the big cat"], 4 / 11, 1 / 3, 1.0),
        ("a-b-c", ["a-x-c"], 1 / 5, 1.0, 1 / 3),
        ("", ["ab cd"], 1.0, 1.0, 1.0),
        ("ab cd e", ["ab"], 5 / 2, 2.0, 1.0),
        ("ab", ["", "abcd"], 2 / 4, 1.0, 1.0),
        ("", [""], 0.0, 0.0, 0.0),
        ("ab", [""], 2.0, 1.0, 1.0),
    ],
)
def test_examples(hypothesis, references, characters, words, tokens):
    """Among them a rate above 1, equally near references of which the longest counts, and an empty reference."""
    expected = [characters, words, tokens]
    assert pytest.approx(expected) == [score(metric, [(hypothesis, references)]) for metric in RATES]


@given(pairs=lines)
@settings(derandomize=True)
def test_the_sequence_error_rate_is_the_rest_of_exact_match(pairs):
    """Answers are right or wrong."""
    assert pytest.approx(1 - score(ExactMatch(), pairs)) == score(SequenceErrorRate(), pairs)


def test_phones_show_the_two_word_error_rates_apart():
    """Of three words with nine phones, one is wrong in one phone: a third of the words, a ninth of the phones."""
    pairs = [("K AE T", ["K AE T"]), ("D AO G", ["D AA G", "D AO K"]), ("P IH G", ["P IH G"])]
    assert pytest.approx(1 / 3) == score(SequenceErrorRate(), pairs)
    assert pytest.approx(1 / 9) == score(TokenErrorRate(str.split), pairs)


def test_error_rates_say_what_they_count():
    """So that nobody takes one field's word error rate for another's."""
    assert "edits of words / words of the nearest reference" == WordErrorRate().signature()
    assert "edits of tokens / tokens of the nearest reference" == TokenErrorRate().signature()
    assert "answers that equal no reference / answers" == SequenceErrorRate().signature()
    assert "" == ExactMatch().signature()
