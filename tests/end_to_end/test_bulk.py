"""The scripts in ``docs/examples/bulk/`` answer Parquet files by an engine, where that is installed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from s2s_core.runtime.file import load

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = DOCS / "examples" / "bulk"
MODULES = {"with_beam": "apache_beam", "with_daft": "daft", "with_ray": "ray", "with_spark": "pyspark"}
TEXTS = ["abc", "cab", "bb b", "a", "b\u00e4c", "ccc"] * 10


def test_every_script_is_tested():
    """A new one needs its engine's module here."""
    assert sorted(MODULES) == sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_an_engine_answers_parquet(export_once, tmp_path, name):
    """All columns are kept, and each text has the answer of the file."""
    if importlib.util.find_spec(MODULES[name]) is None:
        pytest.skip(f"{MODULES[name]} isn't installed")
    file = export_once("characters").path
    parquet.write_table(pa.table({"id": range(len(TEXTS)), "text": TEXTS}), tmp_path / "in.parquet")
    output = tmp_path / "out"
    command = [sys.executable, SCRIPTS / f"{name}.py", file, tmp_path / "in.parquet", "text", output]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    subprocess.run(command, check=True, capture_output=True, timeout=600, env=environment)
    written = output.rglob("*.parquet") if output.is_dir() else tmp_path.glob("out*.parquet")
    rows = [row for path in written for row in parquet.ParquetFile(path).read().to_pylist()]
    expected = zip(range(len(TEXTS)), TEXTS, load(file)(TEXTS), strict=True)
    assert sorted((row["id"], row["text"], row["answer"]) for row in rows) == list(expected)


def test_the_page_shows_the_script():
    """As it is."""
    page = (DOCS / "millions-of-lines.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown == (SCRIPTS / "with_daft.py").read_text(encoding="utf-8")
