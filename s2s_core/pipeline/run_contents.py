"""What a report tells of a run: gathers it from the run's files, and from a new evaluation of its best model."""

import contextlib
import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import attrs
from rapidfuzz.distance import Levenshtein

from s2s_core.errors import ConfigError, DataError, ModelError, PluginError, S2SWarning
from s2s_core.evaluation.confusions import Confusions
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.table import worst_first
from s2s_core.pipeline.evaluate import evaluate
from s2s_core.reporting.answers import MOST_RANKED
from s2s_core.reporting.contents import ExportedFile, RunContents, ShownAnswer
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s2s_core.model.checkpoint import TextModel
    from s2s_core.plotting.attention import AttentionMap
    from s2s_core.plotting.learning import LearningCurve
    from s2s_core.plotting.length import LengthCurve

RIGHT_ANSWERS = 3
"""How many answers are shown if all are right."""

LONGEST_MAP = 50
"""The most tokens on either side of an attention map."""

_REASONS = (ConfigError, DataError, ModelError, PluginError)
"""Why a part of a report may be impossible, which the report then says."""


def contents_of(run: Run, name: str, limits: tuple[int, int]) -> RunContents:
    """Returns what there is to tell of a run.

    Args:
        run: The run.
        name: What the report calls it.
        limits: How many answers are shown, and how many of these with their attention.

    Raises:
        ModelError: Its log is damaged.
    """
    problems: list[str] = []
    config = run.config
    contents = RunContents(
        name=name,
        title=f"{config.task.name}: {config.encoder.name} → {config.decoder.name}",
        seed=config.training.seed,
        settings=run.settings(),
        steps=config.training.steps,
        metrics=_metrics(run),
        curves=_learning(run, problems),
        file=_file(run),
        weights_size=run.weights_path.stat().st_size if run.weights_path.is_file() else None,
        parameters=_parameters(run),
    )
    if contents.last_step is not None and contents.last_step < contents.steps and not _has_ended(run):
        problems.append(
            f"training goes on, was interrupted or ended early: its last validation is of step {contents.last_step:,} "
            f"of {contents.steps:,}"
        )
    contents = _measured(contents, run, problems, limits)
    if contents.evaluation is None:
        contents = _as_recorded(contents, run)
    return attrs.evolve(contents, reliability=_reliability(run), problems=problems)


def _has_ended(run: Run) -> bool:
    """Returns whether the run's log ends with test scores."""
    from s2s_core.plotting.log import read_test  # noqa: PLC0415

    return "test" in read_test(run.folder)


def _metrics(run: Run) -> dict[str, BaseMetric]:
    """Returns the installed metrics, any of which a log may name, without broken ones."""
    metrics: dict[str, BaseMetric] = {}
    for name in run.plugins.names("metric"):
        with contextlib.suppress(PluginError):
            kind: Any = run.plugins.component("metric", name)
            metrics[name] = kind()
    return metrics


def _learning(run: Run, problems: list[str]) -> "list[LearningCurve]":
    """Returns the learning curves, one for each metric that all validations have."""
    from s2s_core.plotting.learning import learning_curves  # noqa: PLC0415

    if not run.metrics_path.exists() or not (validated := _validated(run)):
        problems.append("there is no validation yet")
        return []
    curves = []
    for metric in validated:
        try:
            curves += learning_curves([run.folder], metric)
        except (ConfigError, ModelError) as error:
            problems.append(f"the curve of {metric} can't be drawn: {error.lines[0]}")
    return curves


def _validated(run: Run) -> list[str]:
    """Returns the metrics of the first validation."""
    from s2s_core.plotting.log import read_log, scores_of  # noqa: PLC0415

    first = next((record for record in read_log(run.folder) if "validation" in record), None)
    return [] if first is None else list(scores_of(first, "validation", run.metrics_path))


