"""Measures a server: requests a second and their latency, with concurrent clients, with and without dynamic batching.

    python benchmarks/serving.py runs/demo/model.onnx [--seconds N] [--clients N]

Each client sends one text, waits for its answer, and sends the next, over a connection that stays open. All clients run
in this process, beside the server, and so share its cores.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

WORDS = ["hello", "world", "reverse", "serving", "a", "batches", "of", "requests"]

SETTINGS = {"alone": ["--batch-size", "1"], "batches": [], "wait 2 ms": ["--max-wait", "2"]}
"""The options of each server that is measured."""


@click.command()
@click.argument("model", default="runs/demo/model.onnx", type=click.Path(path_type=Path))
@click.option("--seconds", default=5.0, type=click.FloatRange(min=0), help="How long each line takes.")
@click.option("--clients", "counts", multiple=True, default=(1, 16, 64), type=click.IntRange(min=1))
def main(model: Path, seconds: float, counts: tuple[int, ...]) -> None:
    """Prints a line for each number of clients and each way to batch."""
    print(f"{model}, {seconds:g} s each")
    print(f"{'clients':>7}  {'batching':<9}  {'requests/s':>10}  {'p50 ms':>7}  {'p99 ms':>7}")
    for count in counts:
        for name, options in SETTINGS.items():
            with serving(model, options) as port:
                asyncio.run(measured(port, count, seconds / 5))  # warms up
                latencies, spent = asyncio.run(measured(port, count, seconds))
            middle, high = 1000 * np.percentile(latencies, [50, 99])
            print(f"{count:>7}  {name:<9}  {len(latencies) / spent:>10.0f}  {middle:>7.1f}  {high:>7.1f}", flush=True)


@contextmanager
def serving(model: Path, options: list[str]) -> Iterator[int]:
    """Runs a server and gives its port."""
    command = [sys.executable, "-m", "s2s_core", "serve", str(model), "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        try:
            yield int(re.search(r":(\d+)$", line)[1])
        finally:
            process.terminate()
            process.communicate()


async def measured(port: int, clients: int, seconds: float) -> tuple[list[float], float]:
    """Returns how long each request took, and all together, in seconds."""
    began = time.perf_counter()
    end = began + seconds
    found = await asyncio.gather(*(client(port, number, end) for number in range(clients)))
    return [latency for one in found for latency in one], time.perf_counter() - began


async def client(port: int, number: int, end: float) -> list[float]:
    """Asks until a time, at least once, and returns how long each answer took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    while not latencies or time.perf_counter() < end:
        began = time.perf_counter()
        body = json.dumps({"texts": [WORDS[(number + len(latencies)) % len(WORDS)]]}).encode()
        writer.write(b"POST /answer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
        latencies.append(time.perf_counter() - began)
    writer.close()
    return latencies


if __name__ == "__main__":
    main()
