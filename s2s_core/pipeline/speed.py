"""How fast an exported file answers."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

MOST_TEXTS = 200
"""The most texts that are timed."""


def milliseconds_per_text(path: Path, texts: Sequence[str]) -> float:
    """Returns the median time in milliseconds in which a file answers one text alone, on one thread of the CPU.

    Args:
        path: The file.
        texts: At least one; the first ``MOST_TEXTS`` are timed.
    """
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    model = ExportedModel(path, threads=1)
    model(texts[:1])  # the first call allocates memory
    times = []
    for text in texts[:MOST_TEXTS]:
        began = time.perf_counter()
        model([text])
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)
