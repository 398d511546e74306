"""Data: files of pairs as TSV, CSV and JSON Lines, changed in their rows or their bytes, compressed or not."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import zstandard

from ..attempt import Attempt
from ..mutation import content, rows, tree
from ..mutation.rows import Rows
from ..mutation.values import NUMBERS, TEXTS

Write = Callable[[Random, Rows], bytes]

TASK = {
    "format": ("auto", "tsv", "csv", "jsonl", "parquet"),
    "header": ("true", "false"),
    "source_column": (1, 2, 3, "source", "a", 99),
    "target_column": (1, 2, 3, "target", "b", 99),
    "feature_columns": ("[3]", "[]", '["tags"]', "[2]"),
    "feature_separator": (";", ",", "a", "<"),
    "held_out": (1, 3, 10, 1000),
    "on_error": ("stop", "skip"),
    "references": ("each", "all"),
    "allow_empty_target": ("true", "false"),
    "length_unit": ("characters", "words"),
    "maximum_source": (0, 1, 5),
    "maximum_ratio": (0, 1, 2.5),
}


def attempt(random: Random, folder: Path) -> Attempt:
    """Trains on a changed file, or evaluates, scores or compares with one."""
    ending, write = random.choice(list(FORMATS.items()))
    pairs = [line.split("\t") for line in (folder / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    changed = rows.mutate(random, pairs) if random.random() < 0.7 else pairs
    written = write(random, changed)
    if random.random() < 0.6:
        written = content.mutate(random, written)
    written = random.choice((bytes, bytes, bytes, bytes, gzip.compress, zstandard.compress))(written)
    if random.random() < 0.1:
        written = content.mutate(random, written, most=2)
    name = f"data.{ending}"
    (folder / name).write_bytes(written)
    return _command(random, name, written)


def _command(random: Random, name: str, written: bytes) -> Attempt:
    kind = random.randrange(10)
    run = random.choice(("run", "other"))
    if kind < 6:
        settings = {"task.train": name, "training.steps": 2}
        for setting in random.sample(list(TASK), random.choice((0, 1, 1, 2, 3))):
            settings[f"task.{setting}"] = random.choice(TASK[setting])
        if random.random() < 0.3:
            settings[random.choice(("task.validation", "task.test"))] = random.choice((name, "pairs.tsv"))
        if random.random() < 0.1:
            settings["task.train_target"] = random.choice(("pairs.tsv", "lines.txt"))
        options = [word for setting, value in settings.items() for word in ("--set", f"{setting}={value}")]
        return Attempt(["train", f"{run}/run.toml", *options, "--output", "out"], trains=True)
    if kind < 8:
        model = random.choice((run, f"{run}/model.onnx"))
        details = random.choice(([], ["--details"], ["--json"], ["--by-length"]))
        return Attempt(["evaluate", model, "--data", name, *details])
    if kind < 9:
        return Attempt(["score", run, name])
    return Attempt(["score", run], stdin=written)


def _tsv(random: Random, pairs: Rows) -> bytes:
    width = random.choice((2, 2, 3))
    return "".join("\t".join(row[:width]) + "\n" for row in pairs).encode()


def _csv(random: Random, pairs: Rows) -> bytes:
    stream = io.StringIO()
    header = random.choice(([], [], [["source", "target", "tags"]]))
    csv.writer(stream).writerows([*header, *pairs])
    return stream.getvalue().encode()


def _jsonl(random: Random, pairs: Rows) -> bytes:
    objects: list[Any] = [dict(zip(("source", "target", "tags"), row, strict=False)) for row in pairs]
    if objects and random.random() < 0.5:
        place = random.randrange(len(objects))
        objects[place] = tree.mutate(random, objects[place])
    if objects and random.random() < 0.2:
        objects[-1]["source"] = random.choice((*NUMBERS, *TEXTS, None))
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


FORMATS: dict[str, Write] = {"tsv": _tsv, "csv": _csv, "jsonl": _jsonl, "txt": _tsv}
