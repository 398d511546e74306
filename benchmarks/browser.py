"""Measures the page that ``s2s export --web`` makes, in a headless Chromium.

    PYTHONPATH=tests/support python benchmarks/browser.py MODEL TEXTS [--onnxruntime-web PATH] [--visits N]

MODEL is an exported file, TEXTS has a text on each line. It prints the bytes of each file, as it stands there and as a
server sends it that compresses with gzip; how long a first visit with a new profile and a second one without a server
take until the page is ready; and the time per answer, in the page and in Python on one thread, one text at a time.
"""

import gzip
import json
import statistics
import tempfile
import time
from pathlib import Path

import click
from chromium import Chromium, serving

import s2s_core as s2s

READY = "document.querySelector('#answer')?.disabled === false"
KEPT = "navigator.serviceWorker.ready.then(() => true)"
SINCE = "performance.getEntriesByName('ready')[0].startTime"

ANSWERED = """new Promise((resolve) => {
  document.querySelector("#texts").value = %s;
  const began = performance.now();
  document.querySelector("#form").requestSubmit();
  const look = () => (%s ? resolve(performance.now() - began) : setTimeout(look));
  look();
})"""


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("texts", type=click.Path(exists=True, path_type=Path))
@click.option("--onnxruntime-web", "package", type=click.Path(exists=True, path_type=Path))
@click.option("--visits", default=3, show_default=True, help="Of how many the median is taken.")
def main(model: Path, texts: Path, package: Path | None, visits: int) -> None:
    """Prints sizes and times."""
    lines = texts.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        s2s.web_page(model, site, package)
        print_sizes(site)
        seen = [visit(site, Path(folder) / f"profile-{number}", lines) for number in range(visits)]
    first, again, answered = (statistics.median(values) for values in zip(*seen, strict=True))
    print(f"first visit, until ready   {first:8.0f} ms")
    print(f"second visit, no server    {again:8.0f} ms")
    print(f"an answer in the page      {answered / len(lines):8.2f} ms")
    print(f"an answer in Python        {python_time(model, lines) / len(lines):8.2f} ms")


def print_sizes(site: Path) -> None:
    rows = [(path.name, path.read_bytes()) for path in sorted(site.iterdir())]
    sizes = [(name, len(content), len(gzip.compress(content))) for name, content in rows]
    sizes.append(("all", *(sum(column) for column in list(zip(*sizes, strict=True))[1:])))
    print(f"{'file':<26} {'bytes':>11} {'with gzip':>11}")
    for name, plain, packed in sizes:
        print(f"{name:<26} {plain:>11,} {packed:>11,}")


def visit(site: Path, profile: Path, lines: list[str]) -> tuple[float, float, float]:
    """Returns the milliseconds of a first and a second visit, and of all answers, when some were given before."""
    browser = Chromium(profile)
    try:
        with serving(site) as server:
            browser.open(server.url, READY)
            first = browser.evaluate(SINCE)
            browser.wait(KEPT)
        browser.open("about:blank", "true")
        browser.open(server.url, READY)
        again = browser.evaluate(SINCE)
        ask = ANSWERED % (json.dumps("\n".join(lines)), READY)
        browser.evaluate(ask)
        return first, again, browser.evaluate(ask)
    finally:
        browser.close()


def python_time(model: Path, lines: list[str]) -> float:
    """Returns the milliseconds of all answers."""
    ask = s2s.load(model, threads=1)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        for line in lines:
            ask.answers([line])
        times.append(1000 * (time.perf_counter() - began))
    return min(times)


if __name__ == "__main__":
    main()
