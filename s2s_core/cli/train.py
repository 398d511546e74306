"""``s2s train``: train a model and keep the best."""

from typing import Any

import click

from s2s_core.cli import report
from s2s_core.cli.options import installed, open_run, run_options
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run, is_first_process
from s2s_core.runs.trackers import require_trackers
from s2s_core.training.interruption import before_training, postponed


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
    train_run(installed(context), **options)


def train_run(plugins: Plugins, *, resume: bool, overwrite: bool, **options: Any) -> Run:
    """Trains the run that the options describe, prints how it goes, and returns it.

    Its folder is not touched before the data and the model are made.
    """
    with postponed():
        run = open_run(plugins, resume=resume, overwrite=overwrite, **options)
        from s2s_core.training.trainer import Trainer  # noqa: PLC0415  # PyTorch takes a second to import
    with before_training():
        run.open_initial()
        require_trackers(run)
        splits = run.splits
        report.data(run, splits)
        trainer = Trainer(run, splits, report.progress(run), resume=resume)
        report.model(run, trainer.checkpoint)
        report.inherited(trainer.inheritance)
    if is_first_process() and not resume:
        run.create(overwrite=overwrite)
    report.trained(run, trainer.train())
    return run
