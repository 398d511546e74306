"""Times training beside other toolkits, on one thread: target tokens per CPU second.

    python benchmarks/peers.py install FOLDER [--only PEER …]
    python benchmarks/peers.py run FOLDER [--only PROGRAM …] [--model MODEL …] [--starts N] [--rounds N]

``install`` makes an environment in FOLDER for each peer. ``run`` trains the same models on the same words with s2s and
with each peer: 20,000 words of 1 to 20 letters, whose targets are the words reversed. Batches have 64 pairs, the
optimizer is Adam or AdamW, dropout is the same, the gradient's norm is clipped to 1. Other settings are each toolkit's
own defaults.

Each program is a process that trains by its toolkit's own command, with its own batches, model, loss and optimizer;
``peers/train_*.py`` only give it the settings, and let it wait between its turns, of twelve updates each. All programs
take a turn in each round, so that other work on the machine slows them alike. What counts is the CPU time of the
process from the start of a turn's first update to the end of its last: batches, forward, backward and the optimizer's
step, but neither start-up nor validation nor saving. Tokens are those that are predicted: letters and the end of each
target, no padding.

All programs are started several times, as a process may be a tenth slower than its twin for as long as it lives. The
first round after each start isn't counted. Of the others the median and the quartiles are printed, also of the ratio of
each round's speeds: how many times as fast as the program s2s trains, with its defaults.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import click
from reverse_words import write_words

PEERS = {
    "eole": ("torch==2.13.0", "eole==0.6.4", "aiohttp"),
    "joeynmt": ("torch==2.13.0", "joeynmt==2.3.0", "setuptools<81", "importlib_metadata"),
    "yoyodyne": ("torch==2.13.0", "yoyodyne==0.5.27"),
}
"""What is installed for each peer. What stands after its name, the peer imports but doesn't ask for.

``setuptools`` had ``pkg_resources`` before version 81.
"""

UNUSED = ("torchvision", "torchaudio")
"""What is removed again: no peer trains with it, and it doesn't load beside each build of PyTorch."""


class Program(NamedTuple):
    """A way to train.

    Attributes:
        toolkit: One of the peers, or s2s, which runs in this environment.
        settings: Of s2s, what differs from its defaults.
    """

    toolkit: str
    settings: Mapping[str, Any] = MappingProxyType({})


OURS = "s2s"
PROGRAMS = {
    OURS: Program("s2s"),
    "s2s, unsorted": Program("s2s", {"training.bucket_batches": 1}),
    "eole": Program("eole"),
    "joeynmt, unsorted": Program("joeynmt"),
    "yoyodyne, unsorted": Program("yoyodyne"),
}
"""The programs by name. Unsorted ones make batches of words of any length, the others of similar lengths."""

WORDS = 20_000
"""The words of training."""

SHARED = {"embedding_size": 128, "batch_size": 64, "learning_rate": 0.001, "clip_norm": 1.0, "updates": 12}
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"hidden_size": 256, "layers": 1, "dropout": 0.0},
    "transformer": {"hidden_size": 128, "layers": 2, "heads": 4, "feed_forward_size": 512, "dropout": 0.1},
}
"""The sizes of each model, in the encoder and in the decoder.

``lstm`` has a bidirectional encoder, whose directions share its width, and a decoder with attention (``general`` of
Luong et al. 2015) that isn't fed its own output.
"""


class Turn(NamedTuple):
    """What a program did in its turn."""

    tokens: int
    seconds: float

    @property
    def speed(self) -> float:
        """Target tokens per CPU second."""
        return self.tokens / self.seconds


@click.group()
def main() -> None:
    """Times training beside other toolkits."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))
@click.option("--only", multiple=True, type=click.Choice(list(PEERS)), help="May be repeated.  [default: all peers]")
def install(folder: Path, only: tuple[str, ...]) -> None:
    """Makes an environment in FOLDER for each peer."""
    for peer in only or PEERS:
        print(f"{peer}: {', '.join(PEERS[peer])}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder / peer], check=True)
        pip = [python_of(folder, peer), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS[peer]], check=True)
        subprocess.run([*pip[:3], "uninstall", "--quiet", "--yes", *UNUSED], check=True)
        mark_of(folder, peer).write_text(json.dumps(PEERS[peer]))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))
@click.option("--only", multiple=True, type=click.Choice(list(PROGRAMS)), help="May be repeated.  [default: all]")
@click.option(
    "--model", "models", multiple=True, type=click.Choice(list(MODELS)), help="May be repeated.  [default: all]"
)
@click.option("--starts", default=3, type=click.IntRange(min=1), help="How often all programs are started.")
@click.option("--rounds", default=8, type=click.IntRange(min=2), help="Rounds that count, after each start.")
@click.option("--words", default=WORDS, type=click.IntRange(min=20), help="Words of training.")
def run(folder: Path, only: tuple[str, ...], models: tuple[str, ...], starts: int, rounds: int, words: int) -> None:
    """Trains with s2s and with the peers in FOLDER, in turns."""
    names = only or tuple(PROGRAMS)
    require_installed(folder, {PROGRAMS[name].toolkit for name in names})
    with tempfile.TemporaryDirectory() as temporary:
        write_words(Path(temporary) / "words", {"train": words, "validation": words // 20})
        for model in models or MODELS:
            measured = [measure(folder, model, names, rounds, Path(temporary)) for _ in range(starts)]
            tell(model, measured)


def require_installed(folder: Path, toolkits: set[str]) -> None:
    """Refuses to run peers that aren't installed in these versions."""
    lacking = [
        peer for peer, packages in PEERS.items() if peer in toolkits and not is_installed(folder, peer, packages)
    ]
    if lacking:
        options = " ".join(f"--only {peer}" for peer in lacking)
        raise click.ClickException(
            f"{folder} lacks {', '.join(lacking)} in the versions that are compared; "
            f"run: python benchmarks/peers.py install {folder} {options}"
        )


