"""Starting ``s2s`` is quick, because it imports only what it needs, and every command's help shows how to use it."""

import json
import subprocess
import sys

import click
import pytest

from s2s_core.cli.main import cli

HEAVY = (
    "torch", "onnx", "onnxscript", "accelerate", "onnxruntime", "numpy", "safetensors", "rich", "matplotlib",
    "sacrebleu",
)  # fmt: skip

IMPORTED = f"""
import json, sys
sys.argv = ["s2s", *sys.argv[1:]]
from s2s_core.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted(set({HEAVY}) & set(sys.modules))), file=sys.stderr)
"""


def imported(*arguments):
    """Returns which heavy packages a command imports."""
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED, *map(str, arguments)], capture_output=True, check=False, text=True
    )
    return json.loads(ended.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("run", "--help"),
        ("predict", "--help"),
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
    assert imported(*arguments) == []


def test_answering_imports_no_training_package(exported_run, tmp_path):
    """``s2s predict`` and ``s2s evaluate FILE`` need ONNX Runtime and numpy alone."""
    words = tmp_path / "words.txt"
    words.write_text("abc\n")
    assert imported("predict", exported_run.onnx_path, words) == ["numpy", "onnxruntime"]
    assert imported("evaluate", exported_run.onnx_path) == ["numpy", "onnxruntime"]


def commands(command, path=()):
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands(cli)], ids=" ".join)
def test_every_help_has_an_example(here, path):
    """Each command's help shows a line that can be typed, on a line of its own."""
    ended = here(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    begin = " ".join(("s2s", *path))
    assert [line for line in ended.out.splitlines() if line.startswith("  ") and f"{begin} " in f"{line} "]
    assert "\\b" not in ended.out


@pytest.mark.parametrize(("path", "command"), [pair for pair in commands(cli) if pair[0]], ids=str)
def test_every_command_and_option_is_explained(path, command):
    """No command is without a summary, and no option without help, unless its choices say all."""
    assert command.get_short_help_str()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name


@pytest.mark.parametrize("path", [path for path, _ in commands(cli)], ids=" ".join)
def test_examples_use_options_that_exist(path):
    """An example in a help text can't be misspelt."""
    known = {option for _, command in commands(cli) for parameter in command.params for option in parameter.opts}
    command = cli
    for name in path:
        command = command.commands[name]
    typed = {word.partition("=")[0] for word in command.help.split() if word.startswith("--")}
    assert typed <= known


def test_the_version_is_told(here):
    """``s2s --version`` prints it."""
    from s2s_core import __version__

    assert here("--version").out == f"s2s, version {__version__}\n"
