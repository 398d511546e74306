"""``s2s run``: train, evaluate, export and prove the export."""

from typing import Any

import click

from s2s_core.cli.options import Seeds, run_arguments, run_options


@click.command(epilog="Settings: s2s plugins show NAME. Shell completion: see the documentation.")
@run_options
@click.option("--seeds", type=Seeds(), metavar="SEEDS", help="Train a run for each, such as 0-4 or 0,3,7.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="With --seeds: runs at the same time.  [default: cores // threads of a run; 1 on a GPU]",
)
@click.pass_context
def run(context: click.Context, /, seeds: list[int] | None, jobs: int | None, **options: Any) -> None:
    """Trains a model, evaluates it, exports it as one ONNX file, and proves that the file answers as the model does.

    RECIPE is a TOML file that describes a run, such as the run.toml of an earlier one. Options come before what it
    says, and --set before the other options.

    \b
    s2s run --task reverse --encoder mlp-rnn
    s2s run --task sort --set encoder.hidden_size=128 --set training.steps=1000
    s2s run runs/reverse-mlp-rnn-mlp-rnn/run.toml --seed 1 --output runs/seed-1
    s2s run --resume --output runs/seed-1

    With --seeds it trains a run for each seed, side by side, each with one thread, or as many as OMP_NUM_THREADS says.
    It tells mean and standard deviation of their test scores, and exports one file that answers with the mean of their
    probabilities.

    \b
    s2s run --task reverse --seeds 0-4 --output runs/five
    s2s run --seeds 0-4 --resume --output runs/five
    """
    if seeds is not None:
        _run_seeds(context, seeds, jobs, **options)
        return
    if jobs is not None:
        raise click.UsageError("--jobs needs --seeds, such as --seeds 0-4")
    from s2s_core.pipeline.run import run as run_all  # noqa: PLC0415  # help needs none of it

    run_all(**run_arguments(context, **options))


def _run_seeds(context: click.Context, seeds: list[int], jobs: int | None, **options: Any) -> None:
    if options["seed"] is not None:
        raise click.UsageError("--seed and --seeds exclude each other")
    from s2s_core.pipeline.seeds import run_seeds  # noqa: PLC0415  # help needs none of it

    run_seeds(**run_arguments(context, **options), seeds=seeds, jobs=jobs)
