"""Scores a model's answers against references."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from s2s_core.data.task import Example, References
from s2s_core.errors import ConfigError
from s2s_core.evaluation.metric import BaseMetric, Likelihood, LikelihoodMetric, Metric

Translate = Callable[[Sequence[str]], Sequence[str]]
Forced = Callable[[Sequence[Example]], Sequence[Likelihood]]
"""Returns the likelihood of each example's target, given its source."""

Scores = dict[str, float]


@attrs.frozen
class Answered:
    """Sources with their references and a model's answers, in rows that each count as one answer.

    Attributes:
        sources: The source of each row, of which there is at least one. Where each line counts, a source may recur.
        references: The correct answers of each row: the target of one line, or of all lines with the same source.
        hypotheses: The model's answer of each row.
        likelihoods: The likelihood of each reference; empty unless they were computed.
        rule: Whether each line is a row, or all lines with the same source are one.
    """

    sources: Sequence[str]
    references: Sequence[Sequence[str]]
    hypotheses: Sequence[str]
    likelihoods: Sequence[Sequence[Likelihood]] = ()
    rule: References = "each"

    def rows(self, rows: Sequence[int]) -> "Answered":
        """Returns a selection of the rows, by their numbers."""
        return Answered(
            [self.sources[row] for row in rows],
            [self.references[row] for row in rows],
            [self.hypotheses[row] for row in rows],
            [self.likelihoods[row] for row in rows] if self.likelihoods else (),
            self.rule,
        )

    @property
    def lines(self) -> int:
        """The number of lines, which is the number of references, repeated ones included."""
        return sum(map(len, self.references))

    @property
    def distinct_sources(self) -> int:
        """The number of different sources."""
        return len(set(self.sources))

    def counted(self) -> str:
        """Returns what was scored, such as ``"12,855 lines (11,994 distinct sources)"``."""
        lines, sources = self.lines, self.distinct_sources
        if lines == sources:
            return _number(lines, "line")
        if self.rule == "each":
            return f"{_number(lines, 'line')} ({_number(sources, 'distinct source')})"
        return f"{_number(sources, 'source')} with {lines:,} references, any of which counts as right"

    def is_right(self) -> list[bool]:
        """Returns for each row whether the answer is one of its references, character by character."""
        pairs = zip(self.hypotheses, self.references, strict=True)
        return [hypothesis in references for hypothesis, references in pairs]

    def mean_loss(self) -> float:
        """Returns the mean loss of a target token, EOS included; the likelihoods must have been computed."""
        likelihoods = [likelihood for row in self.likelihoods for likelihood in row]
        tokens = sum(likelihood.tokens for likelihood in likelihoods)
        return -math.fsum(likelihood.log_probability for likelihood in likelihoods) / tokens


def needs_likelihoods(metrics: Mapping[str, BaseMetric]) -> bool:
    """Returns whether a metric needs the likelihoods of references."""
    return any(isinstance(metric, LikelihoodMetric) for metric in metrics.values())


def without_likelihoods(metrics: Mapping[str, BaseMetric]) -> dict[str, BaseMetric]:
    """Returns the metrics for which answers are enough, so that a file alone can be scored by them."""
    return {name: metric for name, metric in metrics.items() if not isinstance(metric, LikelihoodMetric)}


def answer(
    translate: Translate,
    examples: Iterable[Example],
    metrics: Mapping[str, BaseMetric],
    forced: Forced | None = None,
    rule: References = "each",
) -> Answered:
    """Translates the sources of examples, each distinct one once, and computes the likelihoods of their targets.

    Args:
        translate: Returns one answer for each source.
        examples: At least one.
        metrics: The metrics by name.
        forced: Computes the likelihoods of references; None where no metric needs them, or only answers are available.
        rule: How examples with the same source count; see ``Task.references``.

    Raises:
        ConfigError: A metric needs likelihoods, and ``forced`` is None.
    """
    if forced is None:
        _require_no_likelihoods(metrics)
    examples = list(examples)
    rows = _rows(examples, rule)
    sources = [examples[row[0]].source for row in rows]
    distinct = list(dict.fromkeys(sources))
    answers = dict(zip(distinct, translate(distinct), strict=True))
    likelihoods = forced(examples) if forced is not None else ()
    return Answered(
        sources,
        [[examples[number].target for number in row] for row in rows],
        [answers[source] for source in sources],
        [[likelihoods[number] for number in row] for row in rows] if likelihoods else (),
        rule,
    )


def score(answered: Answered, metrics: Mapping[str, BaseMetric]) -> Scores:
    """Returns each metric's score of all answers together."""
    return {name: _score(answered, metric) for name, metric in metrics.items()}


def score_line(answered: Answered, row: int, metrics: Mapping[str, BaseMetric]) -> Scores:
    """Returns the scores of one answer alone."""
    alone = answered.rows([row])
    return {
        name: metric.score_line(alone.hypotheses[0], alone.references[0])
        if isinstance(metric, Metric)
        else _score(alone, metric)
        for name, metric in metrics.items()
    }


def _rows(examples: Sequence[Example], rule: References) -> list[list[int]]:
    """Returns the numbers of the examples of each row."""
    if rule == "each":
        return [[number] for number in range(len(examples))]
    rows: dict[str, list[int]] = {}
    for number, example in enumerate(examples):
        rows.setdefault(example.source, []).append(number)
    return list(rows.values())


def _require_no_likelihoods(metrics: Mapping[str, BaseMetric]) -> None:
    for name, metric in metrics.items():
        if isinstance(metric, LikelihoodMetric):
            raise ConfigError(f"metric {name!r} needs the model in PyTorch: evaluate the folder of a run")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _score(answered: Answered, metric: BaseMetric) -> float:
    if isinstance(metric, LikelihoodMetric):
        return metric.score([likelihood for row in answered.likelihoods for likelihood in row])
    if isinstance(metric, Metric):
        return metric.score(answered.hypotheses, answered.references)
    raise TypeError(f"{type(metric).__name__} must be a Metric or a LikelihoodMetric")
