"""``s2s patch``: change the exact answers of an exported file."""

from pathlib import Path

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FILE


@click.command()
@click.argument("model", type=FILE)
@click.argument("fixes", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="The new file; it may be the old one.")
@click.pass_context
def patch(context: click.Context, model: Path, fixes: Path, output: Path) -> None:
    """Adds, changes and removes exact answers of an exported file, which come before the model's.

    Each line of FIXES has a source, a tab and its answer. Several lines of a source are its answers, best first, and
    replace those that it has. A source without a tab is removed. Nothing is trained, and PyTorch isn't needed.

    \b
    s2s patch model.onnx fixes.tsv -o fixed.onnx
    """
    from s2s_core.pipeline.patch import patch as patch_file  # noqa: PLC0415  # help needs none of it
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    require_tried(model)
    made = patch_file(model, fixes, output, plugins=installed(context))
    entries = "1 entry" if made.entries == 1 else f"{made.entries:,} entries"
    click.echo(
        f"{made.path}: {made.added:,} added, {made.changed:,} changed, {made.removed:,} removed; "
        f"{entries}, and the model's other answers as before"
    )
