"""A chain: one run that is trained by several processes, each but the last of which comes to a violent end."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import material

STEPS, VALIDATE_EVERY = 60, 4
"""Many validations, so that a good part of the time is spent in writing."""

RUN_FILES = ("run.toml", "model.json", "model.safetensors", "metrics.jsonl", "resume/state.safetensors")

Process = subprocess.Popen[bytes]

Contents = dict[str, bytes]


def quiet_run(folder: Path) -> tuple[Contents, float]:
    """Trains a run that is left alone; returns what it leaves, and for how long it trained."""
    began = time.monotonic()
    end(start(folder, "whole"), "the quiet run")
    return contents(folder / "whole"), time.monotonic() - began


def train(folder: Path, name: str, interrupt: Callable[[Process], bool]) -> int:
    """Trains a run until a process ends by itself; returns how many didn't.

    Args:
        folder: Where the pairs lie, and the run will.
        name: Of the run's folder.
        interrupt: Waits, ends the process if that is still there, and returns whether it was.
    """
    interrupted = 0
    while interrupt(process := start(folder, name)):
        interrupted += 1
    end(process, name)
    return interrupted


def start(folder: Path, name: str) -> Process:
    """Starts training, or goes on with it."""
    pairs = folder / "pairs.tsv"
    if not pairs.exists():
        pairs.write_text("".join("\t".join(row) + "\n" for row in material.ROWS), encoding="utf-8")
    tables = {**material.TINY, **material.RUNS["run"]}
    settings = {f"{table}.{key}": value for table, values in tables.items() for key, value in values.items()}
    settings |= {"training.steps": STEPS, "training.validate_every": VALIDATE_EVERY, "task.name": "pairs"}
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    resume = ["--resume"] if (folder / name / "run.toml").exists() else []
    command = [sys.executable, "-m", "s2s_core", "train", *options, "--output", name, *resume]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(process: Process, name: str) -> None:
    """Waits for the end of a process, which has to be a good one."""
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}: {errors.decode(errors='replace')}")


def contents(folder: Path) -> Contents:
    """Returns what a run must leave, to the bit, each line of its log included."""
    return {name: (folder / name).read_bytes() for name in RUN_FILES}
