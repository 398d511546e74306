"""Does what a page of the documentation shows: writes its files, runs its scripts and commands, in a folder of its own.

Every fenced block has an info string, which says what becomes of it:

- ``text`` is not run, nor are directives of the site such as ``{toctree}``.
- A block whose first line is a comment that is a file's name is written to that file.
- ``python`` is run as a script.
- ``console`` is commands after ``$`` and what each prints; where nothing is shown, it may print anything. A line ``…``
  stands for any lines, ``…`` in a line for any text, a number for any number, spaces for any spaces.
- ``toml`` and ``json`` are only read, and so are valid.

A comment before a block changes that:

- ``<!-- run: shortened -->``: runs get a few updates and tiny sizes, and what a model answers isn't compared.
  ``<!-- run: shortened, without export -->``: and ``s2s run`` ends before it exports.
- ``<!-- run: never, because REASON -->``: it isn't run.
- ``<!-- given: NAME, NAME -->``: from here on there are these files or folders, which the caller makes.
"""

import importlib.metadata
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
from warm import CLIENT

FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>\S*)$")
NAME = re.compile(r"^(?:#|//|<!--) (?P<name>[\w.-]+(?:/[\w.-]+)*\.\w+)(?: -->)?$")
MARK = re.compile(r"^<!-- (?P<key>run|given): (?P<value>.+) -->$")
REASON = "never, because "
MODES = ("shortened", "shortened, without export")

FAILURE = re.compile(r"error|fail|broken|refused|no such|not found", re.IGNORECASE)
"""What a command prints that is shown to end with another exit code than 0."""

UNREACHABLE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT")
"""How npm says that it can't reach its registry."""

MINUTES = 10


class UnreachableError(Exception):
    """A command needs a network that isn't there."""


@attrs.frozen
class Block:
    """A fenced block of a page.

    Attributes:
        line: The number of its first line in the page.
        info: Its info string.
        body: Its lines, each with its end.
        name: The file that it is, or empty.
        mode: How it is run: ``""``, one of ``MODES`` or ``"never"``.
        given: What must be there before it.
    """

    line: int
    info: str
    body: str
    name: str
    mode: str
    given: tuple[str, ...]


@attrs.frozen
class Shown:
    """A command of a console block, and the lines that are shown below it."""

    line: int
    command: str
    output: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """Returns a page's blocks in their order.

    Raises:
        ValueError: A block has no info string, or a mark isn't one that this module knows.
    """
    lines = iter(enumerate(text.splitlines(), 1))
    mode, given = "", ()
    for number, line in lines:
        mark, fence = MARK.match(line), FENCE.match(line)
        if mark and mark["key"] == "run":
            mode = _mode(mark["value"], number)
        elif mark:
            given += tuple(mark["value"].split(", "))
        elif fence:
            inner = list(_until(lines, fence["fence"]))
            if not fence["info"]:
                raise ValueError(f"line {number}: a block needs an info string, such as console, python or text")
            name = NAME.match(inner[0]) if inner and fence["info"] != "text" else None
            body = "".join(line + "\n" for line in inner)
            yield Block(number, fence["info"], body, name["name"] if name else "", mode, given)
            mode, given = "", ()
        elif mode and line.strip():
            raise ValueError(f"line {number}: <!-- run: … --> stands on the line before a block")


def _mode(value: str, line: int) -> str:
    if value.startswith(REASON) and len(value) > len(REASON):
        return "never"
    if value not in MODES:
        raise ValueError(f"line {line}: a block is run {', '.join(MODES)} or '{REASON}…' (got {value!r})")
    return value


def _until(lines: Iterator[tuple[int, str]], fence: str) -> Iterator[str]:
    for _, line in lines:
        if line == fence:
            return
        yield line
    raise ValueError(f"a block that {fence} begins has no end")


def commands(block: Block) -> list[Shown]:
    """Returns the commands of a console block, each with what it is shown to print."""
    found: list[Shown] = []
    continued = False
    for number, line in enumerate(block.body.splitlines(), block.line + 1):
        if continued:
            last = found[-1]
            found[-1] = attrs.evolve(last, command=f"{last.command}\n{line}")
        elif line.startswith("$ "):
            found.append(Shown(number, line.removeprefix("$ "), ()))
        elif not found:
            raise ValueError(f"line {number}: a console block begins with a command after '$ '")
        else:
            found[-1] = attrs.evolve(found[-1], output=(*found[-1].output, line))
        continued = (continued or line.startswith("$ ")) and line.endswith("\\")
    return [attrs.evolve(one, output=_without_blank_end(one.output)) for one in found]


def _without_blank_end(lines: tuple[str, ...]) -> tuple[str, ...]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def differs(shown: Shown, printed: str, *, shortened: bool) -> str:
    """Returns how a command's output differs from what is shown of it; nothing where it doesn't."""
    if not shown.output:
        return ""
    answers = shortened and _answers(shown.command)
    pattern = "".join(_pattern(line, shortened=shortened, answers=answers) for line in shown.output)
    found = "".join(_plain(line, shortened=shortened) + "\n" for line in printed.rstrip().splitlines())
    if re.fullmatch(pattern, found):
        return ""
    return "shown:\n" + _indented(shown.output) + "printed:\n" + _indented(printed.splitlines())


def _answers(command: str) -> bool:
    """Returns whether a command prints what a model answers, which a few updates don't teach."""
    return "s2s predict" in command or not re.search(r"\bs2s ", command)


def _pattern(line: str, *, shortened: bool, answers: bool) -> str:
    if line.strip() == "…":
        return r"(?:.*\n)*?"
    if answers:
        return r".*\n"
    return ".*".join(re.escape(part) for part in _plain(line, shortened=shortened).split("…")) + r"\n"


