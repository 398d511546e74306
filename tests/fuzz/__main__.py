"""``python -m fuzz``: runs tries, prints each fault with what repeats it, and ends with exit code 1 if there is one.

``--kind data --first 123 --tries 1`` runs one of them again.
"""

import collections
import functools
import multiprocessing
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from random import Random

import click

os.environ["OMP_NUM_THREADS"] = "1"  # threads don't survive a fork

from s2s_core.pipeline.side_by_side import usable_cores

from . import material, process, verdict
from .attempt import Attempt
from .kinds import KINDS, TRIES
from .process import Ending

ENDINGS = ("answered", "refused", "stopped", "faults")
"""How a try may end: with an answer; with an error; stopped while it trained; with a fault."""


@click.command()
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="May be repeated.  [default: all]")
@click.option("--tries", type=int, help="Tries of each kind.  [default: 15,000 in all]")
@click.option("--first", default=0, help="The number of the first try.")
@click.option("--seed", default=0, show_default=True, help="Another seed makes other tries.")
@click.option("--output", default="runs/fuzz", type=click.Path(path_type=Path), show_default=True)
@click.option("--show", is_flag=True, help="Print how each try ended.")
@click.option("--fresh", is_flag=True, help="Train the runs that are changed anew.")
@click.option("--workers", type=click.IntRange(1), help="How many tries run at once.  [default: one per core]")
def main(
    kinds: tuple[str, ...],
    tries: int | None,
    first: int,
    seed: int,
    output: Path,
    show: bool,
    fresh: bool,
    workers: int | None,
) -> None:
    """Changes valid inputs at random, and sees whether s2s answers as it should."""
    output = output.resolve()
    if fresh:
        shutil.rmtree(output, ignore_errors=True)
    process.warm_up()
    if not (output / "material").is_dir():
        material.make(output / "material")
    faults = 0
    with multiprocessing.get_context("fork").Pool(workers or usable_cores()) as pool:
        for kind in kinds or KINDS:
            count = TRIES[kind] if tries is None else tries
            names = (f"{seed}-{number}" for number in range(first, first + count))
            endings = collections.Counter(
                pool.imap_unordered(functools.partial(one_try, output, kind, show=show), names)
            )
            click.echo(f"{kind}: {count:,} tries, " + ", ".join(f"{endings[name]:,} {name}" for name in ENDINGS))
            faults += endings["faults"]
    raise SystemExit(1 if faults else 0)


def one_try(output: Path, kind: str, name: str, *, show: bool = False) -> str:
    """Runs one try, and returns how it ended in a word; a fault is kept in the folder of the output."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, streams = Path(temporary) / "folder", Path(temporary) / "streams"
        streams.mkdir()
        shutil.copytree(output / "material", folder)
        attempt = KINDS[kind](Random(f"{kind}-{name}"), folder)
        os.environ["S2S_CACHE"] = f"{temporary}/cache"
        ending = process.run(attempt, folder, streams)
        fault = verdict.fault(attempt, ending)
        if show:
            click.echo(_line(kind, name, attempt, ending))
        if fault:
            click.echo(f"fault: {kind} {name}: {fault}\n    s2s {shlex.join(attempt.arguments)[:300]}")
            _keep(output / "faults" / f"{kind}-{name}", folder, attempt, ending, fault)
    if fault:
        return "faults"
    if ending.interrupted:
        return "stopped"
    return "refused" if ending.code else "answered"


def _line(kind: str, name: str, attempt: Attempt, ending: Ending) -> str:
    """Returns how a try ended."""
    said = ending.err.decode(errors="replace").strip().rpartition("\n")[2]
    command = shlex.join(attempt.arguments)
    return f"{kind} {name}: {ending.code} after {ending.seconds:.1f} s, {command[:200]!r}: {said[:200]}"


def _keep(place: Path, folder: Path, attempt: Attempt, ending: Ending, fault: str) -> None:
    """Writes the folder of a try, its command and how it ended."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place, symlinks=True)
    (place / "stdin").write_bytes(attempt.stdin)
    (place / "stdout").write_bytes(ending.out)
    (place / "stderr").write_bytes(ending.err)
    (place / "fault.txt").write_text(f"{fault}\ns2s {shlex.join(attempt.arguments)} < stdin\n", encoding="utf-8")


if __name__ == "__main__":
    main()
