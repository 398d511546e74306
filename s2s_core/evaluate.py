"""Scores answers against references."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from s2s_core.metric import Metric
from s2s_core.task import Example

Translate = Callable[[Sequence[str]], Sequence[str]]


def evaluate(translate: Translate, examples: Iterable[Example], metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Translates the sources of examples and scores the answers.

    Args:
        translate: Gives one answer for each source.
        examples: At least one. Those with the same source are several references for one answer.
        metrics: By name.
    """
    references: dict[str, list[str]] = {}
    for example in examples:
        references.setdefault(example.source, []).append(example.target)
    hypotheses = translate(list(references))
    return {name: metric.score(hypotheses, list(references.values())) for name, metric in metrics.items()}
