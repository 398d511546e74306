"""The file ``metrics.jsonl``: a JSON object for each validation, and one for the test."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from s2s_core.errors import ModelError
from s2s_core.files import append_line, write_atomically
from s2s_core.runs.run import Run

Record = dict[str, Any]


def read_metrics(path: Path) -> list[Record]:
    """Returns the lines, except a last one that was only half written.

    Raises:
        ModelError: The file can't be read, or a line is not a record.
    """
    try:
        *lines, _ = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: it is not text; put back what it was, or remove it") from error
    return [_parsed(line, f"{path} is damaged: line {number}") for number, line in enumerate(lines, 1)]


def append_metrics(run: Run, record: Record) -> None:
    """Appends a record as a line."""
    append_line(run.metrics_path, json.dumps(record))


def truncate_metrics(run: Run, step: int) -> int:
    """Drops the lines that training will write again, and a half-written last one.

    Args:
        run: The run.
        step: The step that training goes on from.

    Returns:
        How many validations before it have no line.

    Raises:
        ModelError: A line is damaged.
    """
    records: list[Record] = []
    if run.metrics_path.exists():
        records = [one for one in read_metrics(run.metrics_path) if one["step"] <= step and "test" not in one]
        _write(run, records)
    validated = range(run.config.training.validate_every, step + 1, run.config.training.validate_every)
    return len({*validated} - {record["step"] for record in records})


def record_test(run: Run, record: Record) -> None:
    """Makes the record of the test the last line, in place of an earlier test's.

    Raises:
        ModelError: A line is damaged.
    """
    records = read_metrics(run.metrics_path) if run.metrics_path.exists() else []
    validations = [record for record in records if "test" not in record]
    step = validations[-1]["step"] if validations else 0
    _write(run, [*validations, {"step": step, **record}])


def _parsed(line: str, where: str) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where} is not JSON; remove it") from error
    if not isinstance(record, dict) or not isinstance(record.get("step"), int):
        raise ModelError(f'{where} is not a JSON object with a whole number as "step"; remove it')
    return record


def _write(run: Run, records: Iterable[Record]) -> None:
    write_atomically(run.metrics_path, "".join(map(_line, records)))


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