def is_installed(folder: Path, peer: str, packages: Sequence[str]) -> bool:
    mark = mark_of(folder, peer)
    return mark.exists() and json.loads(mark.read_text()) == list(packages)


def mark_of(folder: Path, peer: str) -> Path:
    """Returns the file that says what has been installed."""
    return folder / peer / "installed.json"


def python_of(folder: Path, toolkit: str) -> str:
    return sys.executable if toolkit == "s2s" else str(folder / toolkit / "bin" / "python")


class Measured(NamedTuple):
    """What was measured after one start of the programs.

    Attributes:
        parameters: The number of each program's trained weights.
        rounds: What each program did in each round.
    """

    parameters: dict[str, int]
    rounds: list[dict[str, Turn]]


def measure(folder: Path, model: str, names: Sequence[str], rounds: int, temporary: Path) -> Measured:
    """Starts the programs and lets them train a model in turns."""
    with contextlib.ExitStack() as block:
        children = {name: block.enter_context(started(folder, name, model, temporary)) for name in names}
        parameters = {name: child.answer()["parameters"] for name, child in children.items()}
        take_turns(children)
        return Measured(parameters, [take_turns(children) for _ in range(rounds)])


def tell(model: str, measured: list[Measured]) -> None:
    """Prints how fast each program was."""
    rounds = [turns for start in measured for turns in start.rounds]
    title = f"{model}, {len(rounds)} turns of {SHARED['updates']} updates"
    print(f"{title:<36} {'parameters':>10}  {'tokens/s':>8}  {'quartiles':>15}  {'s2s is':>6}  {'quartiles':>12}")
    for name, parameters in measured[0].parameters.items():
        low, middle, high = quartiles([turns[name].speed for turns in rounds])
        line = f"{name:<36} {parameters:>10,}  {middle:>8,.0f}  {low:>7,.0f}–{high:<7,.0f}"
        print(line + (compared(rounds, name) if OURS in rounds[0] else ""), flush=True)


def compared(rounds: list[dict[str, Turn]], name: str) -> str:
    """Returns how many times as fast as a program s2s is, in each round."""
    low, middle, high = quartiles([turns[OURS].speed / turns[name].speed for turns in rounds])
    return f"  {middle:>5.2f}×  {low:>5.2f}–{high:<5.2f}×"


def quartiles(values: list[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


class Child:
    """A program's process.

    Args:
        name: The program's name, for messages.
        process: Its standard streams are text.
        log: The file that it writes everything but its answers to.
    """

    def __init__(self, name: str, process: "subprocess.Popen[str]", log: Path) -> None:
        self._name, self._process, self._log = name, process, log

    def turn(self) -> Turn:
        """Lets the program take a turn."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return Turn(**self.answer())

    def answer(self) -> dict[str, Any]:
        """Returns the next answer.

        Raises:
            ClickException: The process ended instead.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            last = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
            raise click.ClickException(f"{self._name} ended before its turn was over; it printed last:\n{last}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def started(folder: Path, name: str, model: str, temporary: Path) -> Iterator[Child]:
    """Starts a program, and ends it after the block."""
    program = PROGRAMS[name]
    own = Path(tempfile.mkdtemp(dir=temporary))
    assignment = {
        **SHARED,
        "model": model,
        "sizes": MODELS[model],
        "settings": dict(program.settings),
        "words": str(temporary / "words"),
        "folder": str(own),
    }
    script = Path(__file__).parent / "peers" / f"train_{program.toolkit}.py"
    command = [python_of(folder, program.toolkit), script, json.dumps(assignment)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if program.toolkit in PEERS:
        environment.pop("PYTHONPATH", None)  # which is for this environment
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (own / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=own, stderr=log, **streams)
    try:
        yield Child(name, process, own / "log.txt")
    finally:
        process.kill()
        process.communicate()


def take_turns(children: dict[str, Child]) -> dict[str, Turn]:
    """Returns what each program did in a round."""
    return {name: child.turn() for name, child in children.items()}


if __name__ == "__main__":
    main()
