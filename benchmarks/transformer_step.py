"""Times a transformer's exported file against a plain greedy loop in PyTorch, on one thread.

    python benchmarks/transformer_step.py [--only MODEL …] [--length N] [--rounds N]

Weights are random, and every answer has the maximum length, so that all answers take the same number of steps. The
PyTorch side is as lean as possible: no beams, only the arg max of each step. ``products`` is the limit: PyTorch's time
for the products with the decoder's weights alone. The ratios of a line are what counts; the times depend on the
machine.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import click
import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from s2s_transformer.config import TransformerConfig
from s2s_transformer.decoder import TransformerDecoder
from s2s_transformer.encoder import TransformerEncoder
from torch import Tensor, nn

from s2s_core import MemorySizes, NoConfig
from s2s_core.config.decoding import DecodingConfig
from s2s_core.config.tables import Component, RunConfig, SourceConfig, TargetConfig
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.stitch import stitch
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import BOS, EOS, PAD, SPECIALS
from s2s_core.text.words import Words

VOCABULARY = 4000
MODELS = {
    "2+2 layers of 128": TransformerConfig(128, 2, 4, 512),
    "6+6 layers of 512": TransformerConfig(512, 6, 8, 2048),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(MODELS)), help="May be repeated.  [default: both models]")
@click.option("--length", default=20, type=click.IntRange(min=2), help="Words in and out.")
@click.option("--rounds", default=7, type=click.IntRange(min=1))
def main(only: tuple[str, ...], length: int, rounds: int) -> None:
    """Times each model, for one text and for 32."""
    torch.set_num_threads(1)
    print(f"{length} words in, {length} out, one thread, median of {rounds} rounds; ms per call")
    print(f"{'model':<18} {'batch':>5}  {'PyTorch':>8}  {'file':>8}  {'products':>8}  {'ratio':>6}  {'of limit':>8}")
    words = [f"w{number}" for number in range(VOCABULARY - SPECIALS)]
    tokenizer = Words.train(TokenizerConfig(), [" ".join(words)])
    for name in only or MODELS:
        config = described(MODELS[name], length)
        model = make_model(MODELS[name])
        pieces = stitch(export_pieces(model), (tokenizer, tokenizer), config)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(ir.to_proto(pieces).SerializeToString(), options)
        for batch in (1, 32):
            texts = [" ".join(words[row + 7 * place] for place in range(length - 1)) for row in range(batch)]
            ids = torch.tensor([[*tokenizer.encode(text), EOS] for text in texts])
            sides = (
                partial(greedy, model, ids, length),
                partial(answer, session, texts),
                partial(products, model, batch, length),
            )
            assert [tokenizer.decode(row) for row in sides[0]().tolist()] == sides[1]()
            eager, file, limit = (1000 * seconds for seconds in interleaved(sides, rounds))
            ratios = f"{eager / file:5.2f}×  {file / limit:7.2f}×"
            print(f"{name:<18} {batch:>5}  {eager:8.2f}  {file:8.2f}  {limit:8.2f}  {ratios}")


def described(config: TransformerConfig, length: int) -> RunConfig:
    """Returns the settings of a run with the model, on which its graph depends."""
    words, transformer = Component("words", TokenizerConfig()), Component("transformer", config)
    return RunConfig(
        task=Component("nothing", NoConfig()),
        source=SourceConfig(words, config.hidden_size),
        target=TargetConfig(words, config.hidden_size),
        encoder=transformer,
        decoder=transformer,
        decoding=DecodingConfig(max_length=length),
    )


def make_model(config: TransformerConfig) -> Seq2Seq:
    """Returns a model that never ends an answer."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(config, config.hidden_size)
    sizes = MemorySizes(encoder.states_size, encoder.summary_size)
    decoder = TransformerDecoder(config, config.hidden_size, sizes)
    model = Seq2Seq(encoder, decoder, VOCABULARY, VOCABULARY).eval()
    nn.init.constant_(model.projection.bias[EOS : EOS + 1], -1e4)
    return model


@torch.inference_mode()
def greedy(model: Seq2Seq, source: Tensor, count: int) -> Tensor:
    """Returns the answers by the arg max of each step, [B, T]."""
    state = model.start(source, torch.full((len(source),), source.shape[1]))
    tokens = torch.full((len(source),), BOS)
    steps = []
    for _ in range(count):
        logits, state = model.step(tokens, state)
        logits[:, [PAD, BOS]] = float("-inf")
        tokens = logits.argmax(-1)
        steps.append(tokens)
    return torch.stack(steps, 1)


def answer(session: onnxruntime.InferenceSession, texts: list[str]) -> list[str]:
    answers: list[str] = session.run(["target"], {"source": np.array(texts, object)})[0].tolist()
    return answers


@torch.inference_mode()
def products(model: Seq2Seq, batch: int, count: int) -> None:
    """Multiplies vectors by all weights that a step uses, once for each step."""
    layers = [module for name, module in model.decoder.named_modules() if isinstance(module, nn.Linear)]
    weights = [layer.weight.t() for layer in layers if layer.bias is not None] + [model.projection.weight.t()]
    vectors = [torch.zeros(batch, weight.shape[0]) for weight in weights]
    for _ in range(count):
        for vector, weight in zip(vectors, weights, strict=True):
            torch.mm(vector, weight)


def interleaved(sides: tuple[Callable[[], object], ...], count: int) -> list[float]:
    """Returns the median time of each side, in seconds."""
    rounds: list[list[float]] = []
    for _ in range(count):
        seconds = []
        for side in sides:
            began = time.perf_counter()
            side()
            seconds.append(time.perf_counter() - began)
        rounds.append(seconds)
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


if __name__ == "__main__":
    main()
