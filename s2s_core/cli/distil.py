"""``s2s distil``: train a small model on the answers of others."""

from pathlib import Path

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE, FOLDER, RUN
from s2s_core.config.overrides import parse_assignment
from s2s_core.data.lines import read_file


@click.command()
@click.argument("folders", metavar="RUN...", type=RUN, nargs=-1, required=True)
@click.option("--output", type=FOLDER, required=True, help="The small model's folder.")
@click.option("--recipe", type=FILE, help="A TOML file that describes the small model's run.")
@click.option("--unlabelled", metavar="FILE", help="More texts to answer, one a line; - is standard input.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Any setting; may be repeated.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted distillation.")
@click.option("--overwrite", is_flag=True, help="Start again, even if the folder already holds a run.")
@click.pass_context
def distil(
    context: click.Context,
    folders: tuple[Path, ...],
    output: Path,
    recipe: Path | None,
    unlabelled: str | None,
    assignments: tuple[str, ...],
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    """Lets runs answer the training sources together, and trains a small model on their answers (Kim and Rush 2016).

    The small model has the settings of the first RUN, unless --recipe or --set say otherwise. It is scored on the runs'
    test set, and exported and proved. Its folder is a run's, and holds the answers in train.jsonl.

    \b
    s2s distil runs/seed-0 runs/seed-1 --output runs/small --set encoder.hidden_size=64 --set decoder.hidden_size=64
    s2s distil runs/big --output runs/small --recipe small.toml --unlabelled words.txt
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other")
    from s2s_core.pipeline.distil import distil as distil_runs  # noqa: PLC0415  # help needs none of it

    distil_runs(
        folders,
        list(map(parse_assignment, assignments)),
        output=output,
        recipe=recipe,
        unlabelled=read_file(unlabelled) if unlabelled else (),
        resume=resume,
        overwrite=overwrite,
        plugins=installed(context),
    )
