"""Measures the CPU seconds in which a small model learns to reverse words, on one thread, from the command line.

    python benchmarks/reverse_words.py [FOLDER] [--words N] [--steps N] [--seed N]

There are 20,000 fixed words of 1 to 20 letters for training, 1,000 for validation and 1,000 for the test; the model is
an LSTM with attention, H 256, E 128, batches of 64. The seconds are those of the whole training process, including its
start and its validations. The words stay in FOLDER as TSV and as parallel files, so that any other toolkit can be
measured on them: one thread, the same sizes, and its own best settings.
"""

import json
import os
import random
import resource
import string
import subprocess
import sys
import tempfile
from pathlib import Path

import click

WORDS, STEPS = 20_000, 1_500
"""The words of training, and its steps, by default."""

HELD_OUT = 20
"""There is a word of validation, and one of the test, for so many of training."""

LONGEST = 20

SETTINGS = {
    "source.embedding_size": 128,
    "target.embedding_size": 128,
    "source.tokenizer": "characters",
    "target.tokenizer": "characters",
    "encoder.hidden_size": 256,
    "encoder.layers": 1,
    "encoder.dropout": 0.0,
    "decoder.hidden_size": 256,
    "decoder.dropout": 0.0,
    "decoding.beam_size": 1,
    "training.label_smoothing": 0.0,
    "training.patience": 0,
    "training.batch_size": 64,
    "training.bucket_batches": 16,
    "training.learning_rate": 0.003,
    "training.clip_norm": 1.0,
    "training.device": "cpu",
}

PEERS = {"eole 0.6.4": (460, 96.6), "joeynmt 2.3": (526, 86.7)}
"""The CPU seconds and the exact match, in percent, of other toolkits with LSTMs of the same sizes.

They were measured once, when ours took 145 seconds.
"""


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--words", "count", default=WORDS, type=click.IntRange(min=HELD_OUT), help="Words of training.")
@click.option("--steps", default=STEPS, type=click.IntRange(min=3))
@click.option("--seed", default=0, type=click.IntRange(min=0), help="Of the model.")
def main(folder: Path | None, count: int, steps: int, seed: int) -> None:
    """Trains on the words."""
    with tempfile.TemporaryDirectory() as temporary:
        measure(folder or Path(temporary), count, steps, seed)


def measure(folder: Path, count: int, steps: int, seed: int) -> None:
    """Trains on the words, and prints time and score next to those of other toolkits."""
    splits = {"train": count, "validation": count // HELD_OUT, "test": count // HELD_OUT}
    write_words(folder, splits)
    run = folder / "run"
    files = [f"task.{split}={folder / split}.tsv" for split in splits]
    own = {"training.steps": steps, "training.validate_every": steps // 3, "training.seed": seed}
    settings = [*files, *(f"{name}={value}" for name, value in {**SETTINGS, **own}.items())]
    options = [word for setting in settings for word in ("--set", setting)]
    before = cpu_seconds()
    components = ["--task", "pairs", "--encoder", "lstm", "--decoder", "attention-lstm"]
    s2s("train", *components, *options, "--output", run, "--overwrite")
    seconds = cpu_seconds() - before
    s2s("export", run)
    scores = json.loads(s2s("evaluate", run / "model.onnx", "--json"))["scores"]
    print(f"{'':>12}  {'CPU seconds':>11}  exact match")
    peers = PEERS if (count, steps) == (WORDS, STEPS) else {}
    for name, (taken, percent) in {"s2s": (seconds, 100 * scores["exact_match"]), **peers}.items():
        print(f"{name:>12}  {taken:11.0f}  {percent:9.1f} %")


def write_words(folder: Path, splits: dict[str, int]) -> None:
    """Writes each split as ``NAME.tsv``, and as ``NAME.source`` and ``NAME.target`` with spaces between the letters."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    words: dict[str, None] = {}
    while len(words) < sum(splits.values()):
        words["".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, LONGEST)))] = None
    left = list(words)
    rng.shuffle(left)
    for split, count in splits.items():
        words_of_split, left = left[:count], left[count:]
        write(folder / f"{split}.tsv", (f"{word}\t{word[::-1]}" for word in words_of_split))
        write(folder / f"{split}.source", (" ".join(word) for word in words_of_split))
        write(folder / f"{split}.target", (" ".join(word[::-1]) for word in words_of_split))


def write(path: Path, lines) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def s2s(*arguments: object) -> str:
    """Runs a command on one thread and returns what it prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "s2s_core", *map(str, arguments)]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def cpu_seconds() -> float:
    """Returns the CPU time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
