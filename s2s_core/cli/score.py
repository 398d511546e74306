"""``s2s score``: how likely a model finds given answers."""

import math
from pathlib import Path

import click

from s2s_core.cli.options import FOLDER, installed
from s2s_core.cli.predict import open_lines
from s2s_core.config import MOST_ROWS
from s2s_core.errors import DataError
from s2s_core.lines import read_lines
from s2s_core.pipeline import scorer
from s2s_core.run import Run
from s2s_core.task import Example

MOST_NATS = 700.0
"""What a token's loss is cut at, so that the perplexity is a number."""


@click.command(short_help="Tell how likely a run's model finds given answers.")
@click.argument("folder", type=FOLDER)
@click.argument("file", default="-")
@click.option(
    "--batch-size", type=click.IntRange(1, MOST_ROWS), default=64, show_default=True, help="Lines scored at once."
)
@click.pass_context
def score(context: click.Context, folder: Path, file: str, batch_size: int) -> None:
    """Reads lines of a source, a tab and an answer from FILE, or from standard input.

    For each it writes the log-probability of the answer, a tab, and the log-probability of a token on average. The
    perplexity of all lines together goes to standard error. FOLDER is a run's; an exported file can't do it.

    \b
    s2s score runs/reverse-mlp-rnn-mlp-rnn pairs.tsv > scores.tsv
    """
    name = "standard input" if file == "-" else file
    score_pairs = scorer(Run.open(folder, installed(context)))
    total, tokens, lines = 0.0, 0, 0
    with open_lines(file) as stream:
        for batch in read_lines(stream, name, batch_size):
            for log_probability, count in score_pairs(
                [_pair(line, name, lines + n) for n, line in enumerate(batch, 1)]
            ):
                click.echo(f"{log_probability:.4f}\t{log_probability / count:.4f}")
                total, tokens = total + log_probability, tokens + count
            lines += len(batch)
    if not tokens:
        raise DataError(f"{name} is empty: each line takes a source, a tab and an answer")
    perplexity = math.exp(min(-total / tokens, MOST_NATS))
    click.echo(f"perplexity {perplexity:.4f}, of {tokens:,} tokens in {lines:,} lines", err=True)


def _pair(line: str, name: str, number: int) -> Example:
    columns = line.split("\t")
    if len(columns) != 2:
        raise DataError(f"{name}, line {number} must be a source, a tab and an answer (got {line[:80]!r})")
    return Example(*columns)
