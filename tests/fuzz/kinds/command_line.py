"""Command lines: each command with options and arguments that it has, and others."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import click

from s2s_core.cli.lazy import LazyCommand
from s2s_core.cli.main import cli

from ..attempt import Attempt
from ..mutation.values import NUMBERS, TEXTS, text
from . import settings

PATHS = (
    "run", "other", "half", "run/run.toml", "run/model.onnx", "other/model.onnx", "pairs.tsv", "lines.txt", "two.tsv",
    "nowhere", ".", "-", "", "run/", "out", "new.onnx", "out/deep/er", "pairs.tsv/under", "a" * 300,
    "\u00e4\U0001f642", "new.svg",
)  # fmt: skip

NAMES = (
    "pairs", "reverse", "add", "mlp-rnn", "gru", "attention-gru", "characters", "bleu", "exact_match", "training",
    "decoding", "revers", "perplexity",
)  # fmt: skip

EXPORTING = {"run", "export", "distil"}

TRAINING = {"run", "train", "distil"}


def attempt(random: Random, folder: Path) -> Attempt:
    """Runs a command with arguments that fit or don't."""
    path, command = random.choice(list(commands(cli)))
    arguments: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            count = random.choice((1, 1, 1, 0, 2)) if parameter.nargs == -1 or random.random() < 0.1 else 1
            arguments += [_word(random, parameter) for _ in range(count)]
        elif random.random() < (0.8 if parameter.required else 1.5 / len(command.params)):
            arguments += _option(random, parameter)
    if path[-1] in TRAINING:
        arguments += ["--set", "training.steps=2"]
    if random.random() < 0.1:
        arguments.insert(random.randint(0, len(arguments)), text(random))
    if random.random() < 0.1 and arguments:
        arguments.pop(random.randrange(len(arguments)))
    words = [word.replace("\0", "") for word in (*path, *arguments)]
    stdin = (folder / random.choice(("lines.txt", "pairs.tsv", "run/model.onnx"))).read_bytes()
    return Attempt(words, stdin, trains=path[-1] in TRAINING, exports=path[-1] in EXPORTING)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yields each command and its words, but ``check``, which takes a while, and ``serve``, which has no end."""
    for name, listed in group.commands.items():
        command = listed.load() if isinstance(listed, LazyCommand) else listed
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif name not in {"check", "serve"}:
            yield (*path, name), command


def _option(random: Random, option: click.Parameter) -> list[str]:
    name = random.choice(option.opts)
    if isinstance(option, click.Option) and option.is_flag:
        return [name]
    if name == "--set":
        return [name, settings.assignment(random, {"training": {"steps": 2, "seed": 1}, "decoding": {"beam_size": 1}})]
    value = _word(random, option)
    return random.choice(([name, value], [name, value], [f"{name}={value}"]))


def _word(random: Random, parameter: click.Parameter) -> str:
    """Returns a value, mostly one of the right type."""
    kind = random.random()
    if kind < 0.1:
        return random.choice(TEXTS)
    if isinstance(parameter.type, click.Choice):
        return str(random.choice(parameter.type.choices)) if kind < 0.9 else text(random)
    if isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType):
        return str(random.choice((1, 2, 3, 5, 0.5, *NUMBERS) if kind < 0.5 else (1, 2, 3)))
    return random.choice((*PATHS, *PATHS, *NAMES))
