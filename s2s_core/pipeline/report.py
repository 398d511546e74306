"""Writes reports of runs: one HTML file with curves, scores, errors, attention, confusions and settings."""

import contextlib
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from rapidfuzz.distance import Levenshtein

from s2s_core.errors import ConfigError, DataError, ModelError, PluginError, S2SWarning
from s2s_core.evaluation.confusions import Confusions
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.table import worst_first
from s2s_core.files import require_writable, write_atomically
from s2s_core.pipeline.compare import Comparison, compare_evaluations
from s2s_core.pipeline.evaluate import evaluate
from s2s_core.pipeline.models import Runs, several
from s2s_core.plugins.registry import Plugins
from s2s_core.reporting.answers import MOST_RANKED
from s2s_core.reporting.contents import ExportedFile, RunContents, ShownAnswer
from s2s_core.reporting.page import page
from s2s_core.runs.folder import SEEDS_FILE, RunFolder
from s2s_core.runs.run import Run
from s2s_core.runs.seeds import SeedsFolder

if TYPE_CHECKING:
    from s2s_core.model.checkpoint import TextModel
    from s2s_core.plotting.attention import AttentionMap
    from s2s_core.plotting.learning import LearningCurve
    from s2s_core.plotting.length import LengthCurve

MOST_ANSWERS, MOST_MAPS = 20, 8
"""How many answers the report of a run shows, and how many of these with their attention."""

MOST_ANSWERS_OF_SEVERAL, MOST_MAPS_OF_SEVERAL = 8, 2
"""The same of each of several runs."""

RIGHT_ANSWERS = 3
"""How many answers are shown if all are right."""

LONGEST_MAP = 50
"""The most tokens on either side of an attention map."""

_REASONS = (ConfigError, DataError, ModelError, PluginError)
"""Why a part of a report may be impossible, which the report then says."""


@attrs.frozen
class Report:
    """A report that was written.

    Attributes:
        path: The file.
        problems: What is missing in it and why, a line each.
    """

    path: Path
    problems: Sequence[str]


def report(
    runs: Runs,
    output: str | PathLike[str] | None = None,
    *,
    plugins: Plugins | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Report:
    """Writes a report of a run, or one that compares several, as one HTML file that loads nothing.

    ::

        report("runs/mine").path

    The best model is evaluated again, as a run doesn't keep its answers. What a run doesn't have is left out, and the
    report says why. The same runs give the same file, byte for byte.

    Args:
        runs: A run, its folder, or that of several seeds; or several of them.
        output: The file, by default ``report.html`` in the folder of one run, or of several seeds.
        plugins: Where components come from, by default the installed plugins.
        heard: Called with what is being done.

    Raises:
        ConfigError: A folder holds no run, or several are given without ``output``.
        ModelError: A run's log is damaged.
        OSError: The file can't be written.
    """
    from s2s_core.plotting.log import names  # noqa: PLC0415  # plotting stands above the modules that start quickly

    named = several(runs)
    if output is None and len(named) != 1:
        raise ConfigError("a report of several runs needs output, such as report.html")
    path = Path(output) if output is not None else RunFolder(_folder(named[0])).report_path
    members = list(_opened(runs, plugins))
    require_writable(path)
    limits = (MOST_ANSWERS, MOST_MAPS) if len(members) == 1 else (MOST_ANSWERS_OF_SEVERAL, MOST_MAPS_OF_SEVERAL)
    contents = []
    for run, name in zip(members, names([run.folder for run in members]), strict=True):
        heard(f"answering the test set of {run.folder}")
        contents.append(_contents(run, name, limits))
    evaluated = [one for one in contents if one.evaluation is not None]
    comparison, trouble = None, ""
    if len(evaluated) > 1:
        heard("comparing")
        comparison, trouble = _compared(evaluated)
    write_atomically(path, page(contents, comparison, [one.name for one in evaluated], trouble))
    problems = [
        f"{one.name}: {problem}" if len(contents) > 1 else problem for one in contents for problem in one.problems
    ]
    return Report(path, [*problems, *([trouble] if trouble else [])])


def _folder(run: Any) -> Path:
    return run.folder if isinstance(run, Run) else Path(run)


def _opened(runs: Runs, plugins: Plugins | None) -> Iterator[Run]:
    """Yields runs; a folder of several seeds stands for those of its runs that have begun."""
    given = several(runs)
    installed = plugins or next((run.plugins for run in given if isinstance(run, Run)), None) or Plugins()
    for run in given:
        if isinstance(run, Run):
            yield run
        elif (Path(run) / SEEDS_FILE).is_file():
            yield from _seeds(SeedsFolder(Path(run)), installed)
        else:
            yield Run.open(Path(run), installed)


def _seeds(folder: SeedsFolder, plugins: Plugins) -> Iterator[Run]:
    seeds = folder.read_record().get("seeds")
    if not isinstance(seeds, list) or not all(isinstance(seed, int) for seed in seeds):
        raise ConfigError(f"{folder.record_path} is damaged: seeds must be a list of whole numbers (got {seeds!r})")
    begun = [folder.member(seed) for seed in seeds if folder.member(seed).settings_path.is_file()]
    if not begun:
        raise ConfigError(f"{folder.folder} holds no run of a seed yet")
    for member in begun:
        yield Run.open(member.folder, plugins)


def _contents(run: Run, name: str, limits: tuple[int, int]) -> RunContents:
    """Returns what there is to tell of a run."""
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


def _compared(runs: Sequence[RunContents]) -> tuple[Comparison | None, str]:
    """Returns a comparison of evaluated runs with the first, or why there is none."""
    evaluations = [run.evaluation for run in runs if run.evaluation is not None]
    try:
        return compare_evaluations([run.name for run in runs], evaluations), ""
    except (ConfigError, DataError) as error:
        return None, error.lines[0]
