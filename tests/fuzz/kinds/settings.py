"""Settings: recipes, changed in their values or their bytes, and ``--set``."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import tomli_w

from s2s_core.config.optimizer import OPTIMIZERS
from s2s_core.config.schedule import SCHEDULES
from s2s_core.config.training import AVERAGES, PRECISIONS

from ..attempt import Attempt
from ..mutation import content, tree
from ..mutation.values import text, value

CHOICES = {
    "schedule": tuple(SCHEDULES),
    "optimizer": tuple(OPTIMIZERS),
    "average": AVERAGES,
    "precision": PRECISIONS,
    "average_over": ("tokens", "pairs"),
    "normalization": ("none", "nfkc", "nfd", "nfkd"),
    "score": ("dot", "general", "additive"),
    "format": ("auto", "tsv", "csv", "jsonl"),
    "references": ("each", "all"),
    "on_error": ("stop", "skip"),
    "length_unit": ("characters", "words"),
    "select": ("exact_match", "edit_distance", "bleu", "perplexity"),
    "validation": ("pairs.tsv", "two.tsv", "lines.txt"),
    "test": ("pairs.tsv", "two.tsv"),
    "initial_run": ("run", "other", "half", "nowhere"),
}
"""What settings of texts may say, by their names."""

COMPONENTS = {
    "encoder": ("gru", "lstm", "mlp-rnn", "transformer"),
    "decoder": (
        "attention-gru", "attention-lstm", "gru", "hard-attention-lstm", "lstm", "mlp-rnn", "monotonic-lstm",
        "transformer",
    ),
}  # fmt: skip


def attempt(random: Random, folder: Path) -> Attempt:
    """Trains with changed settings, or evaluates a run with some."""
    name = random.choice(("run", "other"))
    recipe = (folder / name / "run.toml").read_bytes()
    kind = random.randrange(100)
    if kind < 20:
        (folder / "recipe.toml").write_bytes(content.mutate(random, recipe))
        return Attempt(["train", "recipe.toml", "--output", "out"], trains=True)
    if kind < 60:
        (folder / "recipe.toml").write_bytes((changed if kind < 30 else plausible)(random, recipe))
        return Attempt(["train", "recipe.toml", "--output", "out"], trains=True)
    assignments = [assignment(random, tomllib.loads(recipe.decode())) for _ in range(random.randint(1, 3))]
    options = [word for each in assignments for word in ("--set", each)]
    if kind < 83:
        return Attempt(["train", f"{name}/run.toml", *options, "--output", "out"], trains=True)
    if kind < 99:
        return Attempt(["evaluate", random.choice((name, f"{name}/model.onnx")), *options])
    return Attempt(["export", name, *options, "--output", "new.onnx"], exports=True)


def changed(random: Random, recipe: bytes) -> bytes:
    """Returns a recipe with other values."""
    tables = _storable(tree.mutate(random, tomllib.loads(recipe.decode())))
    try:
        return tomli_w.dumps(tables if isinstance(tables, dict) else {"task": tables}).encode()
    except ValueError:  # a number that TOML can't hold
        return content.mutate(random, recipe)


def plausible(random: Random, recipe: bytes) -> bytes:
    """Returns a recipe with other values of the right types, most of them small, and perhaps other components."""
    tables = tomllib.loads(recipe.decode())
    for kind, names in COMPONENTS.items():
        if random.random() < 0.5:
            tables[kind] = {"name": random.choice(names), "hidden_size": random.choice((4, 8))}
    for _ in range(random.randint(1, 5)):
        *path, name = random.choice(list(_names(tables))).split(".")
        table = tables
        for step in path:
            table = table[step]
        if name == "name" and path[-1] == "tokenizer":
            table.clear()
            table["name"] = random.choice(("characters", "words", "bytes", "bpe", "unigram"))
        elif name != "name":
            table[name] = random.choice(CHOICES[name]) if name in CHOICES else _like(random, table[name])
    return tomli_w.dumps(tables).encode()


def _like(random: Random, old: Any) -> Any:
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return random.choice((1, 1, 2, 3, 5, 10, 100, 0))
    if isinstance(old, float):
        return random.choice((0.0, 0.001, 0.1, 0.5, 0.5, 0.9, 1.0, 2.5))
    if isinstance(old, str):
        return old
    return random.choice(([], [3], [1, 2], [2, 1], ["exact_match"], ["perplexity", "bleu"], ["tensorboard"], [0]))


def assignment(random: Random, tables: dict[str, Any]) -> str:
    """Returns ``NAME=VALUE``, mostly with a name that there is."""
    names = [*_names(tables), "encoder", "task", "source.tokenizer", "evaluation.metrics", "training"]
    name = random.choice(names) if random.random() < 0.9 else text(random)
    written = random.choice((text(random), str(value(random)), tomli_w.dumps({"x": _storable(value(random))})[4:-1]))
    return f"{name}{random.choice('=' * 19 + ' ')}{written}".replace("\0", "")


def _names(tables: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, inner in tables.items():
        if isinstance(inner, dict):
            yield from _names(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def _storable(node: Any) -> Any:
    """Returns a tree without nulls, which TOML lacks."""
    if isinstance(node, dict):
        return {key: _storable(inner) for key, inner in node.items() if inner is not None}
    if isinstance(node, list):
        return [_storable(inner) for inner in node if inner is not None]
    return node
