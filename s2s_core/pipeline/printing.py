"""Prints the events of a run, each line under its topic."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2s_core.data.splits import Splits
from s2s_core.errors import one_line
from s2s_core.evaluation.bootstrap import signed
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.lengths import LengthScores
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.reliability import Reliability
from s2s_core.evaluation.spread import Spread
from s2s_core.pipeline.progress import Progress
from s2s_core.pipeline.quantization import TOGETHER, Quantization
from s2s_core.pipeline.remarks import remarks
from s2s_core.pipeline.results import Distilled, Export, FileCost
from s2s_core.pipeline.usage import usage
from s2s_core.runs.processes import is_first_process
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from s2s_core.model.checkpoint import TextModel
    from s2s_core.training.initial import Inheritance
    from s2s_core.training.state import TrainingState

EXPORTING = "making the file and comparing it with the model"

LEAST_TIMES = 0.01
"""The smallest mean number of times that is shown as a number."""

ANSWERS_EVERY = 10.0
"""Seconds between two lines on how many sources are answered."""

SEED_TOPICS = ("train", "average", "best")
"""The topics of the lines that are shown of each of several seeds' runs; all of their lines are in their logs."""

MOST_LEFT = 20
"""The most weights to list that were not inherited from an earlier run."""


def line(topic: str, text: str, *, err: bool = False) -> None:
    """Prints one line about a topic, in one process of several."""
    if is_first_process():
        click.echo(one_line(f"{topic:<8} {text}"), err=err)


