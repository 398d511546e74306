"""Jobs of ``s2s predict --output``, new ones and interrupted ones, with changed rows, journals or options."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from pyarrow import Table, parquet

from .. import material
from ..attempt import Attempt
from ..mutation import content, tree
from ..mutation.values import TEXTS, text
from .lines import count

COLUMNS = ("word", "word", "word", "wrod", "tags", "")

OPTIONS = {"--workers": (1, 2, 5), "--batch-size": (1, 3, 64), "--answer-column": ("answer", "word", "a b", "")}

CHANGED = 0.5
"""How often a file is changed."""


def attempt(random: Random, folder: Path) -> Attempt:
    """Begins a job, or goes on with the one of the material."""
    if random.random() < 0.4:
        return _resumed(random, folder)
    return random.choice((_lines, _json_lines, _parquet))(random, folder)


def _resumed(random: Random, folder: Path) -> Attempt:
    """Goes on after an interruption, perhaps with another input, journal or settings."""
    job = material.JOB
    journal = folder / f"{job.output}.part"
    kind = random.randrange(5)
    if kind == 0:
        journal.write_bytes(content.mutate(random, journal.read_bytes()))
    elif kind == 1:
        first, *rest = journal.read_bytes().split(b"\n")
        journal.write_bytes(b"\n".join([tree.mutate_json(random, first), *rest]))
    elif kind == 2:
        (folder / job.source).write_bytes(content.mutate(random, (folder / job.source).read_bytes()))
    arguments = [*job.arguments, random.choice(("--resume", "--resume", "--resume", "--overwrite"))]
    if kind == 3:
        arguments += _options(random, ("--workers", "--batch-size"))
    return Attempt(arguments, answers=count((folder / job.source).read_bytes()), output=job.output)


def _lines(random: Random, folder: Path) -> Attempt:
    lines = (folder / "lines.txt").read_bytes() + b"".join(text(random).encode() + b"\n" for _ in range(3))
    lines = _changed(random, lines)
    (folder / "in.txt").write_bytes(lines)
    return _begun(random, "in.txt", "out.txt", [], answers=count(lines))


def _json_lines(random: Random, folder: Path) -> Attempt:
    rows = [{"word": random.choice((*TEXTS, "ab")), "tags": number} for number in range(random.randint(0, 9))]
    lines = "".join(json.dumps(tree.mutate(random, row) if random.random() < 0.1 else row) + "\n" for row in rows)
    (folder / "in.jsonl").write_bytes(_changed(random, lines.encode()))
    return _begun(random, "in.jsonl", "out.jsonl", ["--column", random.choice(COLUMNS)])


def _parquet(random: Random, folder: Path) -> Attempt:
    words = [random.choice((*TEXTS, "ab", None)) for _ in range(random.randint(0, 9))]
    stream = io.BytesIO()
    parquet.write_table(Table.from_pydict({"word": words, "tags": list(range(len(words)))}), stream)
    (folder / "in.parquet").write_bytes(_changed(random, stream.getvalue()))
    return _begun(random, "in.parquet", "out.parquet", ["--column", random.choice(COLUMNS)])


def _changed(random: Random, file: bytes) -> bytes:
    return content.mutate(random, file) if random.random() < CHANGED else file


def _begun(random: Random, source: str, output: str, options: Sequence[str], *, answers: int | None = None) -> Attempt:
    run = random.choice(("run", "other"))
    output = random.choice((output, output, output, output, "nowhere/out.txt", "run", source, "\u202eout.txt"))
    arguments = ["predict", f"{run}/model.onnx", source, "--output", output, *options, *_options(random, OPTIONS)]
    return Attempt(arguments, answers=answers, output=output)


def _options(random: Random, names: Sequence[str]) -> list[str]:
    chosen = random.sample(list(names), random.choice((0, 1, 1, 2)))
    return [word for name in chosen for word in (name, str(random.choice(OPTIONS[name])))]