def _plain(line: str, *, shortened: bool) -> str:
    """Returns a line without what differs from one time to the next."""
    line = re.sub(r" +", " ", line.rstrip())
    line = re.sub(r"\d+:\d\d(:\d\d)?", "# s", line)
    line = re.sub(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", "#", line)
    if shortened:
        line = re.sub(r"'[^']*'(?!\w)|\"[^\"]*\"", "'…'", line)
        line = line.replace(" (best)", "").replace(", # of them equally good others", "")
    return line


def _indented(lines: tuple[str, ...] | list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


class Environment:
    """A virtual environment on top of the one that runs this, into which a page may install.

    Args:
        folder: Where to make it.
        address: Of the process that is ``s2s``.
    """

    def __init__(self, folder: Path, address: str) -> None:
        venv.create(folder, symlinks=True)
        self._bin = folder / "bin"
        self._home = folder / "home"
        self._home.mkdir()
        (packages,) = folder.glob("lib/python*/site-packages")
        base = [path for path in site.getsitepackages() if Path(path).is_dir()]
        shutil.copy(Path(__file__).with_name("shortened.py"), packages / "s2s_shortened.py")
        lines = [f"import site; site.addsitedir({path!r})" for path in base]
        (packages / "base.pth").write_text("\n".join([*lines, "import s2s_shortened"]) + "\n", encoding="utf-8")
        python = self._bin / "python"
        for script in importlib.metadata.entry_points(group="console_scripts"):
            name = script.attr.partition(".")[0]
            call = f"import sys\nfrom {script.module} import {name}\nsys.exit({script.attr}())\n"
            self._add_program(script.name, f"#!{python}\n{call}")
        self._add_program("s2s", CLIENT.format(python=python, address=address, packages=str(packages)))

    def _add_program(self, name: str, text: str) -> None:
        path = self._bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, script: str, folder: Path, mode: str) -> str:
        """Runs a script of bash in a folder and returns all that it prints.

        Raises:
            UnreachableError: npm can't reach its registry.
        """
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", script],
            check=False,
            cwd=folder,
            env=self._variables(mode),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=MINUTES * 60,
        )
        if re.search("npm|--web", script) and UNREACHABLE.search(done.stdout):
            raise UnreachableError("npm can't reach its registry")
        return done.stdout

    def _variables(self, mode: str) -> dict[str, str]:
        home = Path.home()
        own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # a page runs pytest too
        return {
            **own,
            "PATH": f"{self._bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self._bin.parent),
            "HOME": str(self._home),
            "NPM_CONFIG_CACHE": os.environ.get("NPM_CONFIG_CACHE", str(home / ".npm")),
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            "OMP_NUM_THREADS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # so pip spells it: what builds a package is installed already
            "PIP_NO_INDEX": "1",
            "PYTHONUNBUFFERED": "1",
            "S2S_SHORTENED": mode,
        }


@attrs.frozen
class Reader:
    """Does what a page says.

    Attributes:
        folder: Where.
        environment: With which programs.
        give: Makes a file or folder that the page takes for granted; takes its name and where it must be.
    """

    folder: Path
    environment: Environment
    give: Callable[[str, Path], None]

    def read(self, text: str) -> list[str]:
        """Runs every block of a page, and returns what went wrong."""
        problems: list[str] = []
        try:
            for block in list(blocks(text)):
                problems += self._do(block)
        except ValueError as error:
            problems.append(str(error))
        return problems

    def _do(self, block: Block) -> Iterator[str]:
        for name in block.given:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self.give(name, path)
        if block.name:
            self._write(block)
        elif block.mode == "never" or block.info == "text" or block.info.startswith("{"):
            return
        elif block.info == "console":
            yield from self._console(block)
        elif block.info == "python":
            yield from self._python(block)
        elif block.info in _READERS:
            yield from self._valid(block)
        else:
            yield (
                f"line {block.line}: a block of {block.info} needs the name of its file, "
                "as a comment in its first line; what only shows something is text"
            )

    def _write(self, block: Block) -> None:
        path = self.folder / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")

    def _valid(self, block: Block) -> Iterator[str]:
        try:
            _READERS[block.info](block.body)
        except ValueError as error:
            yield f"line {block.line}: this is no {block.info}: {error}"

    def _python(self, block: Block) -> Iterator[str]:
        script = self.folder / f"line_{block.line}.py"
        script.write_text(block.body, encoding="utf-8")
        printed = self.environment.run(f"python {script.name} || echo exit code $?", self.folder, block.mode)
        script.unlink()
        if re.search(r"^exit code \d+$", printed, re.MULTILINE):
            yield f"line {block.line}: the script fails\n{_indented(printed.splitlines())}"

    def _console(self, block: Block) -> Iterator[str]:
        shown = commands(block)
        script = "".join(f"{one.command}\nprintf '\\036%d\\036' $?\n" for one in shown)
        *parts, rest = self.environment.run(script, self.folder, block.mode).split("\036")
        printed, codes = parts[::2], parts[1::2]
        if len(codes) < len(shown):
            yield f"line {shown[len(codes)].line}: the commands end here\n{_indented(rest.splitlines())}"
        for one, output, code in zip(shown, printed, codes, strict=False):
            head = f"line {one.line}: {one.command}\n"
            difference = differs(one, output, shortened=block.mode in MODES)
            if difference:
                yield head + difference
            elif code != "0" and not any(map(FAILURE.search, one.output)):
                yield f"{head}exit code {code}\n{_indented(output.splitlines())}"


_READERS: dict[str, Callable[[str], object]] = {"toml": tomllib.loads, "json": json.loads}
