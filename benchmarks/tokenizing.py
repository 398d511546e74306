"""Times the tokenizers: encoding 100,000 lines in Python, and the exported graph on 64 rows of 100 characters.

    python benchmarks/tokenizing.py [FILE] [--lines N] [--rounds N]

The lines come from FILE, or consist of made-up words with the frequencies of a language (Zipf's law). The ratios to
``str.split`` on the same lines are what counts; the times depend on the machine. The exported graph, the front, runs on
one thread, and must give the same ids as Python.
"""

import random
import time
from pathlib import Path

import click
import numpy as np
import onnx_ir as ir
import onnxruntime
from onnx_ir.passes.common import NameFixPass
from onnxscript import GraphBuilder

from s2s_core.plugins.registry import Plugins
from s2s_core.text.tokenizer import Tokenizer

TRAINING_LINES = 20_000
SETTINGS = (
    ("characters", {}),
    ("words", {}),
    ("bytes", {}),
    ("bpe", {}),
    ("unigram", {}),
    ("bpe", {"normalization": "nfkc", "fold_case": True}),
)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--lines", "count", default=100_000, type=click.IntRange(min=500))
@click.option("--rounds", default=7, type=click.IntRange(min=1))
def main(file: Path | None, count: int, rounds: int) -> None:
    """Times each tokenizer."""
    lines = read(file, count) if file else made(count)
    rows = [line[:100] for line in map(" ".join, zip(*[iter(lines)] * 5, strict=False)) if len(line) >= 100][:64]
    seconds, _ = timed(lambda: [line.split() for line in lines])
    print(f"{len(lines):,} lines, {sum(map(len, lines)) / len(lines):.0f} characters each; {len(rows)} rows of 100")
    print(
        f"{'tokenizer':>24}  {'training, s':>11}  {'encode, s':>9}  {'of split':>8}  {'front, ms':>9}  {'front, kB':>9}"
    )
    print(f"{'str.split':>24}  {'':>11}  {seconds:9.2f}  {1:7.1f}×")
    for name, settings in SETTINGS:
        kind = Plugins().component("tokenizer", name)
        training, tokenizer = timed(lambda: kind.train(kind.Config(**settings), lines[:TRAINING_LINES]))  # noqa: B023
        encoding, _ = timed(lambda: [tokenizer.encode(line) for line in lines])  # noqa: B023
        front, size = time_front(tokenizer, rows, rounds)
        label = " ".join([name, *settings])
        print(
            f"{label[:24]:>24}  {training:11.2f}  {encoding:9.2f}  {encoding / seconds:7.1f}×  "
            f"{1000 * front:9.1f}  {size / 1000:9.0f}"
        )


def made(count: int) -> list[str]:
    """Returns lines of words that consist of random syllables."""
    rng = random.Random(0)  # not for secrets
    syllables = [
        first + second for first in "bdfgklmnprst" for second in ("a", "e", "i", "o", "u", "\u00e4", "an", "er")
    ]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    drawn = iter(rng.choices(words, weights, k=10 * count))
    return [" ".join(next(drawn) for _ in range(10)) for _ in range(count)]


def read(path: Path, count: int) -> list[str]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return (lines * (count // len(lines) + 1))[:count]


def timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def time_front(tokenizer: Tokenizer, rows: list[str], rounds: int) -> tuple[float, int]:
    """Returns the best time of the front for the rows, in seconds, and its size in a file, in bytes."""
    opsets = {"": 20, "ai.onnx.ml": 4, "com.microsoft": 1}
    builder = GraphBuilder(ir.Graph([], [], nodes=[], opset_imports=opsets, name="front"))
    ids, lengths = tokenizer.onnx_batch(builder.op, builder.input("texts", ir.DataType.STRING, ["N"]))
    builder.add_output(ids, "ids")
    builder.add_output(lengths, "lengths")
    model = ir.Model(builder.graph, ir_version=10)
    NameFixPass()(model)
    content = ir.to_proto(model).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    feeds = {"texts": np.array(rows, object)}
    ids, lengths = session.run(None, feeds)
    assert [row[: length - 1].tolist() for row, length in zip(ids, lengths, strict=True)] == [
        *map(tokenizer.encode, rows)
    ]
    return min(timed(lambda: session.run(None, feeds))[0] for _ in range(rounds)), len(content)


if __name__ == "__main__":
    main()
