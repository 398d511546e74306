"""``s2s serve``: answer requests over HTTP with exported files."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

import click

from s2s_core.cli.options import exported_file
from s2s_core.cli.predict import MOST_THREADS
from s2s_core.cli.search_options import FiniteNumber
from s2s_core.config.fields import LARGEST, MOST_ROWS
from s2s_core.errors import ConfigError, one_line
from s2s_core.serving.limits import Limits

_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<path>.+)", re.DOTALL)

_DEFAULTS = Limits()

COUNT = click.IntRange(1, LARGEST)


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--threads",
    type=click.IntRange(0, MOST_THREADS),
    default=0,
    help="Threads of a model; 0 is one for a file of at most 10 MB, else one per core.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, MOST_ROWS),
    default=_DEFAULTS.batch_size,
    show_default=True,
    help="Texts that a model answers at once, of whichever requests.",
)
@click.option(
    "--max-wait",
    type=FiniteNumber(0, 10_000),
    default=1000 * _DEFAULTS.wait,
    show_default=True,
    help="Milliseconds that a text waits for others while the model is idle. While it is busy, they gather anyway.",
)
@click.option(
    "--max-queue",
    type=COUNT,
    default=_DEFAULTS.queue,
    show_default=True,
    help="Texts that a model has to answer at a time; more are told to try again.",
)
@click.option("--max-texts", type=COUNT, default=_DEFAULTS.texts, show_default=True, help="Texts of a request.")
@click.option(
    "--max-source-length", type=COUNT, default=_DEFAULTS.characters, show_default=True, help="Characters of a text."
)
@click.option("--max-body", type=COUNT, default=_DEFAULTS.body, show_default=True, help="Bytes of a request.")
@click.option(
    "--timeout",
    type=FiniteNumber(0, 86_400, min_open=True),
    default=_DEFAULTS.timeout,
    show_default=True,
    help="Seconds until a request is answered or given up.",
)
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    threads: int,
    batch_size: int,
    max_wait: float,
    max_queue: int,
    max_texts: int,
    max_source_length: int,
    max_body: int,
    timeout: float,
) -> None:
    """Answers requests over HTTP with exported files, until Ctrl-C or SIGTERM. SIGHUP opens the files again.

    MODELS are exported files, or folders of runs that have one. The name of each is that of its file without
    ".onnx", or of the folder; NAME=PATH gives another. PyTorch and ONNX aren't needed.

    It speaks the Open Inference Protocol (V2) over REST, takes {"texts": [...]} at /answer, has a page to try a model
    at / and metrics for Prometheus at /metrics.

    \b
    s2s serve model.onnx
    s2s serve g2p.onnx dates=runs/dates/model.onnx --port 8080 --max-wait 2
    curl localhost:8000/answer -d '{"texts": ["hello"]}'
    """
    if max_texts > max_queue:
        raise click.UsageError(f"--max-texts must be at most --max-queue, {max_queue} (got {max_texts})")
    from s2s_core.serving.server import serve as serve_models  # noqa: PLC0415  # help needs none of it

    limits = Limits(batch_size, max_wait / 1000, max_queue, max_texts, max_source_length, max_body, timeout)
    serve_models(_named(models), host=host, port=port, threads=threads, limits=limits, say=_say)


def _named(models: Sequence[str]) -> dict[str, Path]:
    """Returns the file of each model, by its name.

    Raises:
        ConfigError: Two have one name, or one has none.
    """
    files: dict[str, Path] = {}
    for model in models:
        given = _NAMED.fullmatch(model)
        path = Path(given["path"] if given else model)
        name = given["name"] if given else _name(path)
        if name in files:
            raise ConfigError(f"two models are called {name!r}: give one another name, such as other={path}")
        files[name] = exported_file(path)
    return files


def _name(path: Path) -> str:
    name = path.resolve().name if path.is_dir() else path.name.removesuffix(".onnx")
    if not re.fullmatch(r"[\w.-]+", name):
        raise ConfigError(
            f"{name!r} can't be a model's name, of letters, digits, '_', '-' and '.': give one, such as model={path}"
        )
    return name


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be closed, but the server goes on
        click.echo(one_line(line), err=True)
