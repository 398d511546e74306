"""Scores a model's answers against references."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from s2s_core.data.task import Example
from s2s_core.errors import ConfigError
from s2s_core.evaluation.metric import BaseMetric, Likelihood, LikelihoodMetric, Metric

Translate = Callable[[Sequence[str]], Sequence[str]]
Forced = Callable[[Sequence[Example]], Sequence[Likelihood]]
"""Returns the likelihood of each example's target, given its source."""

Scores = dict[str, float]


@attrs.frozen
class Answered:
    """Sources with their references and a model's answers.

    Attributes:
        sources: Distinct texts, at least one.
        references: The correct answers to each source.
        hypotheses: The model's answer to each source.
        likelihoods: The likelihood of each reference; empty unless a metric needs them.
    """

    sources: Sequence[str]
    references: Sequence[Sequence[str]]
    hypotheses: Sequence[str]
    likelihoods: Sequence[Sequence[Likelihood]] = ()

    def rows(self, rows: Sequence[int]) -> "Answered":
        """Returns a selection of the sources, by their row numbers."""
        return Answered(
            *([column[row] for row in rows] if column else () for column in attrs.astuple(self, recurse=False))
        )


def answer(
    translate: Translate, examples: Iterable[Example], metrics: Mapping[str, BaseMetric], forced: Forced | None = None
) -> Answered:
    """Translates the sources of examples, and computes whatever else the metrics need.

    Args:
        translate: Returns one answer for each source.
        examples: At least one. Examples with the same source are several references for one answer.
        metrics: The metrics by name.
        forced: Computes the likelihoods of references; None where only answers are available.

    Raises:
        ConfigError: A metric needs likelihoods, and ``forced`` is None.
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
        computed = iter(forced([Example(source, text) for source, texts in references.items() for text in texts]))
        likelihoods = [[next(computed) for _ in texts] for texts in targets]
    return Answered(sources, targets, translate(sources), likelihoods)


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


def evaluate(
    translate: Translate, examples: Iterable[Example], metrics: Mapping[str, BaseMetric], forced: Forced | None = None
) -> Scores:
    """Translates and scores; the arguments are those of ``answer``."""
    return score(answer(translate, examples, metrics, forced), metrics)


def _score(answered: Answered, metric: BaseMetric) -> float:
    if isinstance(metric, LikelihoodMetric):
        return metric.score([likelihood for row in answered.likelihoods for likelihood in row])
    if isinstance(metric, Metric):
        return metric.score(answered.hypotheses, answered.references)
    raise TypeError(f"{type(metric).__name__} must be a Metric or a LikelihoodMetric")
