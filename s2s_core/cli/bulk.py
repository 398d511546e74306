"""What ``s2s predict`` does with files of many rows: its options, their checks, and the bar on the terminal."""

import functools
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import attrs
import click

from s2s_core.cli.options import FILE, Command
from s2s_core.errors import DataError, one_line
from s2s_core.files import require_writable

if TYPE_CHECKING:
    from rich.progress import Progress

    from s2s_core.bulk.rows import Rows

PARQUET, JSON_LINES, LINES = "a Parquet file", "a file of JSON lines", "a file of lines"

_KINDS = {".parquet": PARQUET, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
"""What a file is, by the end of its name; all others are lines."""

_MOST_WORKERS = 1024

_SAME_ANSWERS = ("model", "file", "output", "workers", "threads", "resume", "overwrite")
"""The parameters of ``s2s predict`` that may change from an interrupted job to its rest."""

Read = Callable[[], Iterator[list[str]]]
Ask = Callable[[list[str]], list[str]]


@attrs.frozen
class BulkOptions:
    """What the options say.

    Attributes:
        output: The file to write; None stands for standard output.
        column: The column of sources.
        answer_column: The column of answers.
        workers: How many batches are answered at the same time.
        resume: Whether an interrupted job goes on.
        overwrite: Whether a file may be replaced.
    """

    output: Path | None
    column: str | None
    answer_column: str | None
    workers: int | None
    resume: bool
    overwrite: bool

    def require_sense(self, file: str, *, lines_only: Mapping[str, object]) -> None:
        """Checks what the options ask for, before a model is loaded.

        Args:
            file: The file to answer.
            lines_only: The options that say how lines are read or written, with their values.

        Raises:
            UsageError: They don't fit each other or the file.
            DataError: The file can't be read, or the output can't be written or is there already.
            OSError: The output can't be written.
        """
        if self.resume and self.overwrite:
            raise click.UsageError("--resume and --overwrite exclude each other")
        if self.output is None:
            self._require_none(file)
            return
        self._require_kinds(file, self.output)
        if self.column is not None:
            for option in (option for option, value in lines_only.items() if value):
                raise click.UsageError(f"{option} is for lines; with --column, each row gets one answer")
        self._require_place(file, self.output)

    def workers_beside(self, threads: int) -> int:
        """Returns how many batches are answered at the same time, if each takes so many threads."""
        if self.output is None:
            return 1
        from s2s_core.pipeline.side_by_side import usable_cores  # noqa: PLC0415  # lines alone need none of it

        return self.workers or max(usable_cores() // max(threads, 1), 1)

    def _require_none(self, file: str) -> None:
        """Checks that no option is given that needs an output."""
        for field in attrs.fields(BulkOptions):
            if getattr(self, field.name) not in (None, False):
                raise click.UsageError(f"--{field.name.replace('_', '-')} needs --output")
        if _kind(Path(file)) is PARQUET:
            raise click.UsageError(f"{file} is a Parquet file, which needs --column and --output")

    def _require_kinds(self, file: str, output: Path) -> None:
        """Checks that both files are of one kind, and that a column is named where there are some."""
        if file == "-":
            raise click.UsageError("--output needs a file to answer; the lines of standard input are answered with >")
        if not output.name:
            raise click.UsageError("--output names no file")
        kind = _kind(Path(file))
        if _kind(output) is not kind:
            raise click.UsageError(f"{file} is {kind}, and so must be --output, by its name (got {str(output)!r})")
        if kind is LINES:
            for name, value in (("--column", self.column), ("--answer-column", self.answer_column)):
                if value is not None:
                    raise click.UsageError(f"{name} needs a file whose name ends with {' or '.join(_KINDS)}")
        elif self.column is None:
            raise click.UsageError(f"{file} is {kind}: name its column of sources by --column")

    def _require_place(self, file: str, output: Path) -> None:
        """Checks that there is a file to answer, and that nothing is in the output's place but what may be replaced."""
        from s2s_core.bulk.journal import journal_path  # noqa: PLC0415

        source, journal = Path(file), journal_path(output)
        try:
            source.stat()
        except OSError as error:
            raise DataError(f"can't read {file}: {error.strerror}") from error
        if not source.is_file():
            raise DataError(f"can't read {file}: it is no regular file")
        require_writable(output)
        if output.exists() and not output.is_file():
            raise DataError(f"can't write {output}: it is no regular file")
        if output.exists() and output.samefile(source):
            raise DataError(f"{output} is the file to answer: name another one for --output")
        if journal.exists() and not (self.resume or self.overwrite):
            raise DataError(f"{journal} is of an interrupted job: go on with --resume, or start again with --overwrite")
        if output.exists() and not (self.overwrite or (self.resume and journal.exists())):
            raise DataError(f"{output} exists: --overwrite replaces it")


def bulk_options(command: Command) -> Command:
    """Adds the options, which the command gets as one argument, ``bulk``."""

    @functools.wraps(command)
    def with_bulk(*arguments: Any, **values: Any) -> Any:
        own = {field.name: values.pop(field.name) for field in attrs.fields(BulkOptions)}
        return command(*arguments, bulk=BulkOptions(**own), **values)

    options = [
        click.option("-o", "--output", type=FILE, help="Write to this file, in a job that can be resumed."),
        click.option("--column", help="The column of sources in a .parquet, .jsonl or .ndjson file."),
        click.option("--answer-column", help="The column that the answers become.  [default: answer]"),
        click.option(
            "--workers",
            type=click.IntRange(1, _MOST_WORKERS),
            help="Batches answered at the same time, with --output.  [default: one per core]",
        ),
        click.option("--resume", is_flag=True, help="Resume an interrupted job, if there is one."),
        click.option("--overwrite", is_flag=True, help="Replace the output, or an interrupted job."),
    ]
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), with_bulk)


