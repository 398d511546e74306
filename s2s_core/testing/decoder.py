"""The promises of every decoder."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from s2s_core.compat import pytree
from s2s_core.model.contract import (
    BATCHES,
    output_size,
    require_initial_weights,
    require_output,
    require_probabilities,
    require_steps,
)
from s2s_core.model.interfaces import Decoder, Memory, Output, padding_mask, whole_output
from s2s_core.testing import model
from s2s_core.testing.mixture import mixture
from s2s_core.testing.promise import require
from s2s_core.testing.sequence import (
    GARBAGE,
    LONGEST,
    SIZES,
    SOURCES,
    TARGETS,
    Answer,
    E,
    Losses,
    Numbers,
    memory_of,
    require_exact_gradients,
    require_finite,
    require_gradients,
    require_read,
    require_same,
    require_same_chance,
    require_same_weights,
    spoilt,
    vectors,
    weighted,
)
from s2s_core.testing.subject import Subject

TOLERANCE = 1e-3
"""How far the sum of a position's attention may be from 1."""

BEAM = ((0, 0, 0), (0, 0, 1), (2, 1, 2), (1, 0, 0))
"""The parents of three beams in each of four steps: repeated, left out and reordered."""


def shapes(subject: Subject) -> None:
    """A step returns vectors [B, D], and ``forward`` returns [B, T, D], of the width that the decoder declares.

    The width is ``output_size``, set in ``__init__``. If there is attention, it is [B, S] or [B, T, S]. [Several
    candidates](architecture.md#several-candidates) have one more dimension C, and either weights or transitions, which
    are logarithms of probabilities with the sum 1. Everything has the dtype of the memory.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    output = decoder(inputs, torch.tensor(TARGETS), memory)
    require(isinstance(output, Output), f"forward must return an Output, not {type(output).__name__}")
    chained = require_initial_weights(decoder, memory)
    require_output(output, tuple(inputs.shape[:2]), memory, output_size(decoder), chained)
    answer = decoder.step(inputs[:, 0], decoder.start(memory))
    require(isinstance(answer[0], Output), f"step must return an Output and a state, not {type(answer[0]).__name__}")
    require_output(answer[0], (len(SOURCES),), memory, output_size(decoder), chained)
    require_probabilities(answer[0])


def attention(subject: Subject) -> None:
    """Attention is a distribution over the source: its weights are at least 0, padding has none, and their sum is 1.

    [Copying](copying.md) and the coverage penalty rely on it. A decoder that has no attention keeps this promise, and a
    source without positions has no weights. Of [several candidates](architecture.md#several-candidates), the mean
    attention counts. If steps return attention, so must ``forward``, in training too where ``attention_is_read`` is
    true.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs, targets = vectors(TARGETS, _width(decoder)), torch.tensor(TARGETS)
    real = padding_mask(targets, inputs.shape[1]) & memory.mask.any(1, keepdim=True)  # [B, T]
    with torch.no_grad():
        stepped = Decoder.forward(decoder, inputs, targets, memory)
        if stepped.attention is None:
            return
        decoder.attention_is_read = True
        answers = {"step": stepped, "forward": decoder(inputs, targets, memory)}
        answers["forward in training"] = decoder.train()(inputs, targets, memory)
    for name, output in answers.items():
        weights: Any = mixture(decoder, output, memory).attention
        require(weights is not None, f"steps return attention, but {name} doesn't, though attention_is_read is true")
        _require_distribution(weights, memory.mask, real, f"{name}, for sources of lengths {list(SOURCES)},")


def state(subject: Subject) -> None:
    """The state keeps its [contract](architecture.md#the-contract-of-the-state) from step to step.

    It is a nesting of tensors, each batch first. A step returns the same nesting, with the same dtypes and ranks. A
    tensor that changes must be a new object, since one that is returned as the same object is taken to be constant. The
    kit takes a few steps with batches of two sizes.
    """
    decoder = _make(subject)
    with torch.no_grad():
        for some, steps in BATCHES:
            require_steps(decoder, memory_of(some), steps)


def steps(subject: Subject) -> None:
    """Decoding whole targets equals decoding step by step: ``forward`` returns what ``start`` and ``step`` return.

    A decoder that doesn't override ``forward`` keeps this automatically. One that does must not see later tokens than
    a step sees, must begin as ``start`` does, and must count positions as ``step`` does.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    whole = _answer(decoder, inputs, TARGETS, memory)
    with torch.no_grad():
        output = Decoder.forward(decoder, inputs, torch.tensor(TARGETS), memory)
        stepped = _numbers(mixture(decoder, output, memory), TARGETS, memory)
    require_same(whole, stepped, f"by forward, for targets of lengths {list(TARGETS)}, instead of step by step")


def beams(subject: Subject) -> None:
    """Rows of the state may be duplicated, dropped and reordered, and their outputs follow them.

    Beam search does this. Tensors that a step returns as the same object aren't reordered: they must be equal for all
    beams of a source. Anything that a decoder remembers outside its state breaks this.
    """
    decoder, some = _make(subject), (3, 1)
    width, count = _width(decoder), len(BEAM[0])
    sources = torch.arange(len(some)).repeat_interleave(count)  # [R]
    memory = Memory(*(part[sources] for part in memory_of(some)))
    inputs = torch.randn(len(BEAM), len(sources), width)  # what each row reads in each step
    histories = inputs[:0].transpose(0, 1)  # [R, t, E]
    current = decoder.start(memory)
    outputs: list[Output] = []
    with torch.no_grad():
        for number, (read, parents) in enumerate(zip(inputs, BEAM, strict=True)):
            rows = (sources * count) + torch.tensor(parents).repeat(len(some))  # [R]
            output, after = decoder.step(read, current)
            histories = torch.cat([histories, read[:, None]], 1)
            anew = _answer(decoder, histories, [number + 1] * len(rows), memory, stepped=True)["vectors"]
            outputs.append(output)
            last = mixture(decoder, whole_output(outputs), memory).vectors[:, -1]
            every = torch.ones_like(last, dtype=torch.bool)
            expected = {"vectors": Numbers(anew.values[:, -1], every, ("row",))}
            actual = {"vectors": Numbers(last, every, ("row",))}
            change = f"in step {number} of beams that went on from beams {list(BEAM[max(number - 1, 0)])}"
            require_same(actual, expected, change)
            current, histories = _follow(after, current, rows), histories[rows]
            outputs = _kept(outputs, rows)


def lengths(subject: Subject) -> None:
    """Outputs are finite for sources and targets of any length: 1, 0 in a batch with others, and 500.

    A source of length 0 has no position to attend to: if all positions are masked, a softmax over minus infinity is
    NaN. Mask with the lowest finite number instead, ``torch.finfo(scores.dtype).min``; ``-1e9`` overflows in float16.
    """
    decoder = _make(subject)
    for sources, targets in (((1,), (1,)), ((0, 2), (3, 1)), ((2, 3), (0, 2)), ((LONGEST, 1), (1, LONGEST)), ((), ())):
        inputs, memory = vectors(targets, _width(decoder)), memory_of(sources)
        where = f"for sources of lengths {list(sources)} and targets of lengths {list(targets)}"
        require_finite(_answer(decoder, inputs, targets, memory), where)


def padding(subject: Subject) -> None:
    """Padding has no influence, not even NaN: neither in a memory's states nor in a target's vectors.

    The kit fills the padding with zeros, large numbers and NaN. Mask the states once, in ``start``, with
    ``memory.states.masked_fill(~memory.mask[:, :, None], 0.0)``: a weight of 0 times NaN is NaN.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    expected = _answer(decoder, inputs, TARGETS, memory)
    for name, garbage in GARBAGE.items():
        other = memory._replace(states=spoilt(memory.states, SOURCES, garbage))
        actual = _answer(decoder, inputs, TARGETS, other)
        require_same(actual, expected, f"with {name} in the memory's states past the lengths {list(SOURCES)}")
        actual = _answer(decoder, spoilt(inputs, TARGETS, garbage), TARGETS, memory)
        require_same(actual, expected, f"with {name} in the targets past the lengths {list(TARGETS)}")


def batch(subject: Subject) -> None:
    """A row has the same output alone as in any batch.

    Each row of a batch is also decoded alone, with its own memory and without padding.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    together = _answer(decoder, inputs, TARGETS, memory)
    for row, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        one, real = slice(row, row + 1), slice(max(source, 1))
        own = Memory(memory.states[one, real], memory.mask[one, real], memory.summary[one])
        alone = _answer(decoder, inputs[one, : max(target, 1)], (target,), own)
        expected = {name: together[name].rows([row]).cut(numbers.values.shape) for name, numbers in alone.items()}
        where = f"for row {row} of sources of lengths {list(SOURCES)} and targets of lengths {list(TARGETS)}"
        require_same(alone, expected, f"{where} alone, without padding")


def order(subject: Subject) -> None:
    """The order of a batch's rows doesn't matter: in reverse order, the rows have the same outputs."""
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    rows = list(reversed(range(len(TARGETS))))
    straight = _answer(decoder, inputs, TARGETS, memory)
    turned = _answer(decoder, inputs[rows], [TARGETS[row] for row in rows], Memory(*(part[rows] for part in memory)))
    expected = {name: numbers.rows(rows) for name, numbers in straight.items()}
    require_same(turned, expected, f"for the rows of targets of lengths {list(TARGETS)} in reverse order")


def repeatable(subject: Subject) -> None:
    """In evaluation mode the same targets have the same outputs, bit for bit.

    Randomness belongs in training: use ``nn.Dropout``, or check ``self.training``.
    """
    decoder, memory = _make(subject), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    first = _answer(decoder, inputs, TARGETS, memory)
    again = _answer(decoder, inputs, TARGETS, memory)
    require_same(again, first, "decoded a second time, in evaluation mode", exact=True)


def chance(subject: Subject) -> None:
    """In training mode the same targets have the same outputs after the same ``torch.manual_seed``, bit for bit.

    A run that is resumed or repeated depends on it. Draw from PyTorch's own generator, as ``nn.Dropout`` does, not from
    ``random``, ``numpy.random`` or the time.
    """
    decoder, memory = _make(subject).train(), memory_of(SOURCES)
    inputs = vectors(TARGETS, _width(decoder))
    require_same_chance(lambda: _answer(decoder, inputs, TARGETS, memory))


def seed(subject: Subject) -> None:
    """Created twice after the same ``torch.manual_seed``, it has the same weights.

    Draw initial weights from PyTorch's own generator, as ``nn.init`` does.
    """
    require_same_weights(lambda: subject.component(subject.config, E, SIZES))


def gradients(subject: Subject) -> None:
    """Gradients reach every parameter, the memory and the target vectors, and are finite, also at a length of 200.

    In the memory, reaching either the states or the summary is enough. Unused parameters slow training down under
    ``accelerate launch``, and are often a mistake.
    """

    def losses(decoder: Decoder) -> Losses:
        for sources, targets in ((SOURCES, TARGETS), ((200, 150), (180, 200))):
            where = f"for sources of lengths {list(sources)} and targets of lengths {list(targets)}"
            memory = memory_of(sources)
            read = memory._replace(states=memory.states.requires_grad_(), summary=memory.summary.requires_grad_())
            inputs = vectors(targets, _width(decoder)).requires_grad_()
            real = padding_mask(torch.tensor(targets), inputs.shape[1])
            output = mixture(decoder, decoder(inputs, torch.tensor(targets), read), read)
            yield where, weighted(output.vectors[real])
            reached = [part.grad is not None and bool(part.grad.any()) for part in (read.states, read.summary)]
            require(any(reached), f"{where} no gradient reaches the memory")
            if decoder.reads_inputs:
                require_read(inputs, targets, f"{where} the target vectors")

    require_gradients(lambda: subject.component(subject.config, E, SIZES), losses)


def exact_gradients(subject: Subject) -> None:
    """Gradients are exact: in float64 they equal those of finite differences.

    They don't if an ``autograd.Function`` has a wrong ``backward``, if ``detach`` or ``.data`` cuts a tensor off, or if
    the code creates float32 tensors: write ``inputs.new_zeros(…)``, not ``torch.zeros(…)``.
    """
    decoder, sources, targets = _make(subject).double(), (3, 1, 2), (2, 3, 1)
    single = memory_of(sources)
    states, summary = single.states.double().requires_grad_(), single.summary.double().requires_grad_()
    memory = Memory(states, single.mask, summary)
    inputs = vectors(targets, _width(decoder)).double().requires_grad_()
    real = padding_mask(torch.tensor(targets), inputs.shape[1])
    read = {"the memory's states": states, "the memory's summary": summary}
    if decoder.reads_inputs:
        read["the target vectors"] = inputs

    def call() -> Tensor:
        return mixture(decoder, decoder(inputs, torch.tensor(targets), memory), memory).vectors[real]

    require_exact_gradients(decoder, read, call)


def saving(subject: Subject) -> None:
    """A new model with its saved weights has the same outputs, bit for bit.

    The kit first trains it for one update with a plain encoder, and saves it as a run does. Only parameters and buffers
    are saved: use ``nn.Parameter`` or ``register_buffer``.
    """
    model.require_saving(subject)


def learning(subject: Subject) -> None:
    """With a plain encoder it learns a tiny task: to sort one or two letters.

    Within a few hundred updates, the loss must fall to a quarter of the minimum that is possible without the source.
    """
    model.require_learning(subject)


def counterparts(subject: Subject) -> None:
    """It works with every installed encoder: their model has a finite loss and finite gradients, and it can search.

    Each encoder has the settings of its ``small``. Encoders that don't work with a plain decoder either are skipped.
    The encoder determines the widths of the memory: convert them to your own with ``bridge``.
    """
    model.require_counterparts(subject)


def onnx(subject: Subject) -> None:
    """An exported file gives the same answers as the model, in greedy search and in beam search.

    A small model of a plain encoder and the decoder is exported, with its [proof](file-format.md#the-proof). Python
    code that branches on the values of tensors or calls ``len(tensor)`` can't be exported; see the
    [rules](hooks.md#a-complete-plugin).
    """
    model.require_export(subject)


PROMISES = (
    shapes,
    attention,
    state,
    steps,
    beams,
    lengths,
    padding,
    batch,
    order,
    repeatable,
    chance,
    seed,
    gradients,
    exact_gradients,
    saving,
    learning,
    counterparts,
    onnx,
)
"""The promises in the order of examination."""


def _require_distribution(weights: Tensor, mask: Tensor, real: Tensor, where: str) -> None:
    """Checks that attention is a distribution over source positions.

    Args:
        weights: [B, T, S].
        mask: True where a source position is real, [B, S].
        real: True where a target position is real and its source has positions, [B, T].
        where: What gave it, and for which input.
    """
    rows, positions = weights[real], mask[:, None].expand_as(weights)[real]  # [N, S]
    require(bool((rows >= 0).all()), f"the attention of {where} has a weight of {rows.min():.6g}")
    beyond = rows.masked_fill(positions, 0.0)
    require(not beyond.any(), f"the attention of {where} gives padding a weight of {beyond.max():.6g}")
    sums = rows.sum(1)
    wrong = (sums - 1).abs() > TOLERANCE
    require(not wrong.any(), f"the weights of the attention of {where} have a sum of {sums[wrong][:1].sum():.6g}")


def _make(subject: Subject) -> Decoder:
    decoder: Decoder = subject.component(subject.config, E, SIZES)
    return decoder.eval()


def _width(decoder: Decoder) -> int:
    """Returns the width of the vectors that a model passes to the decoder."""
    return E if decoder.reads_inputs else 0


def _follow(after: Any, before: Any, rows: Tensor) -> Any:
    """Returns the selected rows of a state, except of tensors that a step returned unchanged."""
    return pytree.tree_map(lambda new, old: new if new is old else new.index_select(0, rows), after, before)


def _kept(outputs: Sequence[Output], rows: Tensor) -> list[Output]:
    """Returns the selected rows of some outputs."""
    return [output.each(lambda tensor: tensor[rows]) for output in outputs]


def _answer(
    decoder: Decoder, inputs: Tensor, targets: Sequence[int], memory: Memory, *, stepped: bool = False
) -> Answer:
    """Returns the decoder's outputs for whole targets of some lengths."""
    some = torch.tensor(targets, dtype=torch.int64)
    with torch.no_grad():
        output = Decoder.forward(decoder, inputs, some, memory) if stepped else decoder(inputs, some, memory)
        output = mixture(decoder, output, memory)
    return _numbers(output, targets, memory)


def _numbers(output: Output, targets: Sequence[int], memory: Memory) -> Answer:
    real = padding_mask(torch.tensor(targets, dtype=torch.int64), output.vectors.shape[1])[:, :, None]  # [B, T, 1]
    answer = {"vectors": Numbers.of(output.vectors, real, "row", "position")}
    if output.attention is not None:
        counts = real & memory.mask[:, None]
        answer["attention"] = Numbers.of(output.attention, counts, "row", "position", "source position")
    return answer
