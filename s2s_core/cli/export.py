"""``s2s export``: write a trained model as one ONNX file."""

from pathlib import Path

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE, FOLDER, RUN
from s2s_core.config.overrides import nested, parse_assignment
from s2s_core.config.tables import QUANTIZATIONS


@click.command()
@click.argument("folders", type=RUN, nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, help="The file.  [default: model.onnx in the run's folder]")
@click.option("--lexicon", type=FILE, help="Sources and exact answers, tab-separated, which come before the model's.")
@click.option(
    "--quantize",
    type=click.Choice(QUANTIZATIONS),
    help="Store the weights in fewer bits, and measure what that loses.",
)
@click.option(
    "--triton",
    type=FOLDER,
    help="A model repository of Triton, which gets a copy of the file, and a configuration, under the file's name "
    "or, without --output, under that of the run's folder.",
)
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of decoding or export.")
@click.pass_context
def export(
    context: click.Context,
    folders: tuple[Path, ...],
    output: Path | None,
    lexicon: Path | None,
    quantize: str | None,
    triton: Path | None,
    assignments: tuple[str, ...],
) -> None:
    """Exports the best model of the run in a folder, and compares the file with it before it is written.

    Several runs become one file that answers with the mean of their models' probabilities. They must have the same
    task and vocabularies, such as runs that differ in their seed.

    \b
    s2s export runs/reverse-mlp-rnn-mlp-rnn
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o beam5.onnx --set decoding.beam_size=5
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o known.onnx --lexicon words.tsv
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o small.onnx --quantize int8
    s2s export runs/seed-0 runs/seed-1 runs/seed-2 -o together.onnx
    s2s export runs/dates --triton models
    """
    if len(folders) > 1 and output is None:
        raise click.UsageError("several runs need --output, such as -o together.onnx")
    from s2s_core.pipeline.export import export as export_runs  # noqa: PLC0415  # help needs none of it

    settings = list(map(parse_assignment, assignments))
    given = {"export.lexicon": lexicon and str(lexicon), "export.quantize": quantize}
    settings += [nested(name, value) for name, value in given.items() if value]
    export_runs(folders, output, settings, triton=triton, plugins=installed(context))
