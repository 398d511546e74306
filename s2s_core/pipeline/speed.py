"""How fast exported files answer."""

import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

MOST_CALLS, FEWEST_CALLS = 200, 3
"""How often each file is asked, at most, and at least where batches need all texts sooner."""


def milliseconds_per_text(files: Sequence[Path | bytes], texts: Sequence[str], size: int = 1) -> list[float]:
    """Returns the median time in milliseconds in which each file answers a text, on one thread of the CPU.

    The files answer in turns, so that other programs of the machine disturb all of them alike.

    Args:
        files: Their paths or contents.
        texts: At least one; the first ones are timed, and come again where batches need more.
        size: How many texts are answered at once.
    """
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    models = [ExportedModel(file, threads=1) for file in files]
    endless = itertools.cycle(texts)
    times: list[list[float]] = [[] for _ in models]
    for number in range(1 + max(min(MOST_CALLS, len(texts)) // size, FEWEST_CALLS)):
        batch = list(itertools.islice(endless, size))
        for model, measured in zip(models, times, strict=True):
            began = time.perf_counter()
            model(batch)
            if number:  # the first call allocates memory
                measured.append((time.perf_counter() - began) / size)
    return [1000 * statistics.median(measured) for measured in times]
