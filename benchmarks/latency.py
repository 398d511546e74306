"""Times the exported file against a plain greedy loop in PyTorch, text to text, on one thread.

    python benchmarks/latency.py runs/demo [--words N] [--rounds N]

It translates the test words of a finished run, one at a time and 64 at a time. The two sides are timed alternately and
must give the same answers. The PyTorch side is as lean as possible: no beams, only the arg max of each step. The ratio
of a line is what counts; the times depend on the machine.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
import torch

from s2s_core.data.pairs import Sequences
from s2s_core.model.checkpoint import TextModel, load_checkpoint
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.runtime.file import load
from s2s_core.text.vocabulary import BOS, EOS, PAD

Answer = Callable[[Sequence[str]], list[str]]


@click.command()
@click.argument("folder", default="runs/demo", type=click.Path(path_type=Path))
@click.option("--words", "count", default=256, type=click.IntRange(min=1), help="The most test words to answer.")
@click.option("--rounds", default=7, type=click.IntRange(min=1))
def main(folder: Path, count: int, rounds: int) -> None:
    """Times both sides."""
    torch.set_num_threads(1)
    run = Run.open(folder, Plugins())
    checkpoint = load_checkpoint(run)
    model = load(run.onnx_path, threads=1)
    words = [example.source for example in run.splits.test[:count]]
    print(f"{len(words)} test words of {run.folder}, one thread, median of {rounds} rounds; ms per word")
    print(f"{'batch':>5}  {'PyTorch':>8}  {'file':>8}  {'ratio':>6}  {'file, beam 5':>12}")
    for size in (1, 64):
        batches = [words[start : start + size] for start in range(0, len(words), size)]
        sides = (partial(greedy, checkpoint), model, partial(model, beam_size=5))
        assert [sides[0](batch) for batch in batches] == [sides[1](batch) for batch in batches]
        seconds = interleaved(sides, batches, rounds)
        milliseconds = [1000 * one / len(words) for one in seconds]
        ratio = milliseconds[0] / milliseconds[1]
        print(f"{size:>5}  {milliseconds[0]:8.3f}  {milliseconds[1]:8.3f}  {ratio:5.1f}×  {milliseconds[2]:12.3f}")


@torch.inference_mode()
def greedy(checkpoint: TextModel, texts: Sequence[str]) -> list[str]:
    """Translates texts by the arg max of each step."""
    model = checkpoint.model
    source, lengths = Sequences(map(checkpoint.source_tokenizer.encode, texts)).padded(range(len(texts)))
    state = model.start(torch.from_numpy(source), torch.from_numpy(lengths))
    tokens = torch.full((len(texts),), BOS)
    finished = torch.zeros(len(texts), dtype=torch.bool)
    steps = []
    for _ in range(checkpoint.config.decoding.max_length):
        logits, state = model.step(tokens, state)
        logits[:, [PAD, BOS]] = float("-inf")
        tokens = logits.argmax(-1)
        steps.append(tokens)
        finished |= tokens == EOS
        if finished.all():
            break
    return [checkpoint.target_tokenizer.decode(ids) for ids in torch.stack(steps, 1).tolist()]


def interleaved(sides: Sequence[Answer], batches: Sequence[Sequence[str]], count: int) -> list[float]:
    """Returns the median time of each side for all batches, in seconds."""
    rounds: list[list[float]] = []
    for _ in range(count):
        seconds = []
        for side in sides:
            began = time.perf_counter()
            for batch in batches:
                side(batch)
            seconds.append(time.perf_counter() - began)
        rounds.append(seconds)
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


if __name__ == "__main__":
    main()
