"""Measures how speed and memory change with lengths, vocabularies and batches, in training and in the exported file.

    python benchmarks/growth.py [--model MODEL …] [--length N …] [--vocabulary N …] [--batch N …] [--limit GB]
                                [--set NAME=VALUE …]

Sources are random tokens, and targets the same tokens reversed, so that both sides and all answers have the same
number of tokens. Models are untrained ones of the defaults of ``pairs``, but for what is set; the file is searched
greedily. One of length, vocabulary and batch changes at a time, from the first that is given of each.

A line has the target tokens per CPU second of one thread, ends included, and the most memory that was resident, each
in a process of its own, which may have no more memory than the limit.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from s2s_core.config.overrides import Overrides, parse_assignment

MODELS = {
    "mlp-rnn": {"encoder": "mlp-rnn", "decoder": "mlp-rnn"},
    "attention-lstm": {"encoder": "lstm", "decoder": "attention-lstm"},
    "monotonic-lstm": {"encoder": "lstm", "decoder": "monotonic-lstm"},
    "transformer": {"encoder": "transformer", "decoder": "transformer"},
}

WARM_UP, LEAST = 2, 3
"""Updates, or calls of the file, that aren't counted, and how many are at least."""

GB = 2**30

Several = tuple[int, ...]


class Size(NamedTuple):
    """The size of a measurement: tokens of a text without its end, tokens of a vocabulary, and texts of a batch."""

    length: int
    vocabulary: int
    batch: int


class Model(NamedTuple):
    """A name in ``MODELS``, and settings besides the defaults, such as ``training.precision=bf16``."""

    name: str
    assignments: tuple[str, ...] = ()


class Measured(NamedTuple):
    """Target tokens per CPU second, and the most resident memory in bytes."""

    speed: float
    memory: int


