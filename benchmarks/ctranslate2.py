"""Times a transformer's exported file beside CTranslate2 with the same weights, text to text, on one thread.

    python benchmarks/ctranslate2.py PYTHON [--only MODEL …] [--batch N …] [--beam K …] [--length N] [--rounds N]

PYTHON is that of an environment of its own, made by ``pip install 'ctranslate2==4.8.*'``. The weights are random, and
every answer has the maximum length, so that all answers take the same number of steps. Both sides have weights of 32
bits and must give the same answers. They are timed in turns, each in its own process, while the other one waits. Times
are CPU time, which other work on the machine changes less. The ratio is CTranslate2's time over the file's: above 1,
the file is faster. It is the median of the rounds, and behind it are its quartiles.
"""

import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from s2s_transformer.config import TransformerConfig
from s2s_transformer.decoder import TransformerDecoder
from s2s_transformer.encoder import TransformerEncoder
from torch import nn
from transformer_step import described

from s2s_core import MemorySizes
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.stitch import stitch
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import SPECIALS
from s2s_core.text.words import Words

SIDE = Path(__file__).with_name("ctranslate2_side.py")

LEAST_SECONDS = 0.3
"""How long a side answers in one round, at least: as many calls as that takes."""


@attrs.frozen
class Size:
    """The size of a model."""

    config: TransformerConfig
    vocabulary: int

    @property
    def words(self) -> list[str]:
        """The words of both sides, in the order of their ids, which is that of their code points."""
        return [f"w{number:05}" for number in range(self.vocabulary - SPECIALS)]


MODELS = {
    "2+2 layers of 128, V 32": Size(TransformerConfig(128, 2, 4, 512), 32),
    "2+2 layers of 128, V 4,000": Size(TransformerConfig(128, 2, 4, 512), 4000),
    "6+6 layers of 512, V 32,000": Size(TransformerConfig(512, 6, 8, 2048), 32_000),
}


class CTranslate2:
    """CTranslate2 in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", length: int) -> None:
        self._process, self._length = process, length

    def answers(self, texts: list[str], beam_size: int) -> list[str]:
        """Returns the answers to texts."""
        answers: list[str] = self._ask(texts, beam_size, 1)["answers"]
        return answers

    def seconds(self, texts: list[str], beam_size: int, calls: int) -> float:
        """Returns the CPU seconds that a call takes, as that process measures them."""
        return float(self._ask(texts, beam_size, calls)["seconds"])

    def _ask(self, texts: list[str], beam_size: int, calls: int) -> dict[str, Any]:
        asked = {"texts": texts, "beam_size": beam_size, "length": self._length, "calls": calls}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answered: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answered


class File:
    """An exported file in this process."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self._session = onnxruntime.InferenceSession(content, options)

    def answers(self, texts: list[str], beam_size: int) -> list[str]:
        """Returns the answers to texts."""
        inputs = {"source": np.array(texts, object), "beam_size": np.array(beam_size)}
        answers: list[str] = self._session.run(["target"], inputs)[0].tolist()
        return answers

    def seconds(self, texts: list[str], beam_size: int, calls: int) -> float:
        """Returns the CPU seconds that a call takes."""
        began = time.process_time()
        for _ in range(calls):
            self.answers(texts, beam_size)
        return (time.process_time() - began) / calls


