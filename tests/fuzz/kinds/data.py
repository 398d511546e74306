"""Data: files of pairs as TSV, CSV, JSON Lines and Parquet, changed in their rows or their bytes, compressed or not."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

import zstandard
from pyarrow import Table, array, parquet

from ..attempt import Attempt
from ..mutation import content, rows, tree
from ..mutation.rows import Rows
from ..mutation.values import NUMBERS, TEXTS
from .lines import count

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

METRICS = (
    "bleu", "character_error_rate", "chrf", "edit_distance", "exact_match", "perplexity", "sequence_error_rate", "ter",
    "token_accuracy", "token_error_rate", "word_error_rate",
)  # fmt: skip


def attempt(random: Random, folder: Path) -> Attempt:
    """Trains on a changed file, or evaluates or scores with one."""
    pairs = [line.split("\t") for line in (folder / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    changed = rows.mutate(random, pairs) if random.random() < 0.7 else pairs
    if random.random() < 0.3:
        written = _tsv(random, [row[:2] for row in changed])
        written = content.mutate(random, written, most=2) if random.random() < 0.3 else written
        (folder / "data.tsv").write_bytes(written)
        return _reading(random, "data.tsv", written)
    ending, write = random.choice(list(FORMATS.items()))
    if ending == "parquet":
        written = write(random, changed)
        written = content.mutate(random, written) if random.random() < 0.6 else written
        (folder / "data.parquet").write_bytes(written)
        return _training(random, "data.parquet", written)
    written = write(random, changed)
    if random.random() < 0.5:
        written = content.mutate(random, written)
    written = random.choice((bytes, bytes, bytes, bytes, gzip.compress, zstandard.compress))(written)
    if random.random() < 0.1:
        written = content.mutate(random, written, most=2)
    (folder / f"data.{ending}").write_bytes(written)
    return _training(random, f"data.{ending}", written)


def _training(random: Random, name: str, written: bytes) -> Attempt:
    name = random.choice((name, name, name, name, "-"))
    settings = {"task.train": name, "training.steps": 2}
    for setting in random.sample(list(TASK), random.choice((0, 1, 1, 2, 3))):
        settings[f"task.{setting}"] = random.choice(TASK[setting])
    if random.random() < 0.5:
        settings["task.on_error"] = "skip"
    if random.random() < 0.3:
        settings[random.choice(("task.validation", "task.test"))] = random.choice((name, "pairs.tsv"))
    if random.random() < 0.1:
        settings["task.train_target"] = random.choice(("pairs.tsv", "lines.txt"))
    options = [word for setting, value in settings.items() for word in ("--set", f"{setting}={value}")]
    recipe = random.choice(("run/run.toml", "run/run.toml", "other/run.toml"))
    return Attempt(["train", recipe, *options, "--output", "out"], written, trains=True)


def _reading(random: Random, name: str, written: bytes) -> Attempt:
    run = random.choice(("run", "other"))
    if random.random() < 0.4:
        return Attempt(["score", run], written, count(written))
    model = random.choice((run, f"{run}/model.onnx"))
    options = random.choice(([], ["--details"], ["--json"], ["--by-length"], ["--references", "all"]))
    if random.random() < 0.5:
        options = [*options, "--metrics", ",".join(random.sample(METRICS, random.choice((1, 2, len(METRICS)))))]
    return Attempt(["evaluate", model, "--data", name, *options])


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


def _parquet(random: Random, pairs: Rows) -> bytes:
    names = random.choice((("source", "target", "tags"), ("a", "b", "c"), ("a", "a", "c")))
    columns: list[list[Any]] = [list(column) for column in zip_longest(*(row[:3] for row in pairs))] or [[]]
    if random.random() < 0.3:
        columns[0] = random.choice(([1] * len(columns[0]), [None] * len(columns[0]), [[each] for each in columns[0]]))
    stream = io.BytesIO()
    table = Table.from_arrays([array(each) for each in columns], names[: len(columns)])
    parquet.write_table(table, stream)
    return stream.getvalue()


FORMATS: dict[str, Write] = {"tsv": _tsv, "csv": _csv, "jsonl": _jsonl, "txt": _tsv, "parquet": _parquet}
