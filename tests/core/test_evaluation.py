"""Answers are scored together, by the length of the source, and line by line."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s_core import ConfigError, DataError, Example, Likelihood
from s2s_core.data.examples import read_examples
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.evaluation.answers import Answered, answer, score
from s2s_core.evaluation.evaluation import evaluate_answers
from s2s_core.evaluation.lengths import LEAST_ANSWERS, MOST_BUCKETS, bucket_starts, by_length
from s2s_core.evaluation.metrics.edit_distance import EditDistance
from s2s_core.evaluation.metrics.error_rate import WordErrorRate
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.evaluation.metrics.perplexity import Perplexity
from s2s_core.evaluation.metrics.translation import BLEU
from s2s_core.evaluation.table import NOTHING, details, escape
from s2s_core.text.vocabulary import BOS, EOS, PAD

METRICS = {"exact_match": ExactMatch(), "edit_distance": EditDistance()}

lengths = st.lists(st.integers(0, 40), min_size=1, max_size=200)


def answered(*rows):
    return Answered(*zip(*rows, strict=True))


# buckets


@given(lengths=lengths, chosen=st.lists(st.integers(1, 40), unique=True, max_size=4).map(sorted))
@settings(derandomize=True)
def test_every_source_is_in_the_bucket_of_its_length(lengths, chosen):
    """Buckets don't overlap, none is empty, and their scores are those of their sources alone."""
    rows = [(f"{number}", ["x"], "x" if length % 3 else "y") for number, length in enumerate(lengths)]
    buckets = by_length(answered(*rows), lengths, METRICS, chosen)
    bounds = [bound for bucket in buckets for bound in (bucket.shortest, bucket.longest)]
    assert sorted(bounds) == bounds
    assert all(one.longest < other.shortest for one, other in itertools.pairwise(buckets))
    for bucket in buckets:
        inside = [length for length in lengths if bucket.shortest <= length <= bucket.longest]
        assert len(inside) == bucket.answers > 0
        assert pytest.approx(sum(inside) / len(inside)) == bucket.mean_length
        assert pytest.approx(sum(length % 3 > 0 for length in inside) / len(inside)) == bucket.scores["exact_match"]
    assert len(lengths) == sum(bucket.answers for bucket in buckets)


