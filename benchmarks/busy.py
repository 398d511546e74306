"""Times training beside other work: alone, and with an endless loop on every core.

    python benchmarks/busy.py [--steps N] [--only WAY …]

It trains an LSTM with attention to reverse words, in three ways: as s2s does, with the waiting that is OpenMP's
default, and with one thread. The numbers are target tokens per second, the median over groups of ten updates. Beside as
many loops as cores, half of the speed alone is a fair share.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

import s2s_core as s2s

WAYS = {
    "as s2s waits": {},
    "as OpenMP waits": {"GOMP_SPINCOUNT": "300000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}

SETTINGS = {
    "task": "reverse",
    "task.held_out": 20,
    "encoder": "lstm",
    "decoder": "attention-lstm",
    "training.batch_size": 64,
    "training.device": "cpu",
}


class Speeds(s2s.Progress):
    """Notes the speed of training."""

    def __init__(self) -> None:
        self.speeds: list[float] = []

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Notes the speed of the last updates."""
        del step, loss
        self.speeds.append(tokens_per_second)


@click.command()
@click.option("--steps", default=60, type=click.IntRange(min=20))
@click.option("--only", multiple=True, type=click.Choice(list(WAYS)), help="May be repeated.  [default: all ways]")
@click.option("--child", is_flag=True, hidden=True, help="Train, and print the speed.")
def main(steps: int, only: tuple[str, ...], child: bool) -> None:  # noqa: FBT001  # click calls it
    """Trains in each way, alone and beside loops."""
    if child:
        print(speed(steps))
        return
    print(f"{'':<16} {'alone':>8} {'beside':>8} {'share':>7}")
    for name in only or WAYS:
        alone = measured(steps, WAYS[name])
        loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        try:
            beside = measured(steps, WAYS[name])
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
        print(f"{name:<16} {alone:>8,.0f} {beside:>8,.0f} {beside / alone:>7.0%}", flush=True)


def measured(steps: int, environment: dict[str, str]) -> float:
    """Returns the speed in a process of its own, as OpenMP reads the environment only once."""
    command = [sys.executable, __file__, "--child", "--steps", str(steps)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(command, env={**clean, **environment}, check=True, capture_output=True, text=True)
    return float(done.stdout)


def speed(steps: int) -> float:
    """Trains, and returns the median speed after the first updates."""
    progress = Speeds()
    settings = {**SETTINGS, "training.steps": steps, "training.validate_every": steps}
    with tempfile.TemporaryDirectory() as folder:
        s2s.train(settings=settings, output=Path(folder) / "run", progress=progress)
    return statistics.median(progress.speeds[1:])


if __name__ == "__main__":
    main()
