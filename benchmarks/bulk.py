"""Measures ``s2s predict`` on whole files: rows in a second by the number of workers, and the peak of memory by size.

    python benchmarks/bulk.py runs/demo

Parquet files of random words are answered with the file of a finished run, each in a process of its own. Time is that
of the whole command; memory is the most that was resident. A larger file should take no more of it.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pyarrow as pa
from pyarrow import parquet

LETTERS = "abcdefghijklmnopqrstuvwxyz"
GROUP = 50_000


@click.command()
@click.argument("run", default="runs/demo", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rows", "sizes", multiple=True, default=[50_000, 500_000], show_default=True, type=click.IntRange(1))
@click.option("--workers", "counts", multiple=True, default=[1, 2], show_default=True, type=click.IntRange(1))
def main(run: Path, sizes: tuple[int, ...], counts: tuple[int, ...]) -> None:
    """Measures answering files."""
    print(f"{'rows':>10} {'workers':>8} {'seconds':>8} {'rows/s':>8} {'CPU s':>8} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            source = Path(folder) / f"{size}.parquet"
            write_words(source, size)
            for count in counts:
                seconds, processor, megabytes = answered(run, source, count)
                print(
                    f"{size:10,} {count:8} {seconds:8.1f} {size / seconds:8,.0f} {processor:8.1f} {megabytes:8.0f}",
                    flush=True,
                )


def write_words(path: Path, count: int) -> None:
    """Writes words of 1 to 8 letters, in row groups as a data pipeline writes them."""
    rng = random.Random(0)
    schema = pa.schema({"number": pa.int64(), "word": pa.string()})
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, count, GROUP):
            numbers = range(start, min(start + GROUP, count))
            words = ["".join(rng.choices(LETTERS, k=rng.randint(1, 8))) for _ in numbers]
            writer.write_table(pa.table({"number": numbers, "word": words}, schema))


def answered(run: Path, source: Path, workers: int) -> tuple[float, float, float]:
    """Returns the seconds, the processor seconds and the megabytes that it takes to answer a file."""
    output = source.with_name("answers.parquet")
    options = ["--column", "word", "--workers", workers, "-o", output, "--overwrite"]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "s2s_core", "predict", run, source, *map(str, options)])
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"answering ended with {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
