"""Measures whether a file is as often right as its confidence says.

    python benchmarks/calibration.py MODEL PAIRS [--references all]

MODEL was exported with ``export.confidence = true``, PAIRS has a source, a tab and a target on each line. It uses plain
ONNX Runtime, and counts without the code of s2s: the expected calibration error with ten bins of equal width, the
errors of all answers, and those of the surest 80 %, 90 % and so on.
"""

import math
from collections import defaultdict
from pathlib import Path

import click
import numpy as np
import onnxruntime

SHARES = (1.0, 0.95, 0.9, 0.8, 0.5)
BINS = 10
BATCH = 256


@click.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("pairs", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--references", type=click.Choice(["each", "all"]), default="each", help="Of lines with one source.")
def main(model: Path, pairs: Path, references: str) -> None:
    """Prints the calibration error and the errors of the surest answers."""
    rows = read(pairs, references)
    answers, confidence = answer(model, [source for source, _ in rows])
    right = np.array([text in targets for text, (_, targets) in zip(answers, rows, strict=True)])
    print(f"{len(rows):,} answers: expected calibration error {calibration_error(confidence, right):.2%}")
    order = sorted(range(len(rows)), key=lambda row: -confidence[row])
    for share in SHARES:
        surest = order[: math.ceil(share * len(order))]
        print(f"surest {share:>4.0%}: {1 - right[surest].mean():.2%} wrong, surer than {confidence[surest[-1]]:.3f}")


def read(path: Path, references: str) -> list[tuple[str, set[str]]]:
    """Returns each source with its right answers."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]
    if references == "each":
        return [(source, {target}) for source, target, *_ in lines]
    targets = defaultdict(set)
    for source, target, *_ in lines:
        targets[source].add(target)
    return list(targets.items())


def answer(model: Path, sources: list[str]) -> tuple[list[str], list[float]]:
    """Returns the best answer to each source, and how sure the file is of it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    answers, confidence = [], []
    for start in range(0, len(sources), BATCH):
        batch = {"source": np.array(sources[start : start + BATCH], object)}
        texts, sure = session.run(["target", "confidence"], batch)
        answers += texts.tolist()
        confidence += sure.tolist()
    return answers, confidence


def calibration_error(confidence: list[float], right: np.ndarray) -> float:
    """Returns the mean distance between confidence and truth, bin by bin."""
    bins = defaultdict(list)
    for sure, is_right in zip(confidence, right.tolist(), strict=True):
        bins[min(int(sure * BINS), BINS - 1)].append((sure, is_right))
    gaps = (len(pairs) * abs(np.mean([sure - is_right for sure, is_right in pairs])) for pairs in bins.values())
    return float(sum(gaps) / len(confidence))


if __name__ == "__main__":
    main()
