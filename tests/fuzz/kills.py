"""``python -m fuzz.kills``: kills training at random moments, and compares its end with that of a run left alone."""

import subprocess
import tempfile
from pathlib import Path
from random import Random

import click

from . import chain


@click.command()
@click.option("--kills", default=100, show_default=True, help="How many processes to kill.")
@click.option("--seed", default=0, show_default=True, help="Another seed kills at other moments.")
def main(kills: int, seed: int) -> None:
    """Kills training again and again, and ends with exit code 1 if a run ends otherwise than without."""
    random, killed, chains, faults = Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole, longest = chain.quiet_run(folder)
        while killed < kills:
            name = f"chain-{chains}"
            killed += chain.train(folder, name, lambda process: _kill(process, random.uniform(0, longest)))
            chains += 1
            if chain.contents(folder / name) != whole:
                faults += 1
                click.echo(f"fault: {name} ends with other bytes")
    click.echo(f"{killed:,} kills in {chains:,} runs, {faults:,} of which ended otherwise")
    raise SystemExit(1 if faults else 0)


def _kill(process: chain.Process, seconds: float) -> bool:
    """Kills a process after some seconds, and returns whether it was still there."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


if __name__ == "__main__":
    main()
