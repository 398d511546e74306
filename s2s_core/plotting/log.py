"""Reads the records that runs and evaluations have written."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2s_core.errors import ConfigError, ModelError, closest, listing
from s2s_core.runs.log import Record, read_metrics


def read_log(folder: Path) -> list[Record]:
    """Returns the lines of a run's ``metrics.jsonl``.

    Raises:
        ModelError: The file is missing or damaged.
    """
    return read_metrics(folder / "metrics.jsonl")


def read_test(path: Path) -> Record:
    """Returns what an evaluation recorded, as ``read_evaluation`` does, whatever it has."""
    return _last_test(path) if path.is_dir() else _parsed(_text(path), path)


def read_evaluation(path: Path) -> Record:
    """Returns the evaluation in a run's folder, or in a file that ``s2s evaluate --json`` wrote.

    Raises:
        ModelError: There is no evaluation, or it is damaged.
    """
    record = read_test(path)
    buckets = record.get("buckets")
    if not buckets:
        raise ModelError(f"{path} has no scores by length: s2s evaluate {path} --json > scores.json makes such a file")
    if not isinstance(buckets, list) or not all(isinstance(bucket, dict) for bucket in buckets):
        raise ModelError(f"{path} is damaged: buckets must be a list of JSON objects")
    return record


def scores_of(record: Record, name: str, path: Path) -> dict[str, Any]:
    """Returns the scores that a record holds under a name, by metric.

    Raises:
        ModelError: The record has no scores under this name.
    """
    scores = record.get(name)
    if not isinstance(scores, dict) or not scores:
        raise ModelError(
            f"{path} is damaged: {name} must be a JSON object of metrics and their scores (got {scores!r})"
        )
    return scores


def require_metric(metric: str, scores: Mapping[str, Any], path: Path, remedy: str = "") -> None:
    """Checks that scores include a metric.

    Args:
        metric: The metric's name.
        scores: The scores by metric.
        path: The run or file that they come from.
        remedy: How to compute the metric, for the message.

    Raises:
        ConfigError: The metric is missing.
    """
    if metric not in scores:
        message = f"{path} has no metric {metric!r}{closest(metric, scores)}; it has: {listing(scores)}"
        raise ConfigError("; ".join(filter(None, (message, remedy))))


def numbers(records: Sequence[Record], name: str, path: Path) -> list[Any]:
    """Returns the number that each record holds under a name.

    Raises:
        ModelError: A record has no finite number under this name.
    """
    values = [record.get(name) for record in records]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise ModelError(f"{path} is damaged: {name} must be a finite number (got {value!r})")
    return values


def names(paths: Sequence[Path]) -> list[str]:
    """Returns a short name for each path: its last component, or as many as make all names distinct."""
    resolved = [path.with_suffix("") if path.suffix == ".json" else path for path in map(Path.resolve, paths)]
    for count in range(1, max((len(path.parts) for path in resolved), default=1)):
        short = ["/".join(path.parts[-count:]) for path in resolved]
        if len(set(short)) == len(set(resolved)):
            return short
    return [str(path) for path in paths]


def _last_test(folder: Path) -> Record:
    return next((record for record in reversed(read_log(folder)) if "test" in record), {})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: it is not text in UTF-8") from error


def _parsed(text: str, path: Path) -> Record:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if not isinstance(record, dict):
        raise ModelError(f"{path} is damaged: it is not a JSON object")
    return record
