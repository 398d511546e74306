"""``python -m fuzz.kills``: kills training at random moments, goes on with it, and compares its end with a quiet one's.

Each chain trains one run. Its processes are killed at random moments, from the first import to the last write, until
one of them ends by itself.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import click

from . import material

STEPS, VALIDATE_EVERY = 60, 4
"""Many validations, so that a good part of the time is spent in writing."""

RUN_FILES = ("run.toml", "model.json", "model.safetensors", "metrics.jsonl", "resume/state.safetensors")


@click.command()
@click.option("--kills", default=100, show_default=True, help="How many processes to kill.")
@click.option("--seed", default=0, show_default=True, help="Another seed kills at other moments.")
def main(kills: int, seed: int) -> None:
    """Kills training again and again, and ends with exit code 1 if a run ends otherwise than without."""
    random, killed, chains, faults = Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "pairs.tsv").write_text("".join("\t".join(row) + "\n" for row in material.ROWS), encoding="utf-8")
        began = time.monotonic()
        _require_ended(_start(folder, "whole"), "the quiet run")
        longest, whole = time.monotonic() - began, _contents(folder / "whole")
        while killed < kills:
            name = f"chain-{chains}"
            killed += _chain(folder, name, random, longest)
            chains += 1
            if _contents(folder / name) != whole:
                faults += 1
                click.echo(f"fault: {name} ends with other bytes")
    click.echo(f"{killed:,} kills in {chains:,} runs, {faults:,} of which ended otherwise")
    raise SystemExit(1 if faults else 0)


def _chain(folder: Path, name: str, random: Random, longest: float) -> int:
    """Trains a run whose processes are killed at random moments, and returns how many were."""
    killed = 0
    while True:
        process = _start(folder, name)
        try:
            process.wait(random.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        else:
            _require_ended(process, name)
            return killed


def _start(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """Starts training, or goes on with it."""
    tables = {**material.TINY, **material.RUNS["run"]}
    settings = {f"{table}.{key}": value for table, values in tables.items() for key, value in values.items()}
    settings |= {"training.steps": STEPS, "training.validate_every": VALIDATE_EVERY, "task.name": "pairs"}
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    resume = ["--resume"] if (folder / name / "run.toml").exists() else []
    command = [sys.executable, "-m", "s2s_core", "train", *options, "--output", name, *resume]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _require_ended(process: "subprocess.Popen[bytes]", name: str) -> None:
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}: {errors.decode(errors='replace')}")


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RUN_FILES}


if __name__ == "__main__":
    main()