def answer_file(
    bulk: BulkOptions, file: str, exported: Path, read: Read, ask: Ask, *, workers: int, batch_size: int, longest: int
) -> None:
    """Answers the rows of a file, and writes them to another.

    Args:
        bulk: The options, which make sense.
        file: The file to answer.
        exported: The model's file.
        read: Yields the sources of a file of lines in batches.
        ask: Returns the answers to a batch.
        workers: How many batches are answered at the same time.
        batch_size: The number of rows in a batch.
        longest: The most characters of a source; 0 sets no limit.

    Raises:
        S2SError: What ``Job.run`` raises.
    """
    from s2s_core.bulk.job import Job  # noqa: PLC0415  # help needs none of it
    from s2s_core.bulk.workers import Workers  # noqa: PLC0415

    assert bulk.output is not None  # noqa: S101  # for the type checker
    with _Bar() as bar:
        Job(
            rows=_rows(bulk, file, read),
            source=Path(file),
            output=bulk.output,
            workers=Workers(ask, workers, longest),
            batch_size=batch_size,
            settings={"model": hashlib.blake2b(exported.read_bytes()).hexdigest(), **_settings()},
            course=bar,
        ).run(resume=bulk.resume)


def _kind(path: Path) -> str:
    return _KINDS.get(path.suffix.lower(), LINES)


def _rows(bulk: BulkOptions, file: str, read: Read) -> "Rows":
    """Returns the rows of the file."""
    from s2s_core.bulk.json_lines import JSONLines  # noqa: PLC0415
    from s2s_core.bulk.lines import Lines  # noqa: PLC0415
    from s2s_core.bulk.parquet import ParquetRows  # noqa: PLC0415

    if bulk.column is None:
        return Lines(read)
    rows = ParquetRows if _kind(Path(file)) is PARQUET else JSONLines
    return rows(file, bulk.column, bulk.answer_column or "answer")


def _settings() -> dict[str, str]:
    """Returns every option of the command that decides the answers."""
    given = click.get_current_context().params
    return {f"--{name.replace('_', '-')}": str(given[name]) for name in sorted(given) if name not in _SAME_ANSWERS}


class _Bar:
    """Shows the course of a job on standard error: a bar if it is a terminal, and in any case what gets no answer."""

    def __init__(self) -> None:
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def began(self, done: int, rows: int) -> None:
        """Shows the bar."""
        if not sys.stderr.isatty():
            return
        from rich import progress  # noqa: PLC0415  # takes a moment
        from rich.console import Console  # noqa: PLC0415

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("predict  ", total=rows, completed=done)
        self._bar.start()

    def advanced(self, done: int) -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def unanswered(self, number: int, characters: int, reason: str) -> None:
        """Names the row."""
        message = f"warning: row {number:,} has {characters:,} characters and no answer: {reason}"
        click.echo(one_line(message), err=True)
