"""Metrics of a server, in the text format of Prometheus."""

import bisect
from collections.abc import Iterator, Mapping, Sequence

TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the format."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_Labels = tuple[str, ...]


class Counter:
    """Counts what happened.

    Args:
        name: Its name.
        meaning: What it counts.
        labels: The names of its labels.
    """

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._values: dict[_Labels, float] = {}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Counts something with these labels."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def lines(self) -> Iterator[str]:
        """Yields its lines."""
        yield from _head(self._name, self._meaning, "counter")
        for labels, value in self._values.items():
            yield _line(self._name, dict(zip(self._labels, labels, strict=True)), value)


class Histogram:
    """Counts values by their size.

    Args:
        name: Its name.
        meaning: What it counts.
        bounds: The upper bounds of its buckets.
        labels: The names of its labels.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], *labels: str) -> None:
        self._name, self._meaning, self._bounds, self._labels = name, meaning, bounds, labels
        self._counts: dict[_Labels, list[int]] = {}
        self._sums: dict[_Labels, float] = {}

    def add(self, value: float, *labels: str) -> None:
        """Counts a value with these labels."""
        counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
        counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sums[labels] = self._sums.get(labels, 0) + value

    def lines(self) -> Iterator[str]:
        """Yields its lines; each bucket counts those below it too."""
        yield from _head(self._name, self._meaning, "histogram")
        for values, counts in self._counts.items():
            labels = dict(zip(self._labels, values, strict=True))
            total = 0
            for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
                total += count
                yield _line(f"{self._name}_bucket", {**labels, "le": bound}, total)
            yield _line(f"{self._name}_sum", labels, self._sums[values])
            yield _line(f"{self._name}_count", labels, total)


class Metrics:
    """What is measured of a server.

    Attributes:
        requests: Requests for answers, by endpoint, ``answer`` or ``infer``, and status.
        seconds: How long they took, by endpoint.
        texts: Texts that were answered, by model.
        batches: How many texts each batch had, by model.
        computing: How long each batch took, by model.
        reloads: Reloads of files, by model and result.
    """

    def __init__(self) -> None:
        self.requests = Counter("s2s_requests_total", "Requests for answers.", "endpoint", "status")
        self.seconds = Histogram("s2s_request_seconds", "Seconds from request to response.", _SECONDS, "endpoint")
        self.texts = Counter("s2s_texts_total", "Texts that were answered.", "model")
        self.batches = Histogram("s2s_batch_texts", "Texts that were answered together.", _TEXTS, "model")
        self.computing = Histogram("s2s_batch_seconds", "Seconds that a batch was computed.", _SECONDS, "model")
        self.reloads = Counter("s2s_reloads_total", "Files that were opened again.", "model", "result")

    def text(self, waiting: Mapping[str, int]) -> str:
        """Returns all metrics.

        Args:
            waiting: How many texts each model has to answer at the moment.
        """
        metrics = (self.requests, self.seconds, self.texts, self.batches, self.computing, self.reloads)
        lines = [line for metric in metrics for line in metric.lines()]
        lines += _head("s2s_waiting_texts", "Texts that wait or are being answered.", "gauge")
        lines += [_line("s2s_waiting_texts", {"model": name}, count) for name, count in waiting.items()]
        return "\n".join(lines) + "\n"


def _head(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
