"""Lines: what predict, score and evaluate read."""

from pathlib import Path
from random import Random

from ..attempt import Attempt
from ..mutation import content
from ..mutation.values import TEXTS, text

SEARCH = {
    "--beam-size": (1, 2, 5, 30),
    "--n-best": (1, 2, 4),
    "--max-length": (1, 3, 100),
    "--min-length": (0, 2, 50),
    "--length-penalty": (0, 1, -2, 50),
    "--max-length-ratio": (0, 0.001, 0.01),  # a line may be long, and each token takes a step
    "--batch-size": (1, 3, 64, 1000),
    "--no-repeat-ngram": (0, 1, 2),
    "--coverage-penalty": (0, 0.5),
    "--temperature": (0.1, 1, 9),
    "--top-k": (0, 1, 5),
    "--top-p": (0.1, 1),
    "--seed": (0, 7),
    "--prefix": ("a", "", "\U0001f642", "zz", "ab ab"),
    "--features": ("2", "2,3", "3"),
}

MARK = b"\xef\xbb\xbf"


def attempt(random: Random, folder: Path) -> Attempt:
    """Answers, scores or evaluates changed lines."""
    lines = (folder / random.choice(("lines.txt", "pairs.tsv"))).read_bytes()
    lines += b"".join(text(random).encode() + b"\n" for _ in range(random.randint(0, 9)))
    changed = content.mutate(random, lines) if random.random() < 0.4 else lines
    run = random.choice(("run", "other"))
    kind = random.randrange(10)
    if kind < 7:
        return predict(random, f"{run}/model.onnx", changed)
    pairs = _paired(random, changed)
    if kind < 9:
        return Attempt(["score", run, "--batch-size", str(random.choice((1, 3, 64)))], pairs, count(pairs))
    options = random.choice(([], ["--references", "all"], ["--metrics", "ter,chrf,bleu"], ["--metrics", "perplexity"]))
    return Attempt(["evaluate", run, "--data", "-", *options], pairs)


def _paired(random: Random, lines: bytes) -> bytes:
    """Returns lines with a tab in each, mostly."""
    if random.random() < 0.2:
        return lines
    columns = [line.split(b"\t") for line in lines.split(b"\n")]
    return b"\n".join(b"\t".join((row[0], b" ".join(row[1:]))) if any(row) else b"" for row in columns)


def predict(random: Random, model: str, lines: bytes) -> Attempt:
    """Answers lines, perhaps with options of the search."""
    chosen = random.sample(list(SEARCH), random.choice((0, 0, 1, 1, 2, 3)))
    options = [word for name in chosen for word in (name, str(random.choice(SEARCH[name])))]
    if random.random() < 0.2:
        options.append("--scores")
    if random.random() < 0.05:
        options += [random.choice(list(SEARCH)), random.choice(TEXTS).replace("\0", "")]
    return Attempt(["predict", model, "-", *options], lines, count(lines))


def count(lines: bytes) -> int:
    """Returns how many lines there are: each ends with a line feed, which the last one needs not."""
    while lines.startswith(MARK):
        lines = lines.removeprefix(MARK)
    return lines.count(b"\n") + (not lines.endswith(b"\n") and lines != b"")
