"""Trains on a file of many pairs, and prints the time of each stage and the peak memory so far.

    python benchmarks/large_corpus.py 10000000 [--steps N]

It writes a TSV file with this number of short pairs to a temporary folder, which holds the encoded pairs too. Peak
memory is resident memory, including pages of mapped files. The last stage reads the batches of a whole epoch, as a long
training does: it brings all pages of the store into memory, if the system has room for them.
"""

import os
import random
import resource
import tempfile
import time
from pathlib import Path

import click

from s2s_core.cache import CACHE
from s2s_core.config.resolve import resolve
from s2s_core.data.batches import TrainingBatches
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@click.command()
@click.argument("count", default=10_000_000, type=click.IntRange(min=1000))
@click.option("--steps", default=20, type=click.IntRange(min=1))
def main(count: int, steps: int) -> None:
    """Writes the pairs, and trains twice."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ[CACHE] = str(folder / "cache")
        stage = Stages()
        write_pairs(folder / "pairs.tsv", count)
        stage.ended(f"write {count:,} pairs")
        train(folder, stage, "first", steps)
        train(folder, stage, "again", steps)


class Stages:
    """Prints a line for each stage that has ended."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        print(f"{'stage':<32}{'seconds':>9}{'peak MB':>9}")

    def ended(self, name: str) -> None:
        seconds = time.perf_counter() - self._began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(f"{name:<32}{seconds:>9.1f}{peak:>9,.0f}", flush=True)
        self._began = time.perf_counter()


def write_pairs(path: Path, count: int) -> None:
    rng = random.Random(0)  # not for secrets
    with path.open("w") as file:
        for _ in range(count):
            word = "".join(rng.choices(LETTERS, k=rng.randint(4, 11)))
            file.write(f"{word}\t{word[::-1]}\n")


def train(folder: Path, stage: Stages, turn: str, steps: int) -> None:
    settings = {
        "task": {"name": "pairs", "train": str(folder / "pairs.tsv")},
        "source": {"tokenizer": "characters"},
        "target": {"tokenizer": "characters"},
        "training": {"steps": steps, "validate_every": steps, "batch_size": 128, "device": "cpu"},
        "encoder": {"name": "mlp-rnn", "hidden_size": 64},
        "decoding": {"beam_size": 1},
    }
    plugins = Plugins()
    run = Run(folder / turn, resolve([settings], plugins), plugins)
    splits = run.splits
    stage.ended(f"{turn}: split")
    print(f"    {splits.training_size():,} pairs; {'; '.join(splits.remarks())}")

    from s2s_core.training.preparation import prepare  # noqa: PLC0415  # PyTorch has a stage of its own
    from s2s_core.training.trainer import Trainer  # noqa: PLC0415

    stage.ended(f"{turn}: import PyTorch")
    training = prepare(run)
    stage.ended(f"{turn}: tokenizers and store")
    training.run.create()
    Trainer(training).train()
    stage.ended(f"{turn}: {steps} steps, validation")
    if turn == "again":
        tokenizers = training.checkpoint.source_tokenizer, training.checkpoint.target_tokenizer
        batches = TrainingBatches(splits, tokenizers, run.config.training).after(0)
        for _ in range(0, splits.training_size() or 0, run.config.training.batch_size):
            next(batches)
        stage.ended(f"{turn}: batches of an epoch")


if __name__ == "__main__":
    main()
