"""Writes those parts of the documentation that follow from the code; with ``--check`` it only tells which are stale.

A page says what it wants between two comments::

    <!-- generated: settings encoder lstm -->
    <!-- end -->
"""

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from s2s_core.cli.lazy import LazyCommand
from s2s_core.cli.main import cli
from s2s_core.cli.plugins.show import TABLES, setting_table
from s2s_core.config.decoding import ASKED_BY, DecodingConfig, Input, inputs_of
from s2s_core.config.fields import type_name
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import Promise, promises

DOCS = Path(__file__).parent
ROOT = DOCS.parent
WIDTH = 100
KINDS = {"int64": "int64", "float32": "float"}
ANSWER = "whose log-probability `answer_scores` tells: one text for all, or one for each; empty by default"
PREFIX = "what answers begin with: one text for all, or one for each; empty by default"

PART = re.compile(
    r"(?P<begin>^<!-- generated: (?P<what>\w+)(?: (?P<which>[^\n]+))? -->\n).*?(?P<end>^<!-- end -->$)",
    re.MULTILINE | re.DOTALL,
)


def our_plugins() -> Plugins:
    """Returns what this repository has, whatever else is installed."""
    names = [path.name for folder in ("plugins", "tasks") for path in (ROOT / folder).iterdir() if path.is_dir()]
    return Plugins(environment={"S2S_PLUGINS": ",".join(("s2s_core", *names))})


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ("| " + " | ".join(row) + " |" for row in (heads, *cells))
    return "\n".join([next(lines), "|" + "---|" * len(heads), *lines]) + "\n"


def markdown(docstring: str) -> str:
    """Returns a docstring's paragraphs as Markdown has them."""
    return inspect.cleandoc(docstring).replace("``", "`")


def settings(which: str) -> str:
    """Returns the settings of a table of a run, or of components: ``"encoder lstm, gru: hidden_size, layers"``."""
    described, _, chosen = which.partition(": ")
    wanted = chosen.split(", ") if chosen else None
    rows: dict[str, list[str]] = {}
    for path, config in configs(described):
        for field in attrs.fields(config):
            if "help" in field.metadata and (wanted is None or field.name in wanted):
                rows.setdefault(f"{path}.{field.name}", row(path, field))
    return table(["setting", "type", "default", "allowed", "meaning"], list(rows.values()))


def inputs(which: str, config: type = DecodingConfig) -> str:
    """Returns the inputs that every file has, or ``"optional"`` ones, which a file has if its export asked for them."""
    declared = {name: one for name, one in inputs_of(config).items() if (one.feature is None) == (which == "always")}
    rows = [
        [f"`{name}`", KINDS[one.kind], "[]", asked(name, one), one.field.metadata["help"]]
        for name, one in declared.items()
    ]
    if which == "optional":
        rows += [
            [f"`{name}`", "string", "[1] or [N]", f"`{ASKED_BY[name]}`", meaning]
            for name, meaning in (("prefix", PREFIX), ("answer", ANSWER))
        ]
    return table(["name", "type", "shape", "asked for by" if which == "optional" else "default", "meaning"], rows)


def asked(name: str, declared: Input) -> str:
    """Returns the setting that gives an input's default, or with which an export asks for it."""
    return f"`{ASKED_BY[declared.feature]}`" if declared.feature else f"`decoding.{name}`"


def configs(described: str) -> Iterator[tuple[str, type]]:
    """Returns what declares settings, and the table of a run that holds them."""
    if described in TABLES:
        yield described, TABLES[described]
        return
    kind, _, names = described.partition(" ")
    plugins = our_plugins()
    for name in names.split(", "):
        yield setting_table(kind, name), plugins.component(kind, name).Config


def row(path: str, field: "attrs.Attribute") -> list[str]:
    """Returns the line of a setting."""
    default = json.dumps(field.default, ensure_ascii=False)
    allowed = field.metadata["bounds"].replace("'", "`").removeprefix("one of ")
    return [f"`{path}.{field.name}`", type_name(field), f"`{default}`", allowed, field.metadata["help"]]


def commands(_: str) -> str:
    """Returns what ``--help`` prints, for ``s2s`` and each of its commands."""
    return "\n".join(f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in helps(cli, "s2s", None))


def helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Returns the help of a command and of those below it."""
    if isinstance(command, LazyCommand):
        command = command.load()
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name=name.rsplit(maxsplit=1)[-1], parent=parent, **settings)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from helps(command.commands[below], f"{name} {below}", context)


def kept(kind: str) -> str:
    """Returns what every component of a kind promises."""
    return "\n".join(f"### {kind} {promise.name}\n\n{explained(promise)}\n" for promise in promises(kind))


def explained(promise: Promise) -> str:
    """Returns a promise, and what else there is to know about it."""
    return "\n\n".join(markdown(text) for text in (promise.statement, promise.details) if text)


def modules(_: str) -> str:
    """Returns every module of the core, below its package, with the first line of its docstring."""
    package = ROOT / "s2s_core"
    rows = [(place(path.relative_to(package)), summary(path)) for path in package.rglob("*.py")]
    return table(["module", "is"], [[f"`{name}`", text] for name, text in sorted(rows)])


def place(path: Path) -> str:
    """Returns what a module is called: ``text/tokenizer``, and ``text/`` for a package."""
    if path.stem != "__init__":
        return path.with_suffix("").as_posix()
    return "s2s_core" if path.parent == Path() else f"{path.parent.as_posix()}/"


def summary(path: Path) -> str:
    """Returns the first line of a module's docstring."""
    return markdown(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))).partition("\n")[0]


def api(names: str) -> str:
    """Returns what each name is, and for the site all about it."""
    module, _, wanted = names.partition(": ")
    objects = {name: getattr(importlib.import_module(module), name) for name in wanted.split(", ")}
    directives = "\n".join(directive(f"{module}.{name}", value) for name, value in objects.items())
    return f"```{{eval-rst}}\n{directives}```\n"


def directive(path: str, value: object) -> str:
    """Returns the directive that documents a value."""
    if not inspect.isclass(value):
        return f".. autofunction:: {path}\n"
    if issubclass(value, tuple):
        return f".. autoclass:: {path}\n"  # its docstring has its fields
    bases = "" if value.__base__ is object else "   :show-inheritance:\n"
    return f".. autoclass:: {path}\n   :members:\n{bases}"


GENERATORS = {
    "settings": settings,
    "commands": commands,
    "promises": kept,
    "modules": modules,
    "inputs": inputs,
    "api": api,
}


def generated(text: str) -> str:
    """Returns a page with its generated parts as they should be."""
    return PART.sub(lambda part: part["begin"] + GENERATORS[part["what"]](part["which"] or "") + part["end"], text)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing, and fail if a page is stale.")
def main(*, check: bool) -> None:
    """Writes the generated parts of the pages."""
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        new = generated(text)
        if new != text:
            stale.append(path.name)
            if not check:
                path.write_text(new, encoding="utf-8")
    verb = "are stale; run docs/generate.py" if check else "were written"
    print(f"{', '.join(stale)} {verb}" if stale else "nothing is stale")
    sys.exit(bool(stale) and check)


if __name__ == "__main__":
    main()
