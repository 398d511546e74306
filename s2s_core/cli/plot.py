"""``s2s plot``: draw what runs learnt and how well they answer."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE, RUN
from s2s_core.data.lines import read_file

_FOLDERS = click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=RUN)
_METRIC = click.option("--metric", help="What to draw.  [default: the first that the first run has]")


def _figure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds where a figure goes."""
    options = [
        click.option("-o", "--output", type=FILE, help="A .png, .svg or .pdf.  [default: NAME OF THE FIGURE.png]"),
        click.option("--json", "as_json", is_flag=True, help="Print the figure's numbers as JSON instead."),
    ]
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


@click.group()
def plot() -> None:
    """Draws figures of runs. It needs the extra plot: pip install "s2s-toolkit[plot]".

    \b
    s2s plot length runs/a runs/b -o length.svg
    s2s plot learning runs/a runs/b
    s2s plot states runs/a --texts sentences.txt
    s2s plot attention runs/a "a source"
    """


@plot.command(short_help="Draw the score by the length of the source.")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_METRIC
@_figure_options
@click.pass_context
def length(
    context: click.Context, paths: tuple[Path, ...], metric: str | None, output: Path | None, *, as_json: bool
) -> None:
    """Draws the test score by the length of the source, a curve for each RUN.

    RUN is the folder of a run that is evaluated, or a file that s2s evaluate --json wrote.

    \b
    s2s plot length runs/lstm runs/attention -o length.svg
    s2s evaluate model.onnx --data pairs.tsv --json > pairs.json; s2s plot length pairs.json
    """
    from s2s_core.pipeline.plot import plot_length  # noqa: PLC0415  # help needs none of it

    path = _place(output, "length.png", as_json=as_json)
    _finish(plot_length(paths, path, metric=metric, plugins=installed(context)), path)


@plot.command(short_help="Draw how often answers are right by how sure the file is.")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_figure_options
def reliability(paths: tuple[Path, ...], output: Path | None, *, as_json: bool) -> None:
    """Draws the share of right test answers by the confidence of the file, a curve for each RUN.

    RUN is the folder of a run with export.confidence = true, or a file that s2s evaluate --json wrote for its file.

    \b
    s2s plot reliability runs/sure -o reliability.svg
    """
    from s2s_core.pipeline.plot import plot_reliability  # noqa: PLC0415  # help needs none of it

    path = _place(output, "reliability.png", as_json=as_json)
    _finish(plot_reliability(paths, path), path)


@plot.command(short_help="Draw loss and score over the updates.")
@_FOLDERS
@_METRIC
@_figure_options
@click.pass_context
def learning(
    context: click.Context, folders: tuple[Path, ...], metric: str | None, output: Path | None, *, as_json: bool
) -> None:
    """Draws the training loss and a validation score over the updates, a curve for each RUN.

    \b
    s2s plot learning runs/lstm runs/attention
    """
    from s2s_core.pipeline.plot import plot_learning  # noqa: PLC0415  # help needs none of it

    path = _place(output, "learning.png", as_json=as_json)
    _finish(plot_learning(folders, path, metric=metric, plugins=installed(context)), path)


@plot.command(short_help="Draw what the encoder makes of sources.")
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--texts", metavar="FILE", help="Lines to draw; - is standard input.  [default: test sources]")
@click.option("--count", type=click.IntRange(2), default=12, show_default=True, help="The most test sources to draw.")
@_figure_options
@click.pass_context
def states(
    context: click.Context, folder: Path, texts: str | None, count: int, output: Path | None, *, as_json: bool
) -> None:
    """Draws the encoder's summaries of sources, projected onto their two principal components.

    \b
    s2s plot states runs/lstm --texts sentences.txt
    """
    from s2s_core.pipeline.plot import plot_states  # noqa: PLC0415  # help needs none of it

    path = _place(output, "states.png", as_json=as_json)
    lines = list(read_file(texts)) if texts else None
    _finish(plot_states(folder, lines, path, count=count, plugins=installed(context)), path)


@plot.command(short_help="Draw what the decoder looked at.")
@click.argument("folder", metavar="RUN", type=RUN)
@click.argument("text")
@_figure_options
@click.pass_context
def attention(context: click.Context, folder: Path, text: str, output: Path | None, *, as_json: bool) -> None:
    """Draws which tokens of TEXT the decoder looked at while it wrote each token of its answer.

    \b
    s2s plot attention runs/attention "hello"
    """
    from s2s_core.pipeline.plot import plot_attention  # noqa: PLC0415  # help needs none of it

    path = _place(output, "attention.png", as_json=as_json)
    _finish(plot_attention(folder, text, path, plugins=installed(context)), path)


def _place(output: Path | None, default: str, *, as_json: bool) -> Path | None:
    """Returns where a figure goes; nowhere if its numbers are printed instead."""
    return None if as_json else output or Path(default)


def _finish(numbers: Any, path: Path | None) -> None:
    """Prints a figure's numbers, or where the figure is."""
    if path is None:
        click.echo(json.dumps(_plain(numbers), ensure_ascii=False))
    else:
        click.echo(f"{'figure':<9}{path}")


def _plain(numbers: Any) -> Any:
    if isinstance(numbers, Sequence):
        return [attrs.asdict(one) for one in numbers]
    return {
        name: value.tolist() if hasattr(value, "tolist") else value for name, value in attrs.asdict(numbers).items()
    }
