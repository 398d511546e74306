"""``s2s export``: write a trained model as one ONNX file."""

from pathlib import Path

import click

from s2s_core.cli import report
from s2s_core.cli.options import FILE, FOLDER, installed
from s2s_core.resolve import parse_assignment
from s2s_core.run import Run


@click.command(short_help="Write a trained model as one ONNX file.")
@click.argument("folder", type=FOLDER)
@click.option("-o", "--output", type=FILE, help="The file.  [default: model.onnx in the run's folder]")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of decoding or export.")
@click.pass_context
def export(context: click.Context, folder: Path, output: Path | None, assignments: tuple[str, ...]) -> None:
    """Exports the best model of the run in FOLDER, and compares the file with it before it is written.

    \b
    s2s export runs/reverse-mlp-rnn-mlp-rnn
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o beam5.onnx --set decoding.beam_size=5
    """
    report.exported(Run.open(folder, installed(context)), output, list(map(parse_assignment, assignments)))
