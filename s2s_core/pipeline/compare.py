"""Compares models on the same test set."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from s2s_core.data.task import Example, References, Split
from s2s_core.errors import ConfigError, DataError
from s2s_core.evaluation.answers import Answered, Scores, score
from s2s_core.evaluation.bootstrap import RESAMPLES, Difference, Samples, resampled_scores
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.flips import Flips
from s2s_core.evaluation.metric import BaseMetric, LikelihoodMetric
from s2s_core.pipeline.evaluate import evaluate
from s2s_core.pipeline.models import Trained, several
from s2s_core.pipeline.recipe import Settings, overrides_of
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run


@attrs.frozen
class Compared:
    """One of the models that are compared.

    Attributes:
        name: The path of its folder or file.
        scores: The score of all its answers, by metric.
        differences: How much its scores differ from those of the first model, by metric; none for the first itself.
        flips: What it answers rightly and the first doesn't, and the reverse; ``None`` for the first itself.
    """

    name: str
    scores: Scores
    differences: Mapping[str, Difference] = attrs.field(factory=dict)
    flips: Flips | None = None


@attrs.frozen
class Comparison:
    """Models on the same test set, each compared with the first.

    Attributes:
        models: The models, at least two.
        metrics: The metrics by name; they format the scores.
        examples: The number of answers of each model that are scored.
        resamples: The number of resamples that the intervals and p-values are based on.
    """

    models: Sequence[Compared]
    metrics: Mapping[str, BaseMetric]
    examples: int
    resamples: int

    def to_json(self) -> dict[str, Any]:
        """Returns the comparison as JSON can hold it; of flips only the numbers."""
        return {
            "examples": self.examples,
            "resamples": self.resamples,
            "models": [_as_json(model) for model in self.models],
        }


def compare(
    models: Sequence[Trained],
    settings: Settings | None = None,
    *,
    split: Split = "test",
    examples: Iterable[Example] | None = None,
    references: References | None = None,
    resamples: int = RESAMPLES,
    heard: Callable[[int, int], None] | None = None,
    plugins: Plugins | None = None,
) -> Comparison:
    """Compares models with the first of them, by paired bootstrap resampling.

    ::

        comparison = s2s.compare(["runs/lstm", "runs/gru", "other.onnx"])
        comparison.models[1].differences["exact_match"].p_value

    All are scored by the first one's metrics, as far as each model gives what they need: a file has no likelihoods.
    The resamples are the same for all models, and the same each time (Koehn 2004, aclanthology.org/W04-3250).

    Args:
        models: Two or more runs, their folders, or exported files.
        settings: Settings of ``evaluation``.
        split: ``"test"`` or ``"validation"`` of the models' tasks.
        examples: Examples to compare on instead of a split.
        references: See ``evaluate``.
        resamples: How often the test set is resampled.
        heard: Called after each resample with the number of those that are done, and of all.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        ConfigError: There are fewer than two models, a setting can't be used, or they have no metric in common.
        DataError: The models' tasks have different sources or references to score on.
        ModelError: A model is missing, damaged or foreign.
        PluginError: A component isn't installed.
    """
    models = several(models)
    if len(models) < 2:
        raise ConfigError(f"a comparison needs at least two models (got {len(models)})")
    if resamples < 1:
        raise ConfigError(f"resamples must be at least 1 (got {resamples})")
    overrides, own = overrides_of(settings), None if examples is None else list(examples)
    evaluations = [
        evaluate(model, overrides, split=split, examples=own, references=references, plugins=plugins)
        for model in models
    ]
    return compare_evaluations([_name(model) for model in models], evaluations, resamples=resamples, heard=heard)


def compare_evaluations(
    names: Sequence[str],
    evaluations: Sequence[Evaluation],
    *,
    resamples: int = RESAMPLES,
    heard: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compares models that are evaluated already; see ``compare``.

    Args:
        names: Of the models, at least two.
        evaluations: Of each.
        resamples: How often the test set is resampled.
        heard: Called after each resample with the number of those that are done, and of all.

    Raises:
        ConfigError: They have no metric in common.
        DataError: They have different sources or references.
    """
    first = evaluations[0].answered
    answered = [
        _aligned(evaluation.answered, first, names[0], name)
        for name, evaluation in zip(names, evaluations, strict=True)
    ]
    metrics = _common(evaluations[0].metrics, answered)
    samples = _samples(answered, metrics, resamples, heard)
    compared = [Compared(names[0], score(first, metrics))]
    for name, answers, sampled in zip(names[1:], answered[1:], samples[1:], strict=True):
        scores = score(answers, metrics)
        differences = {
            metric: Difference.of(scores[metric] - compared[0].scores[metric], sampled[metric] - samples[0][metric])
            for metric in metrics
        }
        compared.append(Compared(name, scores, differences, Flips.between(first, answers)))
    return Comparison(compared, metrics, len(first.sources), resamples)


def _name(model: Trained) -> str:
    return str(model.folder if isinstance(model, Run) else model)


def _aligned(answered: Answered, first: Answered, first_name: str, name: str) -> Answered:
    """Returns a model's answers in the order of the first one's rows.

    Raises:
        DataError: The sources or their references differ.
    """
    ours, theirs = Counter(answered.sources), Counter(first.sources)
    if ours != theirs:
        raise DataError(
            f"{name} and {first_name} have different sources to score on: {(ours & theirs).total():,} of "
            f"{ours.total():,} and {theirs.total():,} are the same; --data FILE gives both the same ones"
        )
    row_of = dict(zip(_sorted_rows(first), _sorted_rows(answered), strict=True))
    aligned = answered.rows([row_of[row] for row in range(len(row_of))])
    for source, one, other in zip(first.sources, aligned.references, first.references, strict=True):
        if sorted(one) != sorted(other):
            raise DataError(
                f"{name} and {first_name} have different references for {source!r}: {one[0]!r} and {other[0]!r}; "
                "--data FILE gives both the same ones"
            )
    return aligned


def _sorted_rows(answered: Answered) -> list[int]:
    """Returns the numbers of the rows, sorted by source and references, as a source may have several rows."""
    rows = range(len(answered.sources))
    return sorted(rows, key=lambda row: (answered.sources[row], sorted(answered.references[row])))


def _common(metrics: Mapping[str, BaseMetric], answered: Sequence[Answered]) -> dict[str, BaseMetric]:
    """Returns the metrics for which every model gives what they need."""
    likelihoods = all(answers.likelihoods for answers in answered)
    common = {
        name: metric for name, metric in metrics.items() if likelihoods or not isinstance(metric, LikelihoodMetric)
    }
    if not common:
        raise ConfigError("the models have no metric in common: choose some with --metrics, such as exact_match")
    return common


def _samples(
    answered: Sequence[Answered],
    metrics: Mapping[str, BaseMetric],
    resamples: int,
    heard: Callable[[int, int], None] | None,
) -> list[Samples]:
    total, done = len(answered) * resamples, 0

    def count() -> None:
        nonlocal done
        done += 1
        if heard is not None:
            heard(done, total)

    return [resampled_scores(answers, metrics, resamples, count) for answers in answered]


def _as_json(model: Compared) -> dict[str, Any]:
    tables: dict[str, Any] = {"model": model.name, "scores": model.scores}
    if model.flips is not None:
        tables["differences"] = {name: difference.to_json() for name, difference in model.differences.items()}
        tables["right_to_wrong"], tables["wrong_to_right"] = len(model.flips.worse), len(model.flips.better)
    return tables