@click.command()
@click.option("--model", "names", multiple=True, default=list(MODELS), type=click.Choice(list(MODELS)))
@click.option("--length", "lengths", multiple=True, default=[20, 10, 50, 100, 300, 1000], type=click.IntRange(1))
@click.option("--vocabulary", "vocabularies", multiple=True, default=[30, 1000, 8000, 32000], type=click.IntRange(2))
@click.option("--batch", "batches", multiple=True, default=[32, 1, 8, 128, 512], type=click.IntRange(1))
@click.option("--seconds", default=3.0, help="CPU seconds of a measurement, at least.", show_default=True)
@click.option("--limit", default=16, help="The most memory of a process, in GB.", show_default=True)
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE")
def main(
    names: tuple[str, ...],
    lengths: Several,
    vocabularies: Several,
    batches: Several,
    seconds: float,
    limit: int,
    assignments: tuple[str, ...],
) -> None:
    """Prints a line for each size of each model."""
    print(f"{'model':<16}{'length':>7}{'vocabulary':>11}{'batch':>6}{'training':>10}{'MB':>7}{'file':>10}{'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for model in (Model(name, assignments) for name in names):
            for size in sizes(lengths, vocabularies, batches):
                file = Path(folder) / f"{model.name}-{size.vocabulary}"
                if not file.exists():
                    limited(partial(export, model, size.vocabulary, file), limit)
                numbers = "".join(
                    shown(limited(partial(measure, model, size, seconds, file), limit)) for measure in (train, answer)
                )
                print(f"{model.name:<16}{size.length:>7,}{size.vocabulary:>11,}{size.batch:>6}{numbers}", flush=True)


def sizes(lengths: Several, vocabularies: Several, batches: Several) -> Iterator[Size]:
    """Returns the first of all, and then each other length, vocabulary and batch."""
    usual = Size(lengths[0], vocabularies[0], batches[0])
    yield usual
    for field, others in (("length", lengths), ("vocabulary", vocabularies), ("batch", batches)):
        for other in others[1:]:
            yield usual._replace(**{field: other})


def shown(measured: Measured | None) -> str:
    """Returns both columns of a measurement, dashes where memory didn't suffice."""
    return f"{'–':>10}{'–':>7}" if measured is None else f"{measured.speed:>10,.0f}{measured.memory / 1e6:>7,.0f}"


def limited(measure: Callable[[], Any], limit: int) -> Any:
    """Returns what a function returns in a process of its own, None if that has too little memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=restrict, initargs=(limit,)) as pool:
        try:
            return pool.submit(measure).result()
        except Exception as error:
            if "alloc" in str(error):  # what PyTorch and ONNX Runtime say when there is no memory left
                return None
            raise


def restrict(limit: int) -> None:
    """Limits this process to one thread and to so many GB of memory."""
    import torch  # noqa: PLC0415  # not in the parent, which needs nothing of it

    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (limit * GB, limit * GB))


def train(model: Model, size: Size, seconds: float, file: Path) -> Measured:
    """Measures updates."""
    from s2s_core.config.resolve import resolve  # noqa: PLC0415
    from s2s_core.plugins.registry import Plugins  # noqa: PLC0415
    from s2s_core.runs.run import Run  # noqa: PLC0415
    from s2s_core.training.preparation import prepare  # noqa: PLC0415

    del file
    with tempfile.TemporaryDirectory() as folder:
        plugins = Plugins()
        settings = settings_of(model, size, Path(folder))
        training = prepare(Run(Path(folder) / "run", resolve(settings, plugins), plugins))
        batches = training.batches.after(0)
        for batch in islice(batches, WARM_UP):
            training.updater.update(batch, 1e-4)
        return measured(lambda: training.updater.update(next(batches), 1e-4), size, seconds)


def answer(model: Model, size: Size, seconds: float, file: Path) -> Measured:
    """Measures the answers of a file."""
    import s2s_core as s2s  # noqa: PLC0415

    del model
    opened = s2s.load(file, threads=1)
    end = size.length + 1
    texts = [source for source, _ in islice(pairs(size), size.batch)]
    call = partial(opened, texts, beam_size=1, min_length=end, max_length=end)
    for _ in range(WARM_UP):
        assert all(len(answer.split()) in (size.length, end) for answer in call())  # an untrained model may not end
    return measured(call, size, seconds)


def measured(call: Callable[[], object], size: Size, seconds: float) -> Measured:
    """Measures calls, each of which handles a batch."""
    began, count = time.process_time(), 0
    while count < LEAST or time.process_time() - began < seconds:
        call()
        count += 1
    speed = count * size.batch * (size.length + 1) / (time.process_time() - began)
    return Measured(speed, peak_memory())


def peak_memory() -> int:
    """Returns the most memory in bytes that was resident in this process; ``getrusage`` would count its parent's."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def export(model: Model, vocabulary: int, file: Path) -> None:
    """Writes the file of a model that was hardly trained; as it never ends, its proof is of short answers."""
    import s2s_core as s2s  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        settings = [*settings_of(model, Size(3, vocabulary, 2), Path(folder)), {"decoding": {"max_length": 5}}]
        run = s2s.train(settings=settings, output=Path(folder) / "run", progress=s2s.Progress())
        s2s.export(run.folder, file, progress=s2s.Progress())


def settings_of(model: Model, size: Size, folder: Path) -> list[Overrides]:
    """Writes so many pairs that training sees every token of the vocabulary, and returns the settings."""
    lines = [
        f"{source}\t{target}\n"
        for source, target in islice(pairs(size), max(4 * size.batch, -(-size.vocabulary // size.length)))
    ]
    training, held_out = folder / "training.tsv", folder / "held-out.tsv"
    training.write_text("".join(lines))
    held_out.write_text("".join(lines[:2]))
    measured = {
        **MODELS[model.name],
        "task": {"name": "pairs", "train": str(training), **dict.fromkeys(("validation", "test"), str(held_out))},
        "source": {"tokenizer": "words"},
        "target": {"tokenizer": "words"},
        "training": {"batch_size": size.batch, "steps": 1, "device": "cpu"},
    }
    return [measured, *map(parse_assignment, model.assignments)]


def pairs(size: Size) -> Iterator[tuple[str, str]]:
    """Returns endless texts and the same reversed, in which all tokens are equally frequent."""
    token = 0
    while True:
        tokens = [f"t{(token + place) * 7919 % size.vocabulary}" for place in range(size.length)]
        token += size.length
        yield " ".join(tokens), " ".join(reversed(tokens))


if __name__ == "__main__":
    main()
