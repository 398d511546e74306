"""The project of a new plugin: its files, and writing either all of them or none."""

import datetime as dt
import importlib.metadata
import importlib.resources
import importlib.util
import json
import os
import string
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import attrs

from s2s_core.errors import PluginError
from s2s_core.files import require_writable
from s2s_core.plugins.registry import Kind, Plugins
from s2s_core.plugins.scaffold.names import Names
from s2s_core.version import API_VERSION, __version__

Licence = Literal["apache-2.0", "mit", "bsd-3-clause", "none"]

LICENCES: tuple[Licence, ...] = get_args(Licence)

_IDENTIFIERS = {"apache-2.0": "Apache-2.0", "mit": "MIT", "bsd-3-clause": "BSD-3-Clause"}
"""The SPDX identifiers of the licences, for ``pyproject.toml``."""

_COMMANDS: Mapping[Kind, str] = {
    "task": "s2s run --task $name --encoder gru --decoder attention-gru",
    "tokenizer": (
        "s2s run --task reverse --set task.alphabet=abcdefgh --set source.tokenizer=$name "
        "--encoder gru --decoder attention-gru"
    ),
    "encoder": "s2s run --task sort --encoder $name --decoder gru",
    "decoder": "s2s run --task reverse --encoder gru --decoder $name",
    "metric": """s2s run --task reverse --set evaluation.metrics='["exact_match", "$name"]'""",
}
"""The command that tries a component of each kind."""


@attrs.frozen
class Project:
    """The project of a plugin with one component, as ``s2s plugins new`` writes it.

    Args:
        name: The component's name, which users type.
        kind: The component's kind.
        licence: The licence of the project.
        author: The holder of the copyright; empty for "the authors of s2s-NAME".

    Raises:
        PluginError: The name or the author is invalid.
    """

    names: Names = attrs.field(alias="name", converter=Names)
    kind: Kind
    licence: Licence = "apache-2.0"
    author: str = attrs.field(default="")

    @author.validator
    def _require_one_line(self, _: object, value: str) -> None:
        if not value.isprintable():
            raise PluginError(f"the author must be one line of printable characters (got {value!r}): use --author")

    def require_new(self, plugins: Plugins) -> None:
        """Checks that the plugin's names are not in use by anything that is installed.

        Raises:
            PluginError: A component, a distribution or a package has one of the names already.
        """
        claim = next((claim for claim in plugins.claims(self.kind) if claim.name == self.names.component), None)
        if claim is not None:
            raise PluginError(
                f"there is {_article(self.kind)} {self.kind} {claim.name!r} already, of {claim.plugin.origin}: "
                "choose another name, or uninstall that one"
            )
        for what, name, exists in (
            ("distribution", self.names.distribution, _is_distribution(self.names.distribution)),
            ("package", self.names.package, importlib.util.find_spec(self.names.package) is not None),
        ):
            if exists:
                raise PluginError(f"a {what} {name} is installed already: choose another name, or uninstall it")

    def files(self) -> dict[str, str]:
        """Returns the content of each file, by its path within the project."""
        package, kind = self.names.package, self.kind
        templates = {
            ".github/workflows/test.yml": "common/test.yml",
            ".gitignore": "common/gitignore",
            "README.md": "common/README.md",
            "pyproject.toml": "common/pyproject.toml",
            f"{package}/__init__.py": "common/__init__.py",
            f"{package}/{kind}.py": f"{kind}/component.py",
            f"{package}/py.typed": "common/py.typed",
            f"tests/test_{kind}.py": f"{kind}/test.py",
        }
        if self.licence != "none":
            templates["LICENSE"] = f"licences/{self.licence}"
        words = self._words()
        return {path: _filled(template, words) for path, template in sorted(templates.items())}

    @property
    def command(self) -> str:
        """The command that tries the component, once it is installed."""
        return _COMMANDS[self.kind].replace("$name", self.names.component)

    def write(self, folder: Path) -> list[str]:
        """Writes the whole project or nothing, and returns the paths of its files.

        The project is written to a temporary folder in the same place, which is then renamed.

        Args:
            folder: The new project's folder, which must not exist yet.

        Raises:
            PluginError: The folder exists.
            OSError: The project can't be written; the error names ``folder``.
        """
        if os.path.lexists(folder):
            raise PluginError(f"{folder} exists already: give another folder with --output")
        require_writable(folder)
        files = self.files()
        try:
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
                whole = Path(beside, "project")
                for path, content in files.items():
                    file = whole / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(content, encoding="utf-8", newline="\n")
                whole.rename(folder)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from error
        return list(files)

    def _words(self) -> dict[str, str]:
        """Returns the value of each placeholder of the templates."""
        names = self.names
        words = {
            "kind": self.kind,
            "name": names.component,
            "distribution": names.distribution,
            "package": names.package,
            "identifier": names.identifier,
            "config": f"{names.capitalized}{self.kind.capitalize()}Config",
            "component": f"{names.capitalized}{self.kind.capitalize()}",
            "api_version": str(API_VERSION),
            "toolkit": "s2s-toolkit",
            "version": ".".join(__version__.split(".")[:2]),
            "year": str(dt.datetime.now(dt.UTC).year),
            "command": self.command,
            "holder": self.author or f"the authors of {names.distribution}",
            "metadata": self._metadata(),
            "licence": self._licence(),
        }
        return {**words, "usage": _filled(f"{self.kind}/usage.md", words).strip()}

    def _metadata(self) -> str:
        """Returns the lines of ``pyproject.toml`` for licence and author."""
        lines = []
        if self.licence != "none":
            lines += [f'license = "{_IDENTIFIERS[self.licence]}"', 'license-files = ["LICENSE"]']
        if self.author:
            lines.append(f"authors = [{{ name = {json.dumps(self.author, ensure_ascii=False)} }}]")
        return "".join(line + "\n" for line in lines)

    def _licence(self) -> str:
        """Returns the text about the licence in ``README.md``."""
        if self.licence == "none":
            return "None yet. Until you choose one, nobody else may use or change this."
        return f"[{_IDENTIFIERS[self.licence]}](LICENSE)"


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Returns the text of a template with its placeholders replaced."""
    text = importlib.resources.files(__package__).joinpath("templates", *f"{template}.txt".split("/"))
    return string.Template(text.read_text(encoding="utf-8")).substitute(words)


def _is_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _article(kind: Kind) -> str:
    return "an" if kind == "encoder" else "a"
