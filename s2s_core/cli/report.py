"""``s2s report``: one page on what runs learnt, how well they answer and where they fail."""

from pathlib import Path

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE, RUN


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=RUN)
@click.option("-o", "--output", type=FILE, help="The file.  [default: report.html in the run's folder]")
@click.pass_context
def report(context: click.Context, folders: tuple[Path, ...], output: Path | None) -> None:
    """Writes a report of a run as one HTML file, which loads nothing from elsewhere.

    It has the learning curves, test scores by the length of the source, the worst errors with the decoder's attention,
    confusions of symbols, sizes, the proof of the export, and all settings. Of several runs, or a folder of several
    seeds, it compares scores as s2s compare does. The test set is answered once more.

    \b
    s2s report runs/mine
    s2s report runs/lstm runs/gru -o comparison.html
    s2s report runs/five
    """
    if len(folders) > 1 and output is None:
        raise click.UsageError("several runs need --output, such as -o report.html")
    from s2s_core.pipeline.printing import line  # noqa: PLC0415  # help needs none of it
    from s2s_core.pipeline.report import report as write  # noqa: PLC0415

    written = write(folders, output, plugins=installed(context), heard=lambda what: line("report", what, err=True))
    line("report", str(written.path))
    for problem in written.problems:
        line("", problem)