def _parameters(run: Run) -> int | None:
    """Returns the number of parameters, if ``model.json`` says so; whether it is damaged is told elsewhere."""
    try:
        count = json.loads(run.description_path.read_text(encoding="utf-8"))["parameters"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return count if isinstance(count, int) else None


def _file(run: Run) -> ExportedFile | None:
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    if not run.onnx_path.is_file():
        return None
    size = run.onnx_path.stat().st_size
    try:
        require_tried(run.onnx_path)
        metadata: Mapping[str, Any] = ExportedModel(run.onnx_path).metadata
    except ModelError as error:
        return ExportedFile(size, {}, error.lines[0])
    return ExportedFile(size, metadata)


def _measured(contents: RunContents, run: Run, problems: list[str], limits: tuple[int, int]) -> RunContents:
    """Returns contents with an evaluation of the best model, if there is one and there are examples."""
    from s2s_core.model.checkpoint import load_checkpoint, saved_step  # noqa: PLC0415  # needs PyTorch

    try:
        best_step = saved_step(run)
        contents = attrs.evolve(contents, best_step=best_step)
        evaluation = _evaluated(run, problems)
        checkpoint = load_checkpoint(run)
    except _REASONS as error:
        problems.append(f"the model isn't scored: {error.lines[0]}")
        return contents
    return attrs.evolve(
        contents,
        evaluation=evaluation,
        lengths=list(_lengths(contents.name, evaluation)),
        answers=_answers(evaluation, run, checkpoint, *limits),
        confusions=Confusions.of(evaluation.answered, checkpoint.target_tokenizer.tokens),
    )


def _evaluated(run: Run, problems: list[str]) -> Evaluation:
    """Evaluates a run on its test set; a warning is passed on, and told in the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", S2SWarning)
        evaluation = evaluate(run)
    for one in caught:
        if issubclass(one.category, S2SWarning):
            problems.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return evaluation


def _lengths(name: str, evaluation: Evaluation) -> "Iterator[LengthCurve]":
    """Yields the scores by source length, of each metric that is a number in all buckets."""
    from s2s_core.plotting.length import LengthCurve  # noqa: PLC0415

    buckets = evaluation.buckets
    for metric in evaluation.metrics:
        scores = [bucket.scores[metric] for bucket in buckets]
        if all(map(math.isfinite, scores)):
            lengths, answers = [bucket.mean_length for bucket in buckets], [bucket.answers for bucket in buckets]
            yield LengthCurve(name, metric, lengths, scores, answers)


def _answers(evaluation: Evaluation, run: Run, checkpoint: "TextModel", most: int, most_maps: int) -> list[ShownAnswer]:
    """Returns the worst wrong answers or, if all are right, the first ones."""
    wrong = [row for row, right in enumerate(evaluation.answered.is_right()) if not right]
    rows = wrong[:MOST_RANKED] or range(min(RIGHT_ANSWERS, len(evaluation.answered.sources)))
    chosen = evaluation.answered.rows(rows)
    answers = []
    for number, (row, scores) in enumerate(worst_first(chosen, evaluation.metrics)[:most]):
        source, hypothesis = chosen.sources[row], chosen.hypotheses[row]
        reference = min(chosen.references[row], key=lambda one: Levenshtein.distance(one, hypothesis))
        attention = _attention(source, run, checkpoint) if number < most_maps else None
        answers.append(ShownAnswer(source, reference, hypothesis, scores, attention))
    return answers


def _attention(source: str, run: Run, checkpoint: "TextModel") -> "AttentionMap | None":
    """Returns what the decoder looked at, if it tells and the map isn't too large."""
    from s2s_core.plotting.attention import attention_of  # noqa: PLC0415

    try:
        attention = attention_of(checkpoint, run.config, source)
    except (ConfigError, DataError):  # there is no attention, or there are no tokens
        return None
    return attention if max(attention.weights.shape) <= LONGEST_MAP else None


def _as_recorded(contents: RunContents, run: Run) -> RunContents:
    """Returns contents with what the log has of an earlier evaluation."""
    from s2s_core.plotting.length import length_curves  # noqa: PLC0415
    from s2s_core.plotting.log import numbers, read_test, scores_of  # noqa: PLC0415

    test = read_test(run.folder) if run.metrics_path.exists() else {}
    if "test" not in test:
        return contents
    scores = scores_of(test, "test", run.metrics_path)
    recorded, lengths = {}, []
    for metric in scores:
        try:
            [recorded[metric]] = numbers([scores], metric, run.metrics_path)
            [curve] = length_curves([run.folder], metric)
            lengths.append(attrs.evolve(curve, name=contents.name))
        except (ConfigError, ModelError):  # no number, such as a perplexity that is infinite
            continue
    return attrs.evolve(contents, recorded=recorded, lengths=lengths)


def _reliability(run: Run) -> tuple[list[float], list[float], list[int]] | None:
    """Returns what the log has of the confidence of the run's file."""
    from s2s_core.plotting.log import read_test  # noqa: PLC0415
    from s2s_core.plotting.reliability import reliability_curves  # noqa: PLC0415

    if not run.metrics_path.exists() or "reliability" not in read_test(run.folder):
        return None
    [curve] = reliability_curves([run.folder])
    return curve.confidence, curve.right, curve.answers
