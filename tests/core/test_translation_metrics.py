"""BLEU, chrF and TER are those of sacrebleu, for any number of references, and say how they were computed."""

import math
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s_core.evaluation.metrics.translation import BLEU, TER, BLEUConfig, ChrF, ChrFConfig, TERConfig

HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
FIRST = ["The dog bit the man.", "It was not unexpected.", "The man bit him first."]
SECOND = ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."]
REFERENCES = [list(pair) for pair in zip(FIRST, SECOND, strict=True)]

sentences = st.lists(st.sampled_from("abcdef"), min_size=4, max_size=9).map(" ".join)
lines = st.lists(st.tuples(sentences, st.lists(sentences, min_size=1, max_size=3)), min_size=1, max_size=5)
every_metric = pytest.mark.parametrize("metric", [BLEU(), ChrF(), TER()], ids=["bleu", "chrf", "ter"])


def score(metric, pairs):
    hypotheses, references = zip(*pairs, strict=True)
    return metric.score(hypotheses, references)


def ngrams(words, order):
    return Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))


def bleu(pairs):
    """Papineni et al. 2002, for texts that are tokens already, one reference each, where every order has a match."""
    matched, total, length, wanted = [0] * 4, [0] * 4, 0, 0
    for hypothesis, reference in pairs:
        words, right = hypothesis.split(), reference.split()
        length, wanted = length + len(words), wanted + len(right)
        for order in range(4):
            found = ngrams(words, order + 1)
            matched[order] += (found & ngrams(right, order + 1)).total()
            total[order] += found.total()
    if not all(matched):
        return None
    mean = sum(math.log(one / all_) for one, all_ in zip(matched, total, strict=True)) / 4
    return 100 * min(1.0, math.exp(1 - wanted / length)) * math.exp(mean)


def test_bleu_of_the_published_example():
    """The example of sacrebleu's documentation scores 48.53."""
    metric = BLEU()
    assert pytest.approx(48.530827, abs=1e-5) == metric.score(HYPOTHESES, REFERENCES)
    assert metric.signature().startswith("nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.")


@given(pairs=st.lists(st.tuples(sentences, sentences), min_size=1, max_size=4))
@settings(derandomize=True)
def test_bleu_is_its_definition(pairs):
    """The geometric mean of clipped n-gram precisions times the brevity penalty."""
    doubled = [*pairs, (pairs[0][1], pairs[0][1])]  # so that every order has a match
    metric = BLEU(config=BLEUConfig(tokenize="none"))
    assert pytest.approx(bleu(doubled)) == score(metric, [(one, [other]) for one, other in doubled])


@pytest.mark.parametrize(
    ("metric", "arguments"),
    [
        (BLEU(config=BLEUConfig(tokenize="char", lowercase=True)), ["-m", "bleu", "-tok", "char", "-lc"]),
        (ChrF(), ["-m", "chrf"]),
        (ChrF(config=ChrFConfig(word_order=2)), ["-m", "chrf", "--chrf-word-order", "2"]),
        (TER(), ["-m", "ter"]),
        (
            TER(config=TERConfig(normalize=True, lowercase=False)),
            ["-m", "ter", "--ter-normalized", "--ter-case-sensitive"],
        ),
    ],
    ids=["bleu", "chrf", "chrf++", "ter", "ter-set"],
)
def test_scores_are_those_of_sacrebleu_itself(metric, arguments, tmp_path):
    """The same numbers that its command prints."""
    for name, texts in (("hypotheses", HYPOTHESES), ("first", FIRST), ("second", SECOND)):
        (tmp_path / name).write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "sacrebleu", "first", "second", "-i", "hypotheses", "-b", "-w", "8", *arguments],
        capture_output=True, check=True, encoding="utf-8", cwd=tmp_path,
    )  # fmt: skip
    assert pytest.approx(float(ran.stdout), abs=1e-7) == metric.score(HYPOTHESES, REFERENCES)


@every_metric
@given(pairs=lines)
@settings(derandomize=True)
def test_right_answers_are_best(metric, pairs):
    """Answers that equal their one reference have the best score, and no answer has a better one."""
    best = 100 if metric.higher_is_better else 0
    assert pytest.approx(best) == score(metric, [(references[0], references[:1]) for _, references in pairs])
    found = score(metric, pairs)
    assert 0 <= found <= 100 + 1e-9 or not metric.higher_is_better


@every_metric
def test_every_reference_counts(metric):
    """One that only the second line has changes the score, and is noted in the signature."""
    before = metric.score(["a b c d", "a b c e"], [["a b c d"], ["x y z w"]])
    after = metric.score(["a b c d", "a b c e"], [["a b c d"], ["x y z w", "a b c e"]])
    assert after != before
    assert "nrefs:var" in metric.signature()


@every_metric
def test_a_line_alone_is_scored_too(metric):
    """A short right line is as right as a long one."""
    best = 100 if metric.higher_is_better else 0
    assert pytest.approx(best) == metric.score_line("ab", ["ab"])
    assert metric.score_line("ab cd", ["ab ce"]) != pytest.approx(best)


@pytest.mark.parametrize(("metric", "config"), [(BLEU, BLEUConfig), (ChrF, ChrFConfig), (TER, TERConfig)])
def test_case_may_be_ignored(metric, config):
    """A word in capitals is then the same word."""
    pair = [("The dog BIT the man", ["The dog bit the man"])]
    best = 100 if metric.higher_is_better else 0
    assert pytest.approx(best) == score(metric(config=config(lowercase=True)), pair)
    assert pytest.approx(best) != score(metric(config=config(lowercase=False)), pair)


@every_metric
def test_a_line_without_its_references_is_refused(metric):
    """Or it would be left out without a word."""
    with pytest.raises(ValueError, match="2 hypotheses, but references for 1"):
        metric.score(["a", "b"], [["a"]])


def test_many_lines_with_a_tokenized_period_raise_no_warning(caplog):
    """Texts of a task may be split into words before, of which sacrebleu would warn."""
    BLEU().score(["a b c ."] * 200, [["a b c ."]] * 200)
    assert not caplog.records
