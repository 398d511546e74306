"""``s2s train``: train a model and keep the best."""

from typing import Any

import click

from s2s_core.cli.options import run_arguments, run_options


@click.command()
@run_options
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Trains a model and keeps the one that does best in validation; takes what s2s run takes.

    Ctrl-C ends it between two updates, with its state on disk; --resume goes on to the same result.

    \b
    s2s train --task reverse --encoder mlp-rnn --output runs/mine
    s2s train --resume --output runs/mine
    """
    from s2s_core.pipeline.train import train as train_run  # noqa: PLC0415  # help needs none of it

    train_run(**run_arguments(context, **options))