class PrintedProgress(Progress):
    """Prints everything except the updates, which ``BarProgress`` and ``LineProgress`` show, each in its own way."""

    _last_answered = -ANSWERS_EVERY
    _metrics: Mapping[str, BaseMetric]

    def started(self, step: int, steps: int, metrics: Mapping[str, BaseMetric]) -> None:
        """Keeps the metrics, which know how to show a score."""
        del step, steps
        self._metrics = metrics

    def opened(self, run: Run) -> None:
        """Prints what the model learns from."""
        splits = run.splits
        example = splits.validation[0]
        line("run", str(run.folder))
        line(
            "data",
            f"{run.config.task.name}: {_training(splits)}, "
            f"{len(splits.validation):,} for validation, {len(splits.test):,} for test",
        )
        line("", f"such as {example.source!r} → {example.target!r}")
        for remark in splits.remarks():
            line("", remark)

    def settled(self, run: Run, choices: Sequence[str], updates_per_epoch: float | None) -> None:
        """Prints what was chosen from the data, and how much the model trains."""
        for number, choice in enumerate(choices):
            line("" if number else "chosen", choice)
        if updates_per_epoch is not None:
            line("amount", _amount(run.config.training.steps, updates_per_epoch))

    def built(self, run: Run, checkpoint: "TextModel", inheritance: "Inheritance | None") -> None:
        """Prints what the model is, and what it took from an earlier run."""
        source, target = (
            len(tokenizer.vocabulary) for tokenizer in (checkpoint.source_tokenizer, checkpoint.target_tokenizer)
        )
        config = run.config
        line(
            "model",
            f"{config.encoder.name} → {config.decoder.name}, {checkpoint.model.parameter_count():,} parameters; "
            f"{config.source.tokenizer.name} ({source:,} ids) → {config.target.tokenizer.name} ({target:,} ids)",
        )
        if inheritance is not None:
            _inherited(inheritance)
        for remark in remarks(run, checkpoint):
            line("", remark)

    def lacking(self, run: Run, validations: int) -> None:
        """Warns of a log that isn't whole."""
        if validations:
            line("", f"warning: {run.metrics_path} lacks {validations:,} earlier validations; the model has all steps")

    def trained(self, run: Run, state: "TrainingState") -> None:
        """Prints which model was kept and how good it is, and how often each training pair was seen."""
        end = f"stopped after step {state.step:,}; " if state.stopped else ""
        step = f"step {state.best_step:,} of {run.config.training.steps:,}"
        best = f"the mean of {state.best_of} models" if state.best_of > 1 else step
        score = "" if state.best_score is None else f", {main_score(self._metrics, state.best_score)}"
        line("best", f"{end}{best}{score}, in {run.weights_path}")
        if size := run.splits.training_size():
            line("", f"each of the {size:,} training pairs was seen {_times(state.pair_count / size)}")

    def evaluated(self, run: Run, evaluation: Evaluation) -> None:
        """Prints the test scores."""
        del run
        for text in score_lines("test", evaluation):
            click.echo(text)

    def seeds_started(self, folder: Path, seeds: Sequence[int], jobs: int, threads: int) -> None:
        """Prints how the runs are trained."""
        each = "1 thread" if threads == 1 else f"{threads} threads"
        line(
            "seeds",
            f"{', '.join(map(str, seeds))}; {jobs} at a time, each with {each}; logs in {folder}/seed-*/log.txt",
        )

    def seed_said(self, seed: int, text: str) -> None:
        """Prints the lines that tell how training goes on and what came of it."""
        topic, _, rest = text.partition(" ")
        if topic in SEED_TOPICS:
            what = "" if topic == "train" else f"{topic} "
            line(f"seed {seed}", f"{what}{rest.strip()}")

    def seeds_trained(self, spread: Spread) -> None:
        """Prints the scores of each run, and their mean and standard deviation."""
        for seed, scores in zip(spread.seeds, spread.scores, strict=True):
            line(f"seed {seed}", _scores(scores, spread.metrics))
        line("mean", ", ".join(f"{name.replace('_', ' ')} {spread.display(name)}" for name in spread.metrics))

    def evaluated_together(self, evaluation: Evaluation) -> None:
        """Prints the test scores of all models together."""
        for text in score_lines("together", evaluation):
            click.echo(text)

    def exporting(self, path: Path) -> None:
        """Prints that export has begun."""
        del path
        line("export", EXPORTING)

    def exported(self, export: Export) -> None:
        """Prints where the file is, and what the proof compared."""
        parity = export.parity
        line("export", f"{export.path}, {export.size / 1e6:.1f} MB, in {export.seconds:.0f} s")
        searches = "samples" if export.decoding.sampling else "greedy and beam"
        ties = f", {parity.ties} of them equally good others" if parity.ties else ""
        line(
            "proof",
            f"{parity.hypotheses:,} hypotheses for {parity.texts} texts, {searches}, equal PyTorch's{ties}; "
            f"scores within {parity.score_difference:.1g}",
        )
        if export.quantization:
            _quantized(export.quantization)
        if export.repository:
            line("triton", f"{export.repository.config_path.parent}")
        if export.page:
            line("web", export.page.in_words())

    def reliable(self, reliability: Reliability) -> None:
        """Prints how sure the file is, and whether rightly."""
        line("sure", reliability.in_words())

    def answered(self, done: int, total: int) -> None:
        """Prints how many sources are answered, at the end and every few seconds before."""
        if done == total or time.monotonic() - self._last_answered >= ANSWERS_EVERY:
            line("answers", f"{done:,} of {total:,}")
            self._last_answered = time.monotonic()

    def distilled(self, distilled: Distilled) -> None:
        """Prints what the small model loses and gains."""
        teacher, student = distilled.teacher, distilled.student
        metrics = teacher.evaluation.metrics
        line("teacher", f"{_scores(teacher.evaluation.scores, metrics)}; {_cost(teacher)}")
        line("student", f"{_scores(student.evaluation.scores, metrics)}; {_cost(student)}")
        changes = ", ".join(
            f"{name.replace('_', ' ')} {signed(metrics[name].display, distilled.change(name))}" for name in metrics
        )
        size, speed = teacher.size / student.size, teacher.milliseconds / student.milliseconds
        line("change", f"{changes}; {size:.1f} times smaller, {speed:.1f} times faster")

    def finished(self, run: Run) -> None:
        """Prints how to see where it fails, and how to use the file."""
        line("report", f"s2s report {run.folder} makes a page of its curves, errors and confusions")
        click.echo("\nRun it with nothing but ONNX Runtime, whose warnings about inputs with defaults are harmless:\n")
        click.echo(usage(str(run.onnx_path), run.splits.test[0].source, run.config))


