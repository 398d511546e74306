"""``s2s run``: train, evaluate, export and prove the export."""

from typing import Any

import click

from s2s_core.cli.options import run_arguments, run_options


@click.command(
    short_help="Train, evaluate, export and prove the export.",
    epilog="Settings: s2s plugins show NAME. Shell completion: see the documentation.",
)
@run_options
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Trains a model, evaluates it, exports it as one ONNX file, and proves that the file answers as the model does.

    RECIPE is a TOML file that describes a run, such as the run.toml of an earlier one. Options come before what it
    says, and --set before the other options.

    \b
    s2s run --task reverse --encoder mlp-rnn
    s2s run --task sort --set encoder.hidden_size=128 --set training.steps=1000
    s2s run runs/reverse-mlp-rnn-mlp-rnn/run.toml --seed 1 --output runs/seed-1
    s2s run --resume --output runs/seed-1
    """
    from s2s_core.pipeline.run import run as run_all  # noqa: PLC0415  # help needs none of it

    run_all(**run_arguments(context, **options))
