"""``s2s compare``: tell whether one model is better than another."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import metric_settings, references_option
from s2s_core.data.examples import read_examples
from s2s_core.data.task import References, Split

if TYPE_CHECKING:
    from s2s_core.evaluation.flips import Flip
    from s2s_core.pipeline.compare import Compared, Comparison

Cells = list[str]


@click.command()
@click.argument("models", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--split", type=click.Choice(["test", "validation"]), default="test", show_default=True)
@click.option(
    "--data", metavar="FILE", help="Lines of source, tab, target to compare on instead of a split; - is standard input."
)
@references_option
@click.option("--metrics", metavar="NAMES", help="Such as bleu,chrf.  [default: those of the first]")
@click.option(
    "--flips",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Print so many flipped answers of each kind.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def compare(
    context: click.Context,
    models: tuple[Path, ...],
    split: Split,
    data: str | None,
    references: References | None,
    metrics: str | None,
    flips: int,
    *,
    as_json: bool,
) -> None:
    """Compares runs' folders or exported .onnx files with the first of them, on the same held-out examples.

    Of each metric it tells the difference, its 95 % interval and a p-value, by paired bootstrap with 1,000 resamples
    (Koehn 2004), and how many answers flipped from right to wrong and the reverse. Slow metrics take a while.

    \b
    s2s compare runs/lstm runs/gru
    s2s compare runs/five/model.onnx runs/small --flips 5
    s2s compare one.onnx other.onnx --data pairs.tsv --metrics bleu --json
    """
    if len(models) < 2:
        raise click.UsageError("a comparison needs two models or more")
    from s2s_core.pipeline.compare import compare as compare_models  # noqa: PLC0415  # help needs none of it
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    for model in models:
        require_tried(model)
    examples = read_examples(data) if data else None
    with _progress() as heard:
        comparison = compare_models(
            models,
            metric_settings(metrics),
            split=split,
            examples=examples,
            references=references,
            heard=heard,
            plugins=installed(context),
        )
    shown = [json.dumps(_with_flips(comparison, flips), ensure_ascii=False)] if as_json else _lines(comparison, flips)
    for line in shown:
        click.echo(line)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Shows how many resamples are done, if somebody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415  # rich takes a while to import
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("resample", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _with_flips(comparison: "Comparison", count: int) -> dict[str, object]:
    """Returns the comparison for JSON, with some flips of each kind if there are to be any."""
    tables = comparison.to_json()
    for table, model in zip(tables["models"], comparison.models, strict=True):
        if count and model.flips is not None:
            flips = {"right_to_wrong": model.flips.worse, "wrong_to_right": model.flips.better}
            table["flips"] = {name: [_flip(flip) for flip in kind[:count]] for name, kind in flips.items()}
    return tables


def _flip(flip: "Flip") -> dict[str, object]:
    return {
        "source": flip.source,
        "references": list(flip.references),
        "before": flip.before,
        "after": flip.after,
    }


def _lines(comparison: "Comparison", flips: int) -> Iterator[str]:
    """Yields the comparison for people."""
    from s2s_core.evaluation.bootstrap import METHOD  # noqa: PLC0415  # help needs none of it

    names = list(comparison.metrics)
    first, *others = comparison.models
    rows: list[Cells] = [["", *(name.replace("_", " ") for name in names)], _scores(comparison, first)]
    for other in others:
        rows += [_scores(comparison, other), *_differences(comparison, other)]
    yield from _aligned(rows)
    yield ""
    yield f"{comparison.examples:,} answers; {comparison.resamples:,} resamples, {METHOD}"
    for other in others:
        yield from _flips(other, flips)


def _scores(comparison: "Comparison", model: "Compared") -> Cells:
    return [model.name, *(metric.display(model.scores[name]) for name, metric in comparison.metrics.items())]


def _differences(comparison: "Comparison", model: "Compared") -> Iterator[Cells]:
    from s2s_core.evaluation.bootstrap import shown_p_value, signed  # noqa: PLC0415  # help needs none of it

    shown = [(metric.display, model.differences[name]) for name, metric in comparison.metrics.items()]
    yield ["  difference", *(signed(display, one.score) for display, one in shown)]
    yield ["  95 % interval, from", *(signed(display, one.low) for display, one in shown)]
    yield ["  to", *(signed(display, one.high) for display, one in shown)]
    yield ["  p-value", *(shown_p_value(one.p_value, comparison.resamples) for _, one in shown)]


def _aligned(rows: Sequence[Cells]) -> Iterator[str]:
    """Yields rows as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for head, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "   ".join((head.ljust(widths[0]), *right))


def _flips(model: "Compared", count: int) -> Iterator[str]:
    if model.flips is None:
        return
    kinds = {"right → wrong": model.flips.worse, "wrong → right": model.flips.better}
    yield f"{model.name}: " + ", ".join(f"{len(flips):,} {kind}" for kind, flips in kinds.items())
    for kind, flips in kinds.items():
        for flip in flips[:count]:
            source, reference, before, after = map(repr, (flip.source, flip.references[0], flip.before, flip.after))
            yield f"  {kind}   {source}: {before} → {after}; {reference} is right"