def score_lines(topic: str, evaluation: Evaluation, *, lengths: bool = False) -> Iterator[str]:
    """Yields lines with scores, and how they were computed.

    Args:
        topic: What was scored.
        evaluation: The scores.
        lengths: Whether to include the scores by the length of the source.
    """
    yield f"{topic:<9}{evaluation.answered.counted()}: {_scores(evaluation.scores, evaluation.metrics)}"
    for name, signature in evaluation.signatures.items():
        yield f"{'':<9}{name}: {signature}"
    if evaluation.reliability is not None:
        yield f"{'':<9}{evaluation.reliability.in_words()}"
    for bucket in evaluation.buckets if lengths else ():
        scores = _scores(bucket.scores, evaluation.metrics)
        yield f"{'':<9}{bucket.answers:,} of {_lengths(bucket)}: {scores}"


def main_score(metrics: Mapping[str, BaseMetric], score: float) -> str:
    """Returns a score of the first metric, which chooses the best model, with its name."""
    name, metric = next(iter(metrics.items()))
    return f"{name.replace('_', ' ')} {metric.display(score)}"


def _times(mean: float) -> str:
    """Returns a mean number of times, with two digits where it is small."""
    if mean < LEAST_TIMES:
        return f"less than {LEAST_TIMES:g} times"
    number = f"{mean:.2g}" if mean < 9.95 else f"{mean:,.0f}"  # 9.95 would be rounded to 10
    return f"{number} time{'s' * (number != '1')}"


def _cost(file: FileCost) -> str:
    return f"{file.size / 1e6:.2f} MB, {file.milliseconds:.2f} ms per text"


def _training(splits: Splits) -> str:
    if splits.endless:
        return "endless training examples"
    size = splits.training_size()
    return "training examples" if size is None else f"{size:,} training example{'s' * (size != 1)}"


def _amount(steps: int, updates_per_epoch: float) -> str:
    """Returns how long training takes, in updates and in passes over the pairs."""
    return f"{steps:,} steps, each pair {_times(steps / updates_per_epoch)}"


def _inherited(inheritance: "Inheritance") -> None:
    line("from", f"{inheritance.folder}: {inheritance.taken:,} of {inheritance.total:,} weights")
    for left in inheritance.left[:MOST_LEFT]:
        line("", f"not {left}")
    if len(inheritance.left) > MOST_LEFT:
        line("", f"and {len(inheritance.left) - MOST_LEFT} others not")


def _quantized(quantization: Quantization) -> None:
    """Prints what was measured of a file with smaller weights, each beside the same of weights of 32 bits."""
    small, plain = quantization.quantized, quantization.plain
    line("smaller", f"{quantization.kind}: {small.size / 1e6:.2f} MB instead of {plain.size / 1e6:.2f}")
    line(
        "",
        f"ms per text: alone {small.alone:.2f} instead of {plain.alone:.2f}, "
        f"{TOGETHER} at a time {small.together:.2f} instead of {plain.together:.2f}",
    )
    splits = {"validation": (small.validation, plain.validation), "test": (small.test, plain.test)}
    for split, (after, before) in splits.items():
        scores = (
            f"{name.replace('_', ' ')} {metric.display(after[name])} instead of {metric.display(before[name])}"
            for name, metric in quantization.metrics.items()
        )
        line("", f"{split}: {', '.join(scores)}")


def _lengths(bucket: LengthScores) -> str:
    """Describes the source lengths of a bucket."""
    least, most = bucket.shortest, bucket.longest
    if least < most:
        return f"{least} to {most} source tokens"
    return f"{least} source token" + ("" if least == 1 else "s")


def _scores(scores: Mapping[str, float], metrics: Mapping[str, BaseMetric]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {metrics[name].display(score)}" for name, score in scores.items())