@given(lengths=lengths)
@settings(derandomize=True)
def test_buckets_chosen_by_the_data_are_few_and_about_equal(lengths):
    """Sources of one length stay together; but for that, no bucket takes more than its part."""
    starts = bucket_starts(lengths)
    assert starts[0] == min(lengths)
    assert starts == sorted(set(starts))
    assert len(starts) <= max(1, min(MOST_BUCKETS, len(lengths) // LEAST_ANSWERS))


def test_equal_parts_of_distinct_lengths():
    """120 sources of all lengths are cut into six parts."""
    assert [1, 21, 41, 61, 81, 101] == bucket_starts(range(1, 121))
    assert [1] == bucket_starts(range(1, 21))


def test_chosen_buckets_begin_where_they_were_set():
    """A source shorter than all of them has a bucket of its own."""
    assert [2, 5, 10] == bucket_starts([2, 4, 5, 30], [1, 2, 5, 10])


# details


def test_details_are_worst_first():
    """Ordered by the first metric, then by the next, then as they came."""
    found = answered(("one", ["abc"], "abc"), ("two", ["abc"], "abd"), ("three", ["abc"], ""), ("four", ["abc"], "xbc"))
    header, *rows = [line.split("\t") for line in details(found, METRICS)]
    assert ["source", "reference", "hypothesis", "exact_match", "edit_distance"] == header
    assert ["three", "two", "four", "one"] == [row[0] for row in rows]
    assert ["three", "abc", "", "0", "3"] == rows[0]


def test_details_have_a_column_for_each_reference():
    """A line with fewer of them says so, which isn't an empty reference."""
    found = answered(("a", ["x", ""], "x"), ("b", ["y"], "z"))
    assert [
        "source\treference\treference_2\thypothesis\texact_match",
        f"b\ty\t{NOTHING}\tz\t0",
        "a\tx\t\tx\t1",
    ] == list(details(found, {"exact_match": ExactMatch()}))


def unescaped(cell):
    """Reads a cell character by character."""
    text, rest = "", cell
    while rest:
        if rest[0] == "\\":
            text, rest = text + {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}[rest[1]], rest[2:]
        else:
            text, rest = text + rest[0], rest[1:]
    return text


@given(text=st.text())
@settings(derandomize=True)
def test_any_text_stays_in_its_cell(text):
    """It has no tab and no end of line, is never taken for a missing one, and can be read back."""
    cell = escape(text)
    assert not set("\t\n\r") & set(cell)
    assert cell != NOTHING
    assert text == unescaped(cell)


# the whole


AGAIN = [Example("a", "x"), Example("b", "y"), Example("a", "z")]
"""A source that comes again, with another target."""


def answer_again(rule, asked=None):
    asked = [] if asked is None else asked
    return answer(lambda texts: asked.extend(texts) or ["z", "n"], AGAIN, METRICS, rule=rule)


def test_each_line_counts_against_its_own_target():
    """A source that comes again is answered once and scored as often as it comes, in the order of the lines."""
    asked = []
    found = answer_again("each", asked)
    assert ["a", "b"] == asked
    assert (["a", "b", "a"], ["z", "n", "z"]) == (found.sources, found.hypotheses)
    assert [["x"], ["y"], ["z"]] == found.references
    assert {"exact_match": 1 / 3, "edit_distance": 2 / 3} == score(found, METRICS)


def test_all_targets_of_a_source_may_be_right():
    """Where the data say so, they are the references of one answer."""
    asked = []
    found = answer_again("all", asked)
    assert (["a", "b"], [["x", "z"], ["y"]], ["z", "n"]) == (asked, found.references, found.hypotheses)
    assert {"exact_match": 0.5, "edit_distance": 0.5} == score(found, METRICS)


def test_a_wrong_line_can_not_hide_behind_a_right_one():
    """One right line and nine wrong ones with the same source are a tenth of the lines, not all of them."""
    examples = [Example("hello", "olleh"), *[Example("hello", "xx")] * 9]
    rules = {"each": 0.1, "all": 1.0}
    for rule, share in rules.items():
        found = answer(lambda texts: [text[::-1] for text in texts], examples, METRICS, rule=rule)
        assert score(found, METRICS)["exact_match"] == share


def test_what_was_counted_is_said():
    """Lines and sources where they differ, and what counts as right."""
    assert answer_again("each").counted() == "3 lines (2 distinct sources)"
    assert answer_again("all").counted() == "2 sources with 3 references, any of which counts as right"
    assert answered(("a", ["x"], "x")).counted() == "1 line"
    rows = [(str(number % 1500), ["x"], "x") for number in range(2000)]
    assert answered(*rows).counted() == "2,000 lines (1,500 distinct sources)"


@pytest.mark.parametrize(("rule", "answers"), [("each", 3), ("all", 2)])
def test_an_evaluation_counts_lines_and_sources(rule, answers):
    """Its JSON has both and the rule; buckets and details have what counts."""
    found = answer_again(rule)
    lengths = [len(source) for source in found.sources]
    record = evaluate_answers(found, lengths, METRICS).to_json()
    assert (3, 2, rule) == (record["lines"], record["sources"], record["references"])
    assert [answers] == [bucket["answers"] for bucket in record["buckets"]]
    assert answers == len(list(details(found, METRICS))) - 1


def test_an_evaluation_keeps_the_signature_of_the_whole():
    """Scoring parts and lines afterwards doesn't change what was noted."""
    rows = [("a", ["a b c d"], "a b c d"), ("b b", ["a b c d", "e"], "a b c e")]
    metrics = {"bleu": BLEU(), "word_error_rate": WordErrorRate(), "exact_match": ExactMatch()}
    found = evaluate_answers(answered(*rows), [1, 2], metrics, [2])
    assert "nrefs:var|" in found.to_json()["signatures"]["bleu"]
    assert {"bleu", "word_error_rate"} == set(found.signatures)
    assert [1, 1] == [bucket["answers"] for bucket in found.to_json()["buckets"]]
    assert 3 == len(list(found.details()))


# perplexity


def test_perplexity_is_its_definition():
    """Two references of three tokens in all, one of which the model is sure of."""
    assert pytest.approx(2.0) == Perplexity().score([Likelihood(-3 * math.log(2), 2), Likelihood(0.0, 1)])
    assert math.isfinite(Perplexity().score([Likelihood(-1e6, 1)]))


def test_perplexity_asks_for_a_model():
    """Answers alone don't tell it."""
    with pytest.raises(ConfigError, match="metric 'perplexity' needs the model in PyTorch"):
        answer(lambda texts: ["x"], [Example("a", "x")], {"perplexity": Perplexity()})


@pytest.mark.parametrize("rule", ["each", "all"])
def test_likelihoods_reach_the_metric_by_line(rule):
    """Each line counts once, by either rule, and a row of the table has its own."""
    examples = [Example("a", "x"), Example("b", "yy"), Example("a", "z")]
    known = {"x": -1.0, "yy": -2.0, "z": -3.0}

    def forced(pairs):
        return [Likelihood(known[pair.target], len(pair.target)) for pair in pairs]

    metrics = {"perplexity": Perplexity()}
    found = answer(lambda texts: texts, examples, metrics, forced, rule)
    assert pytest.approx(math.exp(6 / 4)) == score(found, metrics)["perplexity"]
    assert pytest.approx(6 / 4) == found.mean_loss()
    expected = {"each": [("a", 3), ("a", 1), ("b", 1)], "all": [("a", 2), ("b", 1)]}[rule]
    rows = [line.split("\t") for line in details(found, metrics)][1:]
    assert [[source, f"{math.exp(loss):.6g}"] for source, loss in expected] == [[row[0], row[-1]] for row in rows]


@pytest.mark.parametrize("name", ["characters", "words"])
def test_likelihoods_are_those_of_single_steps(checkpoints, name):
    """A target's log-probability is the sum of its tokens', taken one by one, whatever else is in the batch."""
    checkpoint = checkpoints[name]
    examples = [
        Example("ab c", "xyz"),
        Example("", ""),
        Example("a abc b", "one two drei"),
        Example("b", "\N{SNOWMAN}"),
    ]
    expected = []
    for source, target in examples:
        ids = torch.tensor([[*checkpoint.source_tokenizer.encode(source), EOS]])
        state = checkpoint.model.start(ids, torch.tensor([ids.shape[1]]))
        before, total = BOS, 0.0
        for token in (wanted := [*checkpoint.target_tokenizer.encode(target), EOS]):
            logits, state = checkpoint.model.step(torch.tensor([before]), state)
            logits = logits.detach().index_fill(1, torch.tensor([PAD, BOS]), float("-inf"))  # they never come
            total += float(logits.log_softmax(-1)[0, token])
            before = token
        expected.append((total, len(wanted)))
    found = Likelihoods(checkpoint)(examples)
    assert [tokens for _, tokens in expected] == [likelihood.tokens for likelihood in found]
    assert pytest.approx([value for value, _ in expected], abs=1e-4) == [one.log_probability for one in found]


def test_many_likelihoods_keep_their_order(checkpoints, monkeypatch):
    """However they are cut into batches."""
    words = Likelihoods(checkpoints["words"])
    examples = [Example("a " * (number % 5), "one " * (number % 3)) for number in range(20)]
    whole = words(examples)
    monkeypatch.setattr("s2s_core.decoding.likelihood.BATCH_SIZE", 3)
    assert [one.tokens for one in whole] == [one.tokens for one in words(examples)]
    assert pytest.approx([one.log_probability for one in whole]) == [one.log_probability for one in words(examples)]


# a file of examples


def test_examples_are_lines_of_source_tab_target(tmp_path):
    """A byte order mark and ends of lines are no part of them; a side may be empty."""
    path = tmp_path / "pairs.tsv"
    path.write_bytes("\ufeffa b\tx\r\n\ty\nö\t".encode())
    assert [("a b", "x"), ("", "y"), ("ö", "")] == read_examples(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: each line takes a source, a tab and a target"),
        (b"a\tb\nc\n", r"line 2 must be a source, a tab and a target \(got 'c'\); only TSV is read here$"),
        (b"a\tb\tc\n", r"line 1 must be a source, a tab and a target \(got 'a\\tb\\tc'\)"),
        (b"a\tb\n\xff\tc\n", "line 2 is not UTF-8"),
    ],
)
def test_other_lines_are_refused(tmp_path, content, message):
    """With the file, the line and the format."""
    path = tmp_path / "pairs.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"pairs.tsv,? {message}"):
        read_examples(str(path))


def test_a_line_past_the_first_batch_has_its_number(tmp_path):
    """Lines are counted over the whole file."""
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\n" * 3000 + "c\n")
    with pytest.raises(DataError, match="line 3001 must be"):
        read_examples(str(path))
