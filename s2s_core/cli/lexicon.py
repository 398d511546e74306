"""``s2s lexicon``: list the exact answers of an exported file."""

import sys
from pathlib import Path

import click

from s2s_core.cli.options import FILE


@click.command()
@click.argument("model", type=FILE)
def lexicon(model: Path) -> None:
    """Lists the exact answers of an exported file, which come before the model's, as s2s patch reads them.

    Sources are listed as the model normalises them.

    \b
    s2s lexicon model.onnx > words.tsv
    """
    from s2s_core.data.lexicon import lines  # noqa: PLC0415  # help needs none of it
    from s2s_core.pipeline.patch import lexicon as lexicon_of  # noqa: PLC0415
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    require_tried(model)
    for line in lines(lexicon_of(model)):
        sys.stdout.buffer.write(line.encode() + b"\n")
