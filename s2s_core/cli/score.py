"""``s2s score``: how likely a model finds given answers."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import RUN
from s2s_core.config.fields import MOST_ROWS
from s2s_core.data.examples import read_example_batches

if TYPE_CHECKING:
    from s2s_core.evaluation.metric import Likelihood


@click.command()
@click.argument("paths", metavar="RUN... [FILE]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--batch-size", type=click.IntRange(1, MOST_ROWS), default=64, show_default=True, help="Lines scored at once."
)
@click.pass_context
def score(context: click.Context, paths: tuple[Path, ...], batch_size: int) -> None:
    """Reads lines of a source, a tab and an answer from FILE, or from standard input.

    For each it writes the log-probability of the answer, a tab, and the log-probability of a token on average. The
    perplexity of all lines together goes to standard error. RUN is the folder of a run, or a file that was exported
    with export.scorer = true, which needs no PyTorch. Several runs score together, with the mean of their models'
    probabilities.

    \b
    s2s score runs/reverse-mlp-rnn-mlp-rnn pairs.tsv > scores.tsv
    s2s score model.onnx pairs.tsv
    s2s score runs/seed-0 runs/seed-1 runs/seed-2 pairs.tsv
    """
    from s2s_core.evaluation.metrics.perplexity import Perplexity  # noqa: PLC0415  # help needs none of it
    from s2s_core.pipeline.score import scorer  # noqa: PLC0415
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    models, file = _separate(context, paths)
    for model in models:
        require_tried(model)
    score_pairs = scorer(models, plugins=installed(context))
    likelihoods: list[Likelihood] = []
    for batch in read_example_batches(file, batch_size):
        for likelihood in score_pairs(batch):
            total = likelihood.log_probability
            click.echo(f"{total:.4f}\t{total / likelihood.tokens:.4f}")
            likelihoods.append(likelihood)
    possible = [likelihood for likelihood in likelihoods if math.isfinite(likelihood.log_probability)]
    if len(possible) < len(likelihoods):
        click.echo(f"{len(likelihoods) - len(possible):,} of {len(likelihoods):,} answers are impossible", err=True)
    tokens = sum(likelihood.tokens for likelihood in possible)
    perplexity = f"{Perplexity().score(possible):.4f}" if possible else "unknown"
    click.echo(f"perplexity {perplexity}, of {tokens:,} tokens in {len(possible):,} lines", err=True)


def _separate(context: click.Context, paths: tuple[Path, ...]) -> tuple[list[Path], str]:
    """Returns the models and the file of pairs, which is the last path unless that is a folder."""
    first, *others = paths
    file = str(others.pop()) if others and not others[-1].is_dir() else "-"
    if first.is_file():
        return [first, *others], file
    return [RUN.convert(path, None, context) for path in (first, *others)], file
