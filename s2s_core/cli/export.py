"""``s2s export``: write a trained model as one ONNX file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE, FOLDER, RUN
from s2s_core.config.overrides import nested, parse_assignment
from s2s_core.config.tables import QUANTIZATIONS

if TYPE_CHECKING:
    from s2s_core.pipeline.web_page import WebPage


@click.command()
@click.argument("folders", type=click.Path(path_type=Path), nargs=-1, required=True)
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
@click.option(
    "--web",
    type=FOLDER,
    help="A folder that becomes a web page, which answers with a copy of the file in the browser.",
)
@click.option(
    "--onnxruntime-web",
    type=click.Path(exists=True, path_type=Path),
    help="For --web, the npm package onnxruntime-web: its tarball or folder.  [default: npm fetches it]",
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
    web: Path | None,
    onnxruntime_web: Path | None,
    assignments: tuple[str, ...],
) -> None:
    """Exports the best model of the run in a folder, and compares the file with it before it is written.

    Several runs become one file that answers with the mean of their models' probabilities. They must have the same
    task and vocabularies, such as runs that differ in their seed. With --web alone, a file that is exported already
    can stand for the run.

    \b
    s2s export runs/reverse-mlp-rnn-mlp-rnn
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o beam5.onnx --set decoding.beam_size=5
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o known.onnx --lexicon words.tsv
    s2s export runs/reverse-mlp-rnn-mlp-rnn -o small.onnx --quantize int8
    s2s export runs/seed-0 runs/seed-1 runs/seed-2 -o together.onnx
    s2s export runs/dates --triton models
    s2s export runs/dates/model.onnx --web site
    """
    if onnxruntime_web and web is None:
        raise click.UsageError("--onnxruntime-web is for --web")
    from s2s_core.pipeline.printing import line  # noqa: PLC0415  # help needs none of it

    if web and not onnxruntime_web:
        line("web", "npm fetches onnxruntime-web, unless it has it")
    if web and (file := next((folder for folder in folders if folder.is_file()), None)):
        if output or lexicon or quantize or triton or assignments or len(folders) > 1:
            raise click.UsageError(f"{file} is exported already, and takes --web alone; give the folder of a run")
        line("web", _page_of(file, web, onnxruntime_web).in_words())
        return
    for folder in folders:
        RUN(folder, ctx=context)
    if len(folders) > 1 and output is None:
        raise click.UsageError("several runs need --output, such as -o together.onnx")
    from s2s_core.pipeline.export import export as export_runs  # noqa: PLC0415

    settings = list(map(parse_assignment, assignments))
    given = {"export.lexicon": lexicon and str(lexicon), "export.quantize": quantize}
    settings += [nested(name, value) for name, value in given.items() if value]
    export_runs(
        folders,
        output,
        settings,
        triton=triton,
        web=web,
        onnxruntime_web=onnxruntime_web,
        plugins=installed(context),
    )


def _page_of(file: Path, folder: Path, onnxruntime_web: Path | None) -> "WebPage":
    """Makes a page of a file that is exported already, after its trial."""
    from s2s_core.pipeline.web_page import web_page  # noqa: PLC0415  # help needs none of it
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    require_tried(file)
    return web_page(file, folder, onnxruntime_web)
