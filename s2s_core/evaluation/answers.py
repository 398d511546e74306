"""Scores a model's answers against references."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from s2s_core.data.task import Example
from s2s_core.errors import ConfigError
from s2s_core.evaluation.metric import Likelihood, LikelihoodMetric, Measure, Metric

Translate = Callable[[Sequence[str]], Sequence[str]]
Forced = Callable[[Sequence[Example]], Sequence[Likelihood]]
"""Tells how likely each example's target is, given its source."""

Scores = dict[str, float]


@attrs.frozen
class Answered:
    """Sources and what a model made of them.

    Attributes:
        sources: All different, at least one.
        references: The right answers of each.
        hypotheses: The model's answer to each.
        likelihoods: Of each reference; empty where no metric asks for them.
    """

    sources: Sequence[str]
    references: Sequence[Sequence[str]]
    hypotheses: Sequence[str]
    likelihoods: Sequence[Sequence[Likelihood]] = ()

    def rows(self, rows: Sequence[int]) -> "Answered":
        """Returns some of the sources."""
        return Answered(
            *([column[row] for row in rows] if column else () for column in attrs.astuple(self, recurse=False))
        )


def answer(
    translate: Translate, examples: Iterable[Example], metrics: Mapping[str, Measure], forced: Forced | None = None
) -> Answered:
    """Translates the sources of examples, and finds what else the metrics need.

    Args:
        translate: Gives one answer for each source.
        examples: At least one. Those with the same source are several references for one answer.
        metrics: By name.
        forced: Where it's known how likely references are.

    Raises:
        ConfigError: A metric needs this and it isn't known.
    """
    references: dict[str, list[str]] = {}
    for example in examples:
        references.setdefault(example.source, []).append(example.target)
    sources, targets = list(references), list(references.values())
    needing = [name for name, metric in metrics.items() if isinstance(metric, LikelihoodMetric)]
    if needing and forced is None:
        raise ConfigError(f"metric {needing[0]!r} needs the model in PyTorch: evaluate the folder of a run")
    likelihoods: Sequence[Sequence[Likelihood]] = ()
    if needing and forced is not None:
        found = iter(forced([Example(source, text) for source, texts in references.items() for text in texts]))
        likelihoods = [[next(found) for _ in texts] for texts in targets]
    return Answered(sources, targets, translate(sources), likelihoods)


def score(answered: Answered, metrics: Mapping[str, Measure]) -> Scores:
    """Returns the score of all answers together by each metric."""
    return {name: _score(answered, metric) for name, metric in metrics.items()}


def score_line(answered: Answered, row: int, metrics: Mapping[str, Measure]) -> Scores:
    """Returns the scores of one answer alone."""
    alone = answered.rows([row])
    return {
        name: metric.score_line(alone.hypotheses[0], alone.references[0])
        if isinstance(metric, Metric)
        else _score(alone, metric)
        for name, metric in metrics.items()
    }


def evaluate(
    translate: Translate, examples: Iterable[Example], metrics: Mapping[str, Measure], forced: Forced | None = None
) -> Scores:
    """Translates and scores; takes what ``answer`` takes."""
    return score(answer(translate, examples, metrics, forced), metrics)


def _score(answered: Answered, metric: Measure) -> float:
    if isinstance(metric, LikelihoodMetric):
        return metric.score([likelihood for row in answered.likelihoods for likelihood in row])
    if isinstance(metric, Metric):
        return metric.score(answered.hypotheses, answered.references)
    raise TypeError(f"{type(metric).__name__} must be a Metric or a LikelihoodMetric")