@click.command()
@click.argument("python", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--only", multiple=True, type=click.Choice(list(MODELS)), help="May be repeated.  [default: all models]")
@click.option("--batch", "batches", default=(1, 32), multiple=True, show_default=True, type=click.IntRange(min=1))
@click.option("--beam", "beams", default=(1, 5), multiple=True, show_default=True, type=click.IntRange(min=1))
@click.option("--length", default=20, show_default=True, type=click.IntRange(min=2), help="Tokens in and out.")
@click.option("--rounds", default=11, show_default=True, type=click.IntRange(min=2))
def main(
    python: Path, only: tuple[str, ...], batches: tuple[int, ...], beams: tuple[int, ...], length: int, rounds: int
) -> None:
    """Times each model, for each number of texts and of beams."""
    torch.set_num_threads(1)
    print(f"CTranslate2 {version(python)}, ONNX Runtime {onnxruntime.__version__}; {length} tokens in and out")
    print(f"one thread each, medians of {rounds} rounds; ms of CPU time per call; above 1 the file is faster")
    print(f"{'model':<28} {'batch':>5} {'beam':>4}  {'CTranslate2':>11}  {'file':>8}  {'ratio':>6}  quartiles")
    for name in only or MODELS:
        size = MODELS[name]
        model = make_model(size)
        file = File(export(model, size, length))
        with beside(python, model, size, length) as peer:
            for batch in batches:
                texts = draw(size, batch, length)
                for beam_size in beams:
                    if file.answers(texts, beam_size) != peer.answers(texts, beam_size):
                        raise click.ClickException(f"answers differ: {name}, batch {batch}, beam {beam_size}")
                    line = compare(file, peer, texts, beam_size, rounds)
                    print(f"{name:<28} {batch:>5} {beam_size:>4}  {line}", flush=True)


def version(python: Path) -> str:
    """Returns the version of CTranslate2 in an environment."""
    command = [python, "-P", "-c", "import ctranslate2; print(ctranslate2.__version__)"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(
            f"{python} can't import ctranslate2; in its environment, run: pip install 'ctranslate2==4.8.*'"
        )
    return done.stdout.strip()


def make_model(size: Size) -> Seq2Seq:
    """Returns a model whose answers have no special token, and so no end. All its weights count, biases as well."""
    torch.manual_seed(0)
    config = size.config
    encoder = TransformerEncoder(config, config.hidden_size)
    memory = MemorySizes(encoder.states_size, encoder.summary_size)
    decoder = TransformerDecoder(config, config.hidden_size, memory)
    model = Seq2Seq(encoder, decoder, size.vocabulary, size.vocabulary).eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    nn.init.constant_(model.projection.bias[:SPECIALS], -1e4)
    return model


def export(model: Seq2Seq, size: Size, length: int) -> bytes:
    """Returns the content of the model's file."""
    config = described(size.config, length)
    tokenizer = Words.train(TokenizerConfig(), [" ".join(size.words)])
    content: bytes = ir.to_proto(stitch(export_pieces(model), (tokenizer, tokenizer), config)).SerializeToString()
    return content


@contextmanager
def beside(python: Path, model: Seq2Seq, size: Size, length: int) -> Iterator[CTranslate2]:
    """Starts CTranslate2 with the model's weights, and ends it."""
    with tempfile.TemporaryDirectory() as folder:
        save(model, size, length, Path(folder))
        start = partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        with start([python, "-P", SIDE, folder], env=alone) as process:
            if not process.stdout.readline():
                raise click.ClickException("CTranslate2 couldn't take the model: see its error above")
            yield CTranslate2(process, length)


@torch.no_grad()
def save(model: Seq2Seq, size: Size, length: int, folder: Path) -> None:
    """Writes the weights and the vectors of positions, and what else CTranslate2 must know of the model."""
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    positions = model.decoder.entrance.positions.vectors(0, 2 * length)  # [T, H]
    np.savez(folder / "weights.npz", positions=positions.numpy(), **weights)
    vocabulary = ["<pad>", "<s>", "</s>", "<unk>", *size.words]  # PAD, BOS, EOS, UNK
    sizes = {"layers": size.config.layers, "heads": size.config.heads, "vocabulary": vocabulary}
    (folder / "sizes.json").write_text(json.dumps(sizes))


def draw(size: Size, batch: int, length: int) -> list[str]:
    """Draws texts; with the end that is added to each, they have ``length`` tokens."""
    drawn = random.Random(batch)
    return [" ".join(drawn.choices(size.words, k=length - 1)) for _ in range(batch)]


def compare(file: File, peer: CTranslate2, texts: list[str], beam_size: int, rounds: int) -> str:
    """Times both sides in turns; returns the times and the ratio."""
    calls = max(1, round(LEAST_SECONDS / peer.seconds(texts, beam_size, 1)))
    times = [(peer.seconds(texts, beam_size, calls), file.seconds(texts, beam_size, calls)) for _ in range(rounds)]
    theirs, ours = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    low, ratio, high = statistics.quantiles([their / our for their, our in times], n=4, method="inclusive")
    return f"{theirs:11.2f}  {ours:8.2f}  {ratio:5.2f}×  {low:.2f}–{high:.2f}"


if __name__ == "__main__":
    main()
