"""Times starting: the CPU time of commands that do little, from the start of the process to its end.

    python benchmarks/startup.py runs/demo

Beside them stand an empty Python, the libraries that finding plugins takes, and a plain script that answers one word
with the exported file of a finished run, as ``s2s predict`` does. All run in turn. Python keeps bytecode, as it does
for users, and a round that isn't counted writes it. The time of ``s2s predict`` in that of the script is what counts.
"""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import click

LIBRARIES = "import click, pluggy, importlib.metadata as metadata; metadata.entry_points(group='s2s')"

SCRIPT = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
print(*session.run(["target"], {"source": numpy.array(sys.stdin.read().splitlines(), object)})[0])
"""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@click.command()
@click.argument("run", default="runs/demo", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rounds", default=21, show_default=True, type=click.IntRange(1))
def main(run: Path, rounds: int) -> None:
    """Times starting."""
    file = str(run / "model.onnx")
    s2s = str(Path(sys.executable).with_name("s2s"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "click, pluggy, entry points": [sys.executable, "-c", LIBRARIES],
        "s2s --help": [s2s, "--help"],
        "s2s plugins list": [s2s, "plugins", "list"],
        "s2s run --help": [s2s, "run", "--help"],
        "plain script, one word": [sys.executable, "-c", SCRIPT, file],
        "s2s predict, one word": [s2s, "predict", file],
    }
    times = [[cpu_seconds(command) for command in commands.values()] for _ in range(1 + rounds)][1:]
    print(f"CPU seconds of a process, {rounds} rounds")
    print(f"{'':<28} {'median':>7} {'least':>7}")
    medians = {}
    for name, seconds in zip(commands, zip(*times, strict=True), strict=True):
        medians[name] = statistics.median(seconds)
        print(f"{name:<28} {medians[name]:7.3f} {min(seconds):7.3f}")
    print(f"predict is {medians['s2s predict, one word'] / medians['plain script, one word']:.2f} × the plain script")


def cpu_seconds(command: list[str]) -> float:
    """Returns the user and system time of a command that is given one word."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=b"hello\n", capture_output=True, check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
