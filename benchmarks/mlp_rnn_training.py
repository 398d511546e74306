"""Times a training step of the MLP-RNN against the plain loop that computes the same numbers.

A step is the forward pass, the loss and the backward pass, without the optimizer. The plain loop is the obvious
implementation: it calls the modules once per step, computes the padding too, and leaves the rest to autograd. Both use
the same weights and the same batch, and the loss and every gradient are compared before anything is timed.

A line of the result has the median milliseconds of both; their ratio (above 1, the toolkit is faster); and how far each
is from the GEMM limit, the time that the arithmetic of the real tokens alone would take at the speed of one big matrix
product, measured in the same run (1.0 would be perfect).

It measures the CPU time of a single thread, so that other programs on the machine have little influence. The three are
interleaved, so that a change of the clock rate affects all of them.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from s2s_mlp_rnn.decoder import MLPRNNDecoder
from s2s_mlp_rnn.encoder import MLPRNNEncoder
from torch import Tensor, nn
from torch.nn import functional

from s2s_core.model.interfaces import MemorySizes, padding_mask
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.vocabulary import EOS, PAD, SPECIALS

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def make_model(embedding_size: int, hidden_size: int, vocabulary_size: int) -> Seq2Seq:
    encoder = MLPRNNEncoder(MLPRNNEncoder.Config(hidden_size), embedding_size)
    sizes = MemorySizes(encoder.states_size, encoder.summary_size)
    decoder = MLPRNNDecoder(MLPRNNDecoder.Config(hidden_size), embedding_size, sizes)
    return Seq2Seq(encoder, decoder, vocabulary_size, vocabulary_size)


def make_batch(batch_size: int, longest: int, vocabulary_size: int) -> Batch:
    """Draws sources and targets of lengths from 1 to ``longest``, all equally likely."""

    def draw() -> tuple[Tensor, Tensor]:
        lengths = torch.randint(1, longest + 1, (batch_size,))
        lengths[0] = longest
        ids = torch.randint(SPECIALS, vocabulary_size, (batch_size, longest))
        ids.scatter_(1, lengths[:, None] - 1, EOS)
        return ids.masked_fill(~padding_mask(lengths, longest), PAD), lengths

    return *draw(), *draw()


def toolkit_loss(model: Seq2Seq, batch: Batch) -> Tensor:
    source, source_lengths, target, target_lengths = batch
    real = target[padding_mask(target_lengths, target.shape[1])]
    return functional.cross_entropy(model(source, source_lengths, target, target_lengths), real)


def plain_loss(model: Seq2Seq, batch: Batch) -> Tensor:
    source, source_lengths, target, _ = batch
    encoder, decoder = model.encoder, model.decoder
    vectors = model.source_embedding(source)
    state = vectors.new_zeros(len(source), encoder.summary_size)
    for time_step in range(source.shape[1]):
        new = torch.tanh(encoder.xh(vectors[:, time_step]) + encoder.hh(state))
        state = torch.where((time_step < source_lengths)[:, None], new, state)
    logits = []
    for _ in range(target.shape[1]):
        state = torch.relu(decoder.hh(state))
        logits.append(model.projection(decoder.hv(state)))
    return functional.cross_entropy(torch.stack(logits, 1).flatten(0, 1), target.flatten(), ignore_index=PAD)


def loss_and_gradients(model: Seq2Seq, loss: Callable[[Seq2Seq, Batch], Tensor], batch: Batch) -> list[Tensor]:
    model.zero_grad()
    value = loss(model, batch)
    value.backward()
    return [value.detach(), *(parameter.grad for parameter in model.parameters())]


def largest_difference(model: Seq2Seq, batch: Batch) -> float:
    """Returns the largest relative difference of the loss and the gradients, by norm."""
    toolkit = loss_and_gradients(model, toolkit_loss, batch)
    plain = loss_and_gradients(model, plain_loss, batch)
    return max(float((one - other).norm() / other.norm()) for one, other in zip(toolkit, plain, strict=True))


def check_equal(model: Seq2Seq, batch: Batch) -> None:
    """Fails unless both compute the same loss and gradients.

    In float32, the argument of a ReLU that is almost 0 may round to the other side of 0, which changes a gradient by
    much more than a rounding error. So the proof of equality is in float64.
    """
    exact = largest_difference(copy.deepcopy(model).double(), batch)
    assert exact < 1e-12, f"in float64, loss or gradients differ by {exact:.1e}"
    rounded = largest_difference(model, batch)
    assert rounded < 1e-3, f"in float32, loss or gradients differ by {rounded:.1e}"


def operations(model: Seq2Seq, batch: Batch) -> int:
    """Counts the multiplications and additions that the real tokens need, forward and backward."""

    def weights(module: nn.Module) -> int:
        return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Linear))

    _, source_lengths, _, target_lengths = batch
    forward = 2 * int(source_lengths.sum()) * weights(model.encoder)
    forward += 2 * int(target_lengths.sum()) * (weights(model.decoder) + weights(model.projection))
    return 3 * forward


def cpu_seconds(work: Callable[[], object], times: int = 4) -> float:
    work()  # warms memory and caches up again after the other work
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def measure(model: Seq2Seq, batch: Batch, repeats: int) -> None:
    left, right, product = (torch.randn(1024, 1024) for _ in range(3))
    works = {
        "gemm": lambda: torch.mm(left, right, out=product),
        "plain": lambda: loss_and_gradients(model, plain_loss, batch),
        "toolkit": lambda: loss_and_gradients(model, toolkit_loss, batch),
    }
    times = [[cpu_seconds(work) for work in works.values()] for _ in range(repeats)]
    median = dict(zip(works, map(statistics.median, zip(*times, strict=True)), strict=True))
    speed = 2 * 1024**3 / median["gemm"]  # operations a second
    limit = operations(model, batch) / speed
    size, longest = batch[0].shape
    print(
        f"B {size:3}  T {longest:3}:  plain loop {1e3 * median['plain']:7.1f} ms"
        f"   toolkit {1e3 * median['toolkit']:7.1f} ms"
        f"   ratio {median['plain'] / median['toolkit']:4.2f}"
        f"   GEMM limit {1e3 * limit:6.1f} ms at {speed / 1e9:.0f} GFLOP/s:"
        f" plain loop {median['plain'] / limit:.2f}, toolkit {median['toolkit'] / limit:.2f} times it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64, help="B (default: 64)")
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 100], help="T (default: 20 100)")
    parser.add_argument("--embedding-size", type=int, default=128, help="E (default: 128)")
    parser.add_argument("--hidden-size", type=int, default=256, help="H (default: 256)")
    parser.add_argument("--vocabulary-size", type=int, default=30, help="V (default: 30)")
    parser.add_argument("--repeats", type=int, default=15, help="measurements of each (default: 15)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    model = make_model(arguments.embedding_size, arguments.hidden_size, arguments.vocabulary_size)
    for longest in arguments.lengths:
        batch = make_batch(arguments.batch_size, longest, arguments.vocabulary_size)
        check_equal(model, batch)
        measure(model, batch, arguments.repeats)


if __name__ == "__main__":
    main()
