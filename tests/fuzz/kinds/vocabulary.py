"""Vocabularies, and what else tokenizers keep: in the folder of a run, and in an exported file."""

import json
from pathlib import Path
from random import Random

import onnx

from ..attempt import Attempt
from ..mutation import content, tree

SIDES = ("source_tokenizer", "target_tokenizer")


def attempt(random: Random, folder: Path) -> Attempt:
    """Uses a run or a file with changed vocabularies."""
    name = random.choice(("run", "other"))
    lines = content.mutate(random, (folder / "lines.txt").read_bytes(), most=1)
    if random.random() < 0.2:
        _change_file(random, folder / name / "model.onnx")
        return Attempt(["predict", name, "--batch-size", "3"], lines, None)
    _change_run(random, folder / name / "model.json")
    kind = random.randrange(100)
    if kind < 35:
        return Attempt(["evaluate", name, "--data", "two.tsv"])
    if kind < 60:
        return Attempt(["score", name, "two.tsv"])
    if kind < 75:
        return Attempt(["evaluate", name, *random.choice((["run"], ["other"], ["half"]))])
    if kind < 99:
        options = ["--set", f"training.initial_run={name}"]
        return Attempt(["train", f"{name}/run.toml", *options, "--output", "out"], trains=True)
    return Attempt(["export", name, "--output", "new.onnx"], exports=True)


def _change_run(random: Random, path: Path) -> None:
    description = json.loads(path.read_bytes())
    side = random.choice(SIDES)
    if random.random() < 0.1:
        description[SIDES[0]], description[SIDES[1]] = description[SIDES[1]], description[SIDES[0]]
    else:
        description[side] = tree.mutate(random, description[side])
    path.write_text(json.dumps(description), encoding="utf-8")


def _change_file(random: Random, path: Path) -> None:
    model = onnx.load(path)
    (entry,) = (each for each in model.metadata_props if each.key == "s2s")
    metadata = json.loads(entry.value)
    metadata["source_tokenizer"] = tree.mutate(random, metadata["source_tokenizer"])
    entry.value = json.dumps(metadata)
    path.write_bytes(model.SerializeToString())
