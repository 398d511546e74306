"""Folders of runs: with files that are missing, cut short, changed, mixed up with those of another run, or folders."""

import json
import shutil
from pathlib import Path
from random import Random

from ..attempt import Attempt
from ..mutation import content, rows, tree
from . import settings

FILES = (
    "run.toml", "model.json", "model.safetensors", "resume/state.safetensors", "metrics.jsonl", "model.onnx",
    "README.md", ".lock",
)  # fmt: skip


def attempt(random: Random, folder: Path) -> Attempt:
    """Uses a damaged run, or goes on with it."""
    name = random.choice(("run", "other", "half"))
    for _ in range(random.choice((1, 1, 2))):
        _damage(random, folder, folder / name / random.choice(FILES[:6] if random.random() < 0.95 else FILES))
    kind = random.randrange(100)
    if kind < 35:
        return Attempt(["train", "--resume", "--output", name], trains=True)
    if kind < 36:
        return Attempt(["run", "--resume", "--output", name], trains=True, exports=True)
    if kind < 43:
        return Attempt(["train", f"{name}/run.toml", "--output", name, "--overwrite"], trains=True)
    if kind < 50:
        return Attempt(
            ["train", "run/run.toml", "--set", f"training.initial_run={name}", "--output", "out"], trains=True
        )
    if kind < 51:
        return Attempt(["export", name, "--output", "new.onnx"], exports=True)
    return Attempt(_reading(random, name), stdin=(folder / "lines.txt").read_bytes())


def _reading(random: Random, name: str) -> list[str]:
    """Returns a command that only reads a run."""
    return random.choice((
        ["evaluate", name], ["evaluate", name], ["evaluate", name, "run"], ["evaluate", f"{name}/model.onnx"],
        ["score", name, "two.tsv"], ["predict", name], ["compare", name, "run"],
        ["plot", "learning", name, "--json"], ["plot", "length", name, "--json"], ["plot", "states", name, "--json"],
        ["plot", "attention", name, "abc", "--json"], ["report", name], ["report", name, "run", "-o", "page.html"],
    ))  # fmt: skip


def _damage(random: Random, folder: Path, path: Path) -> None:
    if not path.is_file():
        return
    kept = path.read_bytes()
    kind = random.randrange(12)
    path.unlink()
    if kind == 0:
        return
    if kind == 1:
        path.mkdir()
    elif kind == 2:
        path.symlink_to(random.choice(("nowhere", folder / "pairs.tsv", ".")))
    elif kind == 3:
        path.write_bytes(random.choice((b"", b"\0" * len(kept), kept[: len(kept) // 2])))
    elif kind < 6:
        other = folder / random.choice(("run", "other", "half")) / random.choice((path.name, *FILES))
        shutil.copyfile(other, path) if other.is_file() else path.write_bytes(kept)
    elif kind < 8:
        path.write_bytes(content.mutate(random, kept))
    else:
        path.write_bytes(_changed(random, path, kept))


def _changed(random: Random, path: Path, kept: bytes) -> bytes:
    """Returns a file's content with other values."""
    try:
        if path.suffix == ".toml":
            return settings.changed(random, kept)
        if path.suffix == ".json":
            return tree.mutate_json(random, kept)
        if path.suffix == ".jsonl":
            return _changed_log(random, kept)
        if path.suffix == ".safetensors":
            return _changed_header(random, kept)
    except ValueError:  # changed before
        return content.mutate(random, kept)
    return content.mutate(random, kept)


def _changed_log(random: Random, kept: bytes) -> bytes:
    lines = kept.splitlines(keepends=True)
    if random.random() < 0.3:
        return "".join(row[0] for row in rows.mutate(random, [[line.decode()] for line in lines]) if row).encode()
    place = random.randrange(len(lines))
    lines[place] = tree.mutate_json(random, lines[place]) + b"\n"
    return b"".join(lines)


def _changed_header(random: Random, kept: bytes) -> bytes:
    """Returns a file of safetensors with other names, types, shapes or metadata in its header."""
    size = int.from_bytes(kept[:8], "little")
    header = json.loads(kept[8 : 8 + size])
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and random.random() < 0.5:
        header["__metadata__"] = _changed_metadata(random, metadata)
    else:
        header = tree.mutate(random, header)
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + kept[8 + size :]


def _changed_metadata(random: Random, metadata: dict[str, str]) -> dict[str, str]:
    """Returns metadata, whose values are JSON mostly, with changes within one of them."""
    name = random.choice(list(metadata)) if metadata else "a"
    try:
        return {**metadata, name: json.dumps(tree.mutate(random, json.loads(metadata[name])))}
    except (KeyError, ValueError):
        return {**metadata, name: str(random.random())}
