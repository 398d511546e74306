"""``s2s train``: train a model and keep the best."""

from typing import Any

import click

from s2s_core.cli import report
from s2s_core.cli.options import installed, open_run, run_options
from s2s_core.run import Run, is_first_process


@click.command(short_help="Train a model and keep the best.")
@run_options
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Trains a model and keeps the one that does best in validation; takes what s2s run takes.

    Ctrl-C ends it between two updates, with its state on disk; --resume goes on to the same result.

    \b
    s2s train --task reverse --encoder mlp-rnn --output runs/mine
    s2s train --resume --output runs/mine
    """
    train_run(open_run(installed(context), **options), resume=options["resume"], overwrite=options["overwrite"])


def train_run(run: Run, *, resume: bool, overwrite: bool) -> None:
    """Trains a run and prints how it goes. Its folder is not touched before the data and the model are made."""
    from s2s_core.training.trainer import Trainer  # noqa: PLC0415  # PyTorch takes a second to import

    run.open_initial()
    splits = run.splits()
    report.data(run, splits)
    progress = report.progress(run)
    trainer = Trainer(run, splits, progress)
    report.model(run, trainer.checkpoint)
    report.inherited(trainer.inheritance)
    if is_first_process() and not resume:
        run.create(overwrite=overwrite)
    state = trainer.train(resume=resume)
    report.trained(run, state)
