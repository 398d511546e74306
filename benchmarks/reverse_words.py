"""Measures the CPU seconds in which a small model learns to reverse words, on one thread, from the command line.

    python benchmarks/reverse_words.py [FOLDER]

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

SPLITS = {"train": 20_000, "validation": 1_000, "test": 1_000}
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
    "training.bucket_batches": 1,
    "training.steps": 1_800,
    "training.learning_rate": 0.002,
    "training.clip_norm": 1.0,
    "training.validate_every": 600,
    "training.device": "cpu",
}

PEERS = {"eole 0.6.4": (460, 96.6), "joeynmt 2.3": (526, 86.7)}
"""The CPU seconds and the exact match, in percent, of other toolkits with LSTMs of the same sizes, measured once."""


def main() -> None:
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder))


def measure(folder: Path) -> None:
    """Trains on the words, and prints time and score next to those of other toolkits."""
    write_words(folder)
    run = folder / "run"
    files = [f"task.{split}={folder / split}.tsv" for split in SPLITS]
    settings = [*files, *(f"{name}={value}" for name, value in SETTINGS.items())]
    options = [word for setting in settings for word in ("--set", setting)]
    before = cpu_seconds()
    components = ["--task", "pairs", "--encoder", "lstm", "--decoder", "attention-lstm"]
    s2s("train", *components, *options, "--output", run, "--overwrite")
    seconds = cpu_seconds() - before
    s2s("export", run)
    scores = json.loads(s2s("evaluate", run / "model.onnx", "--json"))["scores"]
    print(f"{'':>12}  {'CPU seconds':>11}  exact match")
    for name, (taken, percent) in {"s2s": (seconds, 100 * scores["exact_match"]), **PEERS}.items():
        print(f"{name:>12}  {taken:11.0f}  {percent:9.1f} %")


def write_words(folder: Path) -> None:
    """Writes each split as ``NAME.tsv``, and as ``NAME.source`` and ``NAME.target`` with spaces between the letters."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    words: dict[str, None] = {}
    while len(words) < sum(SPLITS.values()):
        words["".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, LONGEST)))] = None
    left = list(words)
    rng.shuffle(left)
    for split, count in SPLITS.items():
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
