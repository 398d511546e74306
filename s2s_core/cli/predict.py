"""``s2s predict``: answer lines with an exported file."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s2s_core.cli.bulk import BulkOptions, answer_file, bulk_options
from s2s_core.cli.columns import Columns
from s2s_core.cli.options import exported_file
from s2s_core.cli.rescue import Rescue
from s2s_core.cli.search_options import FEATURE, search_options
from s2s_core.config.decoding import MOST_BEAMS
from s2s_core.config.fields import LARGEST, MOST_ROWS
from s2s_core.data.features import join_features
from s2s_core.data.lines import file_name, read_batches
from s2s_core.text.tags import DEFAULT_SEPARATOR

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel

MOST_THREADS = 1024

_COLUMN = re.compile("[0-9]{1,9}")


class FeatureColumns(click.ParamType[tuple[int, ...], Any]):
    """The numbers of columns that hold features, such as ``2`` or ``2,4``."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Returns the numbers."""
        if isinstance(value, tuple):
            return value
        numbers = [number.strip() for number in value.split(",")]
        if not all(_COLUMN.fullmatch(number) and int(number) > 1 for number in numbers):
            self.fail(f"give the numbers of columns from 2 on, such as 2 or 2,4 (got {value!r})", param, ctx)
        return tuple(map(int, numbers))


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", default="-")
@search_options()
@click.option(
    "--n-best",
    type=click.IntRange(1, MOST_BEAMS),
    help="Print this many answers to each line, tab-separated. Uses at least as many beams; the file may have more.",
)
@click.option(
    "--features", type=FeatureColumns(), help="The columns of features, such as 2 or 2,4; column 1 is the source."
)
@click.option("--feature-separator", help=f"What separates features in a column.  [default: {DEFAULT_SEPARATOR}]")
@click.option(
    "--max-source-length",
    type=click.IntRange(0, LARGEST),
    default=0,
    help="Answer no source of more characters, tags included; 0 leaves it to the memory, of which 80 % of what is free "
    "may be used.",
)
@click.option("--scores", is_flag=True, help="Print each answer's score after it, tab-separated.")
@click.option(
    "--confidence", is_flag=True, help=f"Print how probable it is that the best answer is right, last. {FEATURE}"
)
@click.option("--origin", is_flag=True, help=f"Print whether it is the model's or the lexicon's, last. {FEATURE}")
@click.option("--provider", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option(
    "--threads",
    type=click.IntRange(0, MOST_THREADS),
    default=0,
    help="Threads; 0 is one for a file of at most 10 MB, else one per core.",
)
@click.option(
    "--batch-size", type=click.IntRange(1, MOST_ROWS), default=64, show_default=True, help="Lines answered at once."
)
@bulk_options
def predict(
    model: Path,
    file: str,
    n_best: int | None,
    features: tuple[int, ...] | None,
    feature_separator: str | None,
    provider: str,
    threads: int,
    batch_size: int,
    max_source_length: int,
    bulk: BulkOptions,
    *,
    scores: bool,
    confidence: bool,
    origin: bool,
    **search: Any,
) -> None:
    """Reads the lines of FILE, or of standard input, and writes one line for each, as they come.

    A line is one source; a tab is part of it. With --features a line has columns, separated by one tab each: the
    source, and its features, which are written before it as tags, such as <PST>.

    MODEL is an exported file, the folder of a run that has one, or hf:USER/NAME@REVISION on the Hugging Face Hub.
    PyTorch and ONNX aren't needed, only ONNX Runtime. Settings default to those of the export. Options marked * work
    only if the export asked for them.

    A line that is too long, or needs more memory than there is, gets an empty line. It is named on standard error, and
    the exit code is 1.

    With --output the answers go to a file, and all cores are used. After Ctrl-C or a crash, the same command with
    --resume goes on. A .parquet, .jsonl or .ndjson file has columns, of which --column is the source; all are kept, and
    the answers become one more.

    \b
    echo hello | s2s predict model.onnx
    s2s predict model.onnx words.txt --beam-size 5 --n-best 3 --scores > answers.tsv
    printf 'walk\\tV;PST\\n' | s2s predict model.onnx --features 2
    s2s predict model.onnx words.parquet --column word -o answers.parquet
    """
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime
    from s2s_core.runtime.memory import affordable_memory  # noqa: PLC0415
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    separator = _separator(features, feature_separator)
    bulk.require_sense(
        file,
        lines_only={
            "--n-best": n_best,
            "--scores": scores,
            "--confidence": confidence,
            "--origin": origin,
            "--features": features,
        },
    )
    exported = exported_file(model)
    require_tried(exported)
    workers = bulk.workers_beside(threads)
    loaded = ExportedModel(
        exported, provider=provider, threads=threads or int(workers > 1), memory=affordable_memory() or 0
    )
    search["beam_size"] = _beams(loaded, search["beam_size"], n_best)
    columns = Columns(n_best or 1, scores=scores, confidence=confidence, origin=origin)
    columns.require(loaded)

    def ask(batch: list[str]) -> list[str]:
        return [*columns.lines(loaded, batch, search)]

    if bulk.output is not None:
        answer_file(
            bulk,
            file,
            exported,
            lambda: _sources(file, batch_size, features, separator),
            ask if bulk.column is None else lambda batch: loaded(batch, **search),
            workers=workers,
            batch_size=batch_size,
            longest=max_source_length,
        )
        return
    batches = _sources(file, batch_size, features, separator)
    if not (features or loaded.knows("\t")):
        batches = _warned_of_tabs(batches)
    answered = Rescue(ask, max_source_length)
    for batch in batches:
        for line in answered(batch):
            sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
    answered.require_all_answered()


def _sources(file: str, batch_size: int, features: tuple[int, ...] | None, separator: str) -> Iterator[list[str]]:
    """Yields the sources of lines in batches."""
    batches = read_batches(file, batch_size)
    return join_features(batches, file_name(file), features, separator) if features else batches


def _beams(model: "ExportedModel", beam_size: int | None, n_best: int | None) -> int | None:
    """Returns the beams to search with, enough for the answers that are asked for; nothing leaves it to the file."""
    if n_best is None:
        return beam_size
    if beam_size is None:
        return max(n_best, model.beam_size)
    if beam_size < n_best:
        raise click.UsageError(f"--n-best must be at most --beam-size, {beam_size} (got {n_best})")
    return beam_size


def _separator(features: tuple[int, ...] | None, separator: str | None) -> str:
    """Returns the separator of the features in a column."""
    if separator is None:
        return DEFAULT_SEPARATOR
    if features is None:
        raise click.UsageError("--feature-separator needs --features")
    if not separator:
        raise click.UsageError("--feature-separator must be at least one character")
    return separator


def _warned_of_tabs(batches: Iterable[list[str]]) -> Iterator[list[str]]:
    """Passes lines on, and warns about the first that has a tab."""
    count, warned = 0, False
    for batch in batches:
        for number, line in enumerate(batch, count + 1):
            if "\t" in line and not warned:
                click.echo(f"warning: line {number} has a tab; a line is one source", err=True)
                warned = True
        count += len(batch)
        yield batch
