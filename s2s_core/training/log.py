"""The file ``metrics.jsonl``: a JSON object for each validation."""

import json

from s2s_core.files import write_atomically
from s2s_core.run import Run


def append_metrics(run: Run, record: dict[str, object]) -> None:
    """Adds a line."""
    with run.metrics_path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def truncate_metrics(run: Run, step: int) -> None:
    """Drops the lines that training will write again, or wrote only half."""
    if not run.metrics_path.exists():
        return
    lines = run.metrics_path.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [(line, json.loads(line)) for line in lines if line.endswith("\n")]
    kept = [line for line, record in records if record["step"] <= step and "test" not in record]
    write_atomically(run.metrics_path, "".join(kept))
