"""Starting ``s2s`` is quick, because it imports only what it needs, and every command's help shows how to use it."""

import json
import os
import subprocess
import sys

import click
import pytest

from s2s_core.cli.lazy import LazyCommand
from s2s_core.cli.main import cli

HEAVY = {
    "torch", "onnx", "onnxscript", "accelerate", "onnxruntime", "numpy", "safetensors", "rich", "matplotlib",
    "sacrebleu", "tokenizers", "starlette", "uvicorn",
}  # fmt: skip

SETTINGS = {"attr", "cattrs", "tomllib"}
"""What settings are declared, checked and read with."""

IMPORTED = """
import json, sys
sys.argv = ["s2s", *sys.argv[1:]]
from s2s_core.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(*arguments):
    """Returns the modules that a command imports."""
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED, *map(str, arguments)], capture_output=True, check=False, text=True
    )
    return set(json.loads(ended.stderr.splitlines()[-1]))


def commands(command, path=()):
    """Yields the command and all below it, each with its path."""
    if isinstance(command, LazyCommand):
        command = command.load()
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("run", "--help"),
        ("predict", "--help"),
        ("serve", "--help"),
        ("plot", "length", "--help"),
        ("plugins", "list"),
        ("plugins", "list", "--json"),
        ("plugins", "show", "reverse"),
        ("plugins", "new", "reverse", "--kind", "task"),
        ("run", "--task", "nonsense"),
    ],
)
def test_what_needs_no_model_imports_no_heavy_package(arguments):
    """Help, lists and a misspelt task import neither PyTorch nor ONNX, nor what takes a tenth of a second."""
    assert imported(*arguments) & HEAVY == set()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("--help",), []),
        (("--version",), []),
        (("predcit",), []),
        (("plugins", "--help"), ["s2s_core.cli.plugins"]),
        (("plugins", "list"), ["s2s_core.cli.plugins", "s2s_core.cli.plugins.list"]),
    ],
)
def test_only_the_command_that_is_called_is_imported(arguments, command):
    """Help and the list of components import no other command, and nothing that only settings need."""
    modules = {one.callback.__module__ for path, one in COMMANDS.items() if path}
    assert sorted(imported(*arguments) & (modules | SETTINGS)) == command


def test_answering_imports_no_training_package(exported_run, tmp_path):
    """``s2s predict`` and ``s2s evaluate FILE`` need ONNX Runtime and numpy alone."""
    words = tmp_path / "words.txt"
    words.write_text("abc\n")
    assert imported("predict", exported_run.onnx_path, words) & HEAVY == {"numpy", "onnxruntime"}
    assert imported("evaluate", exported_run.onnx_path) & HEAVY == {"numpy", "onnxruntime"}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(here, path):
    """Each command's help shows a line that can be typed, on a line of its own."""
    ended = here(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    begin = " ".join(("s2s", *path))
    assert [line for line in ended.out.splitlines() if line.startswith("  ") and f"{begin} " in f"{line} "]
    assert "\\b" not in ended.out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_summary(path):
    """A group's help has a line about each of its commands, under the command's own name."""
    for name, inner in getattr(COMMANDS[path], "commands", {}).items():
        assert inner.get_short_help_str()
        assert COMMANDS[*path, name].name == name


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pl", ["plot", "plugins"]),
        ("plugins ", ["check", "list", "new", "show"]),
        ("plot le", ["learning", "length"]),
        ("predict --n-", ["--n-best"]),
        ("run --task rev", ["reverse"]),
    ],
)
def test_the_shell_completes(typed, offered):
    """Commands, those below them, their options and the names of components can be completed."""
    words = f"s2s {typed}"
    shell = {"_S2S_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    program = "import sys; sys.argv[0] = 's2s'; from s2s_core.cli.main import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, env=os.environ | shell
    )
    assert ended.stdout.splitlines() == [f"plain,{name}" for name in offered]


def test_a_misspelt_command_is_told_the_right_one(here):
    """A name that is no command's is refused with the closest one, also below a group."""
    assert "No such command 'predcit'. Did you mean 'predict'?" in here("predcit").err
    assert "No such command 'lst'. Did you mean 'list'?" in here("plugins", "lst").err


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_explained(path):
    """No option is without help, unless its choices say all."""
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_examples_use_options_that_exist(path):
    """An example in a help text can't be misspelt."""
    known = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    typed = {word.partition("=")[0] for word in COMMANDS[path].help.split() if word.startswith("--")}
    assert typed <= known


def test_the_version_is_told(here):
    """``s2s --version`` prints it."""
    from s2s_core import __version__

    assert here("--version").out == f"s2s, version {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("plugins",), ("plot",)])
def test_a_group_alone_shows_its_help(here, arguments):
    """Line by line, as with --help."""
    shown = here(*arguments)
    assert shown.code == 2
    assert len(shown.err.splitlines()) > 10
    assert shown.err.strip() == here(*arguments, "--help").out.strip()
