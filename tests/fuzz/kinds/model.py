"""Exported files, changed in their structure, their metadata or their bytes."""

from pathlib import Path
from random import Random

from ..attempt import Attempt
from ..mutation import content, graph
from .lines import predict


def attempt(random: Random, folder: Path) -> Attempt:
    """Answers or evaluates with a changed file."""
    path = folder / random.choice(("run", "run", "other")) / "model.onnx"
    file = path.read_bytes()
    kind = random.randrange(10)
    if kind < 6:
        changed = graph.mutate(random, file)
    else:
        changed = content.touch(random, file) if kind < 9 else content.mutate(random, file, most=3)
    (folder / "model.onnx").write_bytes(changed)
    if random.random() < 0.15:
        return Attempt(["evaluate", "model.onnx", "--data", "two.tsv"])
    lines = (folder / "lines.txt").read_bytes()
    if random.random() < 0.8:
        return Attempt(["predict", "model.onnx"], lines, lines.count(b"\n"))
    return predict(random, "model.onnx", lines)
