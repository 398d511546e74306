"""The promises of every metric."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from s2s_core.data.splits import generator
from s2s_core.evaluation.metric import BaseMetric, Likelihood, LikelihoodMetric, Metric
from s2s_core.testing.promise import broken, naming, require
from s2s_core.testing.subject import Subject
from s2s_core.testing.texts import AWKWARD, SENTENCES, shown

CORPORA = 30
"""The number of random corpora that are scored."""

WORDS = " ".join((*SENTENCES, "Ä ß \u00e9 \u4f60\u597d \u05e9\u05dc\u05d5\u05dd \N{SNOWMAN} 42 . , !")).split()

SLACK = 1e-9
"""The tolerance for scores that should be equal, as the rounding of sums depends on their order."""


@attrs.frozen
class Lines:
    """A model's answers with their references, or the references' likelihoods.

    Attributes:
        hypotheses: One text for each line.
        references: At least one text for each line.
    """

    hypotheses: Sequence[str]
    references: Sequence[Sequence[str]]

    @property
    def likelihoods(self) -> list[Likelihood]:
        """Made-up likelihoods of all references: the more a reference shares with the hypothesis, the more likely."""
        return [
            Likelihood(-0.5 * len(set(text) ^ set(hypothesis)), len(text) + 1)
            for hypothesis, texts in zip(self.hypotheses, self.references, strict=True)
            for text in texts
        ]

    def lines(self) -> Iterator["Lines"]:
        """Yields each line alone."""
        for hypothesis, references in zip(self.hypotheses, self.references, strict=True):
            yield Lines([hypothesis], [references])

    def shuffled(self, rng: random.Random) -> "Lines":
        """Returns the lines in another order."""
        order = rng.sample(range(len(self.hypotheses)), len(self.hypotheses))
        return Lines([self.hypotheses[row] for row in order], [self.references[row] for row in order])

    def perfect(self) -> "Lines":
        """Returns the lines with the first reference as the answer."""
        return Lines([texts[0] for texts in self.references], self.references)


def bounds(subject: Subject) -> None:
    """A score is a finite number; a percentage of which higher is better is a share from 0 to 1.

    Random lines, correct and incorrect, are scored together and one by one. A ``percent`` of which lower is better,
    such as an error rate, is at least 0 and may exceed 1.
    """
    metric = _make(subject)
    for lines in _corpora():
        for some in (lines, lines.perfect(), *lines.lines()):
            _require_bounds(metric, _score(metric, some), f"the score of {_shown(metric, some)}")


def empty_texts(subject: Subject) -> None:
    """Empty answers, empty references and texts of arbitrary characters have scores within the bounds.

    An untrained model answers nothing, or anything. A length in a denominator may be 0. A ``LikelihoodMetric`` is
    examined with references that are certain and with references that are almost impossible.
    """
    metric = _make(subject)
    if isinstance(metric, LikelihoodMetric):
        for likelihoods in ([Likelihood(0.0, 1)], [Likelihood(-1e9, 1)], [Likelihood(-1e9, 1), Likelihood(0.0, 1)]):
            with naming(f"scoring {shown(likelihoods)}"):
                score = metric.score(likelihoods)
            _require_bounds(metric, score, f"the score of {shown(likelihoods)}")
        return
    texts = ("", SENTENCES[0], *AWKWARD)
    for text in texts:
        for hypothesis, references in ((text, [""]), ("", [text]), (text, [text]), (text, ["", SENTENCES[1]])):
            for lines in (Lines([hypothesis], [references]), Lines([hypothesis, "a"], [references, ["a"]])):
                _require_bounds(metric, _score(metric, lines), f"the score of {_shown(metric, lines)}")
            score = _score_line(metric, hypothesis, references)
            _require_bounds(metric, score, f"score_line of {shown(hypothesis)} for {shown(references)}")


def perfect_is_best(subject: Subject) -> None:
    """Correct answers score at least as well as any others.

    Answers that equal their references are compared with answers in which words are dropped, added, replaced or moved,
    and with empty ones: together, and one by one with ``score_line``. If all comparisons fail, ``higher_is_better`` has
    the wrong value. The texts have at least four words. For a ``LikelihoodMetric``, certain references are compared
    with less likely ones.
    """
    metric, rng = _make(subject), generator(0, "disturbed")
    if isinstance(metric, LikelihoodMetric):
        for lines in _corpora():
            likely = [Likelihood(0.0, likelihood.tokens) for likelihood in lines.likelihoods]
            best, score = metric.score(likely), metric.score(lines.likelihoods)
            _require_no_better(metric, score, best, shown(lines.likelihoods), "certain references")
        return
    for lines in _corpora():
        right = lines.perfect()
        best = _score(metric, right)
        for disturb in _DISTURBANCES:
            others = Lines([disturb(text, rng) for text in right.hypotheses], right.references)
            _require_no_better(metric, _score(metric, others), best, _shown(metric, others), "right answers")
            for hypothesis, other, references in zip(
                right.hypotheses, others.hypotheses, right.references, strict=True
            ):
                line, best_line = _score_line(metric, other, references), _score_line(metric, hypothesis, references)
                what = f"score_line of {shown(other)} for {shown(references)}"
                _require_no_better(metric, line, best_line, what, "a right answer")


def several_references(subject: Subject) -> None:
    """An answer that equals one of several references scores as well as one that equals a single reference.

    This holds whichever reference it is and in whichever order they come, since a source may have many correct answers,
    of which a model need give only one. It doesn't apply to a ``LikelihoodMetric``, for which each reference counts.
    """
    metric = _make(subject)
    if isinstance(metric, LikelihoodMetric):
        return
    for lines in _corpora():
        best = _score(
            metric, Lines([texts[0] for texts in lines.references], [texts[:1] for texts in lines.references])
        )
        for place in (0, -1):
            right = Lines([texts[place] for texts in lines.references], lines.references)
            score = _score(metric, right)
            which = "first" if place == 0 else "last"
            require(
                _is_close(score, best),
                f"answers that equal the {which} of several references score {score}, those that equal the only one "
                f"{best}: {_shown(metric, right)}",
            )


def order_of_lines(subject: Subject) -> None:
    """The order of the lines doesn't change the score.

    Lines are shuffled together with their references. Their order is only that of a file or of a batch.
    """
    metric, rng = _make(subject), generator(0, "order")
    for lines in _corpora():
        shuffled = lines.shuffled(rng)
        before, after = _score(metric, lines), _score(metric, shuffled)
        require(_is_close(before, after), f"shuffled, the score {before} becomes {after}: {_shown(metric, shuffled)}")


def deterministic(subject: Subject) -> None:
    """The same lines have the same score, whatever was scored before, and scoring doesn't modify them.

    Each corpus is scored twice by one instance and once by another, with other corpora in between and with Python's own
    random generator in different states.
    """
    metric, other = _make(subject), _make(subject)
    corpora, unchanged = list(_corpora()), list(_corpora())
    random.seed(1)
    scores = [_score(metric, lines) for lines in corpora]
    random.seed(2)
    for lines, before, score in reversed(list(zip(corpora, unchanged, scores, strict=True))):
        require(lines == before, f"scoring changes the lines {_shown(metric, before)}")
        for scorer, when in ((metric, "again"), (other, "by another instance")):
            again = _score(scorer, lines)
            require(score == again, f"scored {when}, {score} becomes {again}: {_shown(metric, lines)}")


def score_line(subject: Subject) -> None:
    """``score_line`` returns what ``score`` returns for that line alone.

    The default implementation does. A metric for whole corpora may differ for texts of fewer than four words, as BLEU
    does; such texts aren't compared. A metric that always differs should be exempt. A ``LikelihoodMetric`` has no
    ``score_line``.
    """
    metric = _make(subject)
    if isinstance(metric, LikelihoodMetric):
        return
    for lines in _corpora():
        for line in lines.lines():
            alone, score = _score_line(metric, line.hypotheses[0], line.references[0]), _score(metric, line)
            require(_is_close(alone, score), f"score_line gives {alone}, score {score}: {_shown(metric, line)}")


def display(subject: Subject) -> None:
    """``display`` formats a score as one line of text, and ``signature`` returns one line or an empty string.

    The kit formats the scores of random lines, and asks for the signature before and after scoring.
    """
    metric = _make(subject)
    _require_line(metric.signature(), "the signature", least=0)
    for lines in _corpora():
        score = _score(metric, lines)
        _require_line(metric.display(score), f"display({score})")
        _require_line(metric.signature(), "the signature", least=0)


PROMISES = (
    bounds,
    empty_texts,
    perfect_is_best,
    several_references,
    order_of_lines,
    deterministic,
    score_line,
    display,
)
"""The promises in the order of examination."""


def _make(subject: Subject) -> Metric | LikelihoodMetric:
    metric = subject.component(str.split, subject.config)
    if not isinstance(metric, Metric | LikelihoodMetric):
        broken(f"{type(metric).__name__} should be a Metric or a LikelihoodMetric")
    return metric


def _corpora() -> Iterator[Lines]:
    """Yields random lines of at least four words, some with correct answers and most with nearly correct ones."""
    rng = generator(0, "corpora")
    for _ in range(CORPORA):
        references = [[_sentence(rng) for _ in range(rng.randint(1, 3))] for _ in range(rng.randint(1, 6))]
        answers = [rng.choice([_same, _replaced, _moved, _added])(rng.choice(texts), rng) for texts in references]
        yield Lines(answers, references)


def _sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(4, 9)))


def _same(text: str, _: random.Random) -> str:
    return text


def _replaced(text: str, rng: random.Random) -> str:
    words = text.split()
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    return " ".join(words)


def _moved(text: str, rng: random.Random) -> str:
    words = text.split()
    words.insert(rng.randrange(len(words)), words.pop())
    return " ".join(words)


def _added(text: str, rng: random.Random) -> str:
    return f"{text} {rng.choice(WORDS)}"


def _shortened(text: str, _: random.Random) -> str:
    return text.rpartition(" ")[0]


def _nothing(_text: str, _: random.Random) -> str:
    return ""


_DISTURBANCES = (_replaced, _moved, _added, _shortened, _nothing)


def _score(metric: Metric | LikelihoodMetric, lines: Lines) -> float:
    with naming(f"scoring {_shown(metric, lines)}"):
        if isinstance(metric, LikelihoodMetric):
            return metric.score(lines.likelihoods)
        return metric.score(lines.hypotheses, lines.references)


def _score_line(metric: Metric, hypothesis: str, references: Sequence[str]) -> float:
    with naming(f"score_line of {shown(hypothesis)} for {shown(references)}"):
        return metric.score_line(hypothesis, references)


def _shown(metric: BaseMetric, lines: Lines) -> str:
    if isinstance(metric, LikelihoodMetric):
        return shown(lines.likelihoods, 400)
    return f"answers {shown(lines.hypotheses, 200)} for {shown(lines.references, 200)}"


def _require_bounds(metric: BaseMetric, score: Any, what: str) -> None:
    require(
        isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score),
        f"{what} should be a finite number, not {shown(score)}",
    )
    if metric.percent:
        require(score >= 0, f"{what} is {score}, but a percentage is at least 0")
        require(
            score <= 1 or not metric.higher_is_better,
            f"{what} is {score}, but a percentage of which higher is better is at most 1",
        )


def _require_no_better(metric: BaseMetric, score: float, best: float, what: str, right: str) -> None:
    better = score > best if metric.higher_is_better else score < best
    require(
        not better or _is_close(score, best),
        f"{what} score {score}, better than {right} with {best}, as higher_is_better is {metric.higher_is_better}",
    )


def _require_line(text: object, what: str, least: int = 1) -> None:
    require(
        isinstance(text, str) and least <= len(text.splitlines()) <= 1, f"{what} should be one line, not {shown(text)}"
    )


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=SLACK, abs_tol=SLACK)
