"""Reads what runs and evaluations wrote about themselves."""

import json
from collections.abc import Sequence
from pathlib import Path

from s2s_core.errors import ModelError
from s2s_core.training.log import Record, read_metrics


def read_log(folder: Path) -> list[Record]:
    """Returns the lines of a run's ``metrics.jsonl``.

    Raises:
        ModelError: It's missing or damaged.
    """
    return read_metrics(folder / "metrics.jsonl")


def read_evaluation(path: Path) -> Record:
    """Returns the evaluation in a run's folder, or in a file that ``s2s evaluate --json`` wrote.

    Raises:
        ModelError: There is none, or it's damaged.
    """
    record = _last_test(path) if path.is_dir() else _parsed(_text(path), path)
    if not record.get("buckets"):
        raise ModelError(f"{path} has no scores by length: s2s evaluate {path} --json > scores.json makes such a file")
    return record


def names(paths: Sequence[Path]) -> list[str]:
    """Returns a short name for each path: its last part, or as much of it as tells all apart."""
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
        raise ModelError(f"{path} is damaged: it is no text") from error


def _parsed(text: str, path: Path) -> Record:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if not isinstance(record, dict):
        raise ModelError(f"{path} is damaged: it is no JSON object")
    return record
