"""What ``s2s`` prints about a run while it works."""

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s2s_core.config.resolve import Layer, override
from s2s_core.evaluation.metric import Measure
from s2s_core.pipeline.card import USAGE, write_card
from s2s_core.pipeline.evaluate import evaluate_runs, export_runs, record_test_scores
from s2s_core.runs.components import make_metrics, make_task
from s2s_core.runs.run import Run, is_first_process

if TYPE_CHECKING:
    from s2s_core.cli.progress import ShownProgress
    from s2s_core.data.pairs import Splits
    from s2s_core.evaluation.evaluation import Evaluation
    from s2s_core.evaluation.lengths import Bucket
    from s2s_core.model.checkpoint import Checkpoint
    from s2s_core.training.initial import Inheritance
    from s2s_core.training.state import TrainingState


MOST_LEFT = 20
"""How many of the weights that an earlier run has no fitting ones for are named."""


def line(topic: str, text: str, *, err: bool = False) -> None:
    """Prints one line about a topic, in one process of several."""
    if is_first_process():
        click.echo(f"{topic:<9}{text}", err=err)


def data(run: Run, splits: "Splits") -> None:
    """Says what the model learns from."""
    if not is_first_process():
        return  # counting takes a while where there is much
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


def _training(splits: "Splits") -> str:
    if splits.endless:
        return "endless training examples"
    size = splits.training_size()
    return "training examples" if size is None else f"{size:,} training examples"


def model(run: Run, checkpoint: "Checkpoint") -> None:
    """Says what the model is."""
    sizes = [len(tokenizer.vocabulary) for tokenizer in (checkpoint.source_tokenizer, checkpoint.target_tokenizer)]
    config = run.config
    line(
        "model",
        f"{config.encoder.name} → {config.decoder.name}, {checkpoint.model.parameter_count():,} parameters; "
        f"{config.source.tokenizer.name} ({sizes[0]:,} ids) → {config.target.tokenizer.name} ({sizes[1]:,} ids)",
    )


def inherited(inheritance: "Inheritance | None") -> None:
    """Says what the model took from an earlier run."""
    if inheritance is not None:
        line("from", f"{inheritance.folder}: {inheritance.taken:,} of {inheritance.total:,} weights")
        for left in inheritance.left[:MOST_LEFT]:
            line("", f"not {left}")
        if len(inheritance.left) > MOST_LEFT:
            line("", f"and {len(inheritance.left) - MOST_LEFT} others not")


def progress(run: Run) -> "ShownProgress | None":
    """Returns what shows training: a bar on a terminal, lines elsewhere, nothing in the other processes."""
    if not is_first_process():
        return None
    from s2s_core.cli.progress import BarProgress, LineProgress  # noqa: PLC0415  # rich takes a while to import

    shown = BarProgress if sys.stdout.isatty() else LineProgress
    config = run.config
    return shown(make_metrics(config.evaluation, make_task(config.task, run.plugins), run.plugins))


def trained(run: Run, state: "TrainingState") -> None:
    """Says which model was kept."""
    stopped = f"stopped after step {state.step:,}; " if state.stopped else ""
    kept = f"the mean of {state.best_of} models" if state.best_of > 1 else f"the model of step {state.best_step:,}"
    line("best", f"{stopped}{kept}, in {run.weights_path}")


def test(run: Run) -> "Evaluation":
    """Scores the best model on the test set and prints it."""
    found = evaluate_runs([run])
    record_test_scores(run, found)
    scores("test", found)
    return found


def scores(topic: str, found: "Evaluation", *, lengths: bool = False, err: bool = False) -> None:
    """Prints scores, and how they were computed.

    Args:
        topic: What was scored.
        found: The scores.
        lengths: Whether to print the scores by the length of the source too.
        err: Whether to print to standard error.
    """
    line(topic, _shown(found.scores, found.metrics), err=err)
    for name, signature in found.signatures.items():
        line("", f"{name}: {signature}", err=err)
    for bucket in found.buckets if lengths else ():
        line("", f"{bucket.examples:,} of {_lengths(bucket)}: {_shown(bucket.scores, found.metrics)}", err=err)


def export(run: Run, found: "Evaluation") -> None:
    """Exports a run's model, writes its card and says how to use the file."""
    from s2s_core.runtime.file import Model  # noqa: PLC0415  # s2s starts without ONNX Runtime

    exported([run])
    write_card(run, Model(run.onnx_path).metadata, found)
    click.echo("\nRun it with nothing but ONNX Runtime, whose warnings about inputs with defaults are harmless:\n")
    click.echo(USAGE.format(path=run.onnx_path, example=run.splits.test[0].source))


def exported(runs: Sequence[Run], path: Path | None = None, settings: Sequence[Layer] = ()) -> None:
    """Exports the models of runs as one file, and prints what the proof compared."""
    began = time.perf_counter()
    with _working("export", "making the file and comparing it with the model"):
        parity = export_runs(runs, path, settings)
    target = path or runs[0].onnx_path
    seconds = time.perf_counter() - began
    line("export", f"{target}, {target.stat().st_size / 1e6:.1f} MB, in {seconds:.0f} s")
    decoding = override(runs[0].config, settings, runs[0].plugins).decoding
    searches = "samples" if decoding.sampling else "greedy and beam"
    ties = f", {parity.ties} of them equally good others" if parity.ties else ""
    line(
        "proof",
        f"{parity.hypotheses:,} hypotheses for {parity.texts} texts, {searches}, equal PyTorch's{ties}; "
        f"scores within {parity.score_difference:.1g}",
    )


def _lengths(bucket: "Bucket") -> str:
    """Says how long the sources of a bucket are."""
    least, most = bucket.shortest, bucket.longest
    if least < most:
        return f"{least} to {most} source tokens"
    return f"{least} source token" + ("" if least == 1 else "s")


def _working(topic: str, text: str) -> contextlib.AbstractContextManager[Any]:
    """Shows that something takes its time: on a terminal until it is done, elsewhere in a line."""
    if not sys.stdout.isatty():
        line(topic, text)
        return contextlib.nullcontext()
    from rich.console import Console  # noqa: PLC0415  # rich takes a while to import

    return Console().status(f"{topic:<9}{text}")


def _shown(found: Mapping[str, float], metrics: Mapping[str, Measure]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {metrics[name].display(score)}" for name, score in found.items())
