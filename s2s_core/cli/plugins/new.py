"""``s2s plugins new``: a new plugin's project."""

import shlex
import subprocess
from pathlib import Path

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import FOLDER
from s2s_core.plugins.registry import KINDS, Kind
from s2s_core.plugins.scaffold import LICENCES, Licence, Project

FIRST_STEPS = """\
next:
  cd {folder}
  python -m venv .venv
  . .venv/bin/activate
  pip install -e ".[test]"
  pytest
  {run}"""


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What NAME is.")
@click.option("--output", type=FOLDER, help="The project's folder, which mustn't exist.  [default: s2s-NAME]")
@click.option("--licence", type=click.Choice(LICENCES), default="apache-2.0", show_default=True)
@click.option("--author", help="Who holds the copyright.  [default: the user.name of git]")
@click.pass_context
def new(
    context: click.Context, name: str, kind: Kind, output: Path | None, licence: Licence, author: str | None
) -> None:
    """Writes a project with a component that users will call NAME: working code, its tests, and what publishing needs.

    \b
    s2s plugins new phone-book --kind task
    s2s plugins new minimal-gated --kind encoder --output cells --licence mit --author "Ada Lovelace"
    """
    project = Project(name, kind, licence, _git_user() if author is None else author)
    project.require_new(installed(context))
    folder = output or Path(project.names.distribution)
    files = project.write(folder)
    click.echo(f"{project.names.distribution}, with the {kind} {name}:")
    for file in files:
        click.echo(f"  {click.format_filename(folder / file)}")
    click.echo(FIRST_STEPS.format(folder=shlex.quote(click.format_filename(folder)), run=project.command))


def _git_user() -> str:
    """Returns the name that git writes into commits; an empty text if it has none, or there is no git."""
    try:
        asked = subprocess.run(
            ["git", "config", "user.name"],  # noqa: S607  # whichever git the user has
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
    except (OSError, UnicodeError):
        return ""
    return asked.stdout.strip()
