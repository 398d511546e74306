"""The promises of every encoder."""

from collections.abc import Sequence

import torch

from s2s_core.model.contract import memory_sizes, require_memory
from s2s_core.model.interfaces import Encoder, Memory, padding_mask
from s2s_core.testing import model
from s2s_core.testing.promise import require
from s2s_core.testing.sequence import (
    GARBAGE,
    LONGEST,
    SOURCES,
    Answer,
    E,
    Losses,
    memory_answer,
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


def shapes(subject: Subject) -> None:
    """A memory has states [B, S, M], a mask [B, S] and a summary [B, Z], of the widths that the encoder declares.

    States and summary have the dtype of the inputs. The mask is boolean, true up to each row's length. The widths are
    ``states_size`` and ``summary_size``, set in ``__init__``.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    memory = encoder(inputs, torch.tensor(SOURCES))
    require_memory(memory, inputs, memory_sizes(encoder))
    expected = padding_mask(torch.tensor(SOURCES), inputs.shape[1])
    for row, length in enumerate(SOURCES):
        actual = memory.mask[row].tolist()
        require(actual == expected[row].tolist(), f"the mask of row {row}, whose length is {length}, is {actual}")


def lengths(subject: Subject) -> None:
    """The memory is finite for sources of any length: 1, 0 alone and in a batch with others, and 500.

    A mean over no positions is the usual mistake: divide by ``lengths.clamp(min=1)``. A batch may have no rows, too.
    """
    encoder = _make(subject)
    for some in ((1,), (0,), (0, 3, 1), (LONGEST, 1), ()):
        require_finite(_answer(encoder, vectors(some, E), some), f"for sources of lengths {list(some)}")


def padding(subject: Subject) -> None:
    """Padding has no influence, not even NaN.

    The kit fills the padding with zeros, large numbers and NaN. Multiplying by a mask lets NaN through, and adding one
    lets large numbers through: use ``torch.where(mask[:, :, None], inputs, 0.0)``. ``scan``, ``lstm`` and ``gru``
    ignore padding by themselves.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    expected = _answer(encoder, inputs, SOURCES)
    for name, garbage in GARBAGE.items():
        actual = _answer(encoder, spoilt(inputs, SOURCES, garbage), SOURCES)
        require_same(actual, expected, f"with {name} past the lengths {list(SOURCES)}")


def batch(subject: Subject) -> None:
    """A row has the same memory alone as in any batch.

    Each row of a batch is also read alone, without padding. Statistics over the batch break this, and so does anything
    that depends on the longest row, such as positions counted from the end of the padded row.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    together = _answer(encoder, inputs, SOURCES)
    for row, length in enumerate(SOURCES):
        alone = _answer(encoder, inputs[row : row + 1, : max(length, 1)], (length,))
        expected = {name: together[name].rows([row]).cut(numbers.values.shape) for name, numbers in alone.items()}
        require_same(alone, expected, f"for row {row} of lengths {list(SOURCES)} alone, without padding")


def order(subject: Subject) -> None:
    """The order of a batch's rows doesn't matter: in reverse order, the rows have the same memory."""
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    rows = list(reversed(range(len(SOURCES))))
    straight = _answer(encoder, inputs, SOURCES)
    turned = _answer(encoder, inputs[rows], [SOURCES[row] for row in rows])
    expected = {name: numbers.rows(rows) for name, numbers in straight.items()}
    require_same(turned, expected, f"for the rows of lengths {list(SOURCES)} in reverse order")


def repeatable(subject: Subject) -> None:
    """In evaluation mode the same sources have the same memory, bit for bit.

    Randomness belongs in training: use ``nn.Dropout``, or check ``self.training``.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    first = _answer(encoder, inputs, SOURCES)
    require_same(_answer(encoder, inputs, SOURCES), first, "read a second time, in evaluation mode", exact=True)


def chance(subject: Subject) -> None:
    """In training mode the same sources have the same memory after the same ``torch.manual_seed``, bit for bit.

    A run that is resumed or repeated depends on it. Draw from PyTorch's own generator, as ``nn.Dropout`` does, not from
    ``random``, ``numpy.random`` or the time.
    """
    encoder, inputs = _make(subject).train(), vectors(SOURCES, E)
    require_same_chance(lambda: _answer(encoder, inputs, SOURCES))


def seed(subject: Subject) -> None:
    """Created twice after the same ``torch.manual_seed``, it has the same weights.

    Draw initial weights from PyTorch's own generator, as ``nn.init`` does.
    """
    require_same_weights(lambda: subject.component(subject.config, E))


def gradients(subject: Subject) -> None:
    """Gradients reach every parameter and the source vectors, and are finite, also for sources of length 200.

    Unused parameters slow training down under ``accelerate launch``, and are often a mistake. A gradient that isn't
    finite usually comes from a row of length 0: ``torch.where`` hides a division by 0 from the output, but not from the
    gradient.
    """

    def losses(encoder: Encoder) -> Losses:
        for some in (SOURCES, (200, 150)):
            where = f"for sources of lengths {list(some)}"
            inputs = vectors(some, E).requires_grad_()
            memory = encoder(inputs, torch.tensor(some))
            yield where, weighted(memory.states[memory.mask], memory.summary)
            require_read(inputs, some, f"{where} the source vectors")

    require_gradients(lambda: subject.component(subject.config, E), losses)


def exact_gradients(subject: Subject) -> None:
    """Gradients are exact: in float64 they equal those of finite differences.

    They don't if an ``autograd.Function`` has a wrong ``backward``, if ``detach`` or ``.data`` cuts a tensor off, or if
    the code creates float32 tensors: write ``inputs.new_zeros(…)``, not ``torch.zeros(…)``.
    """
    encoder, some = _make(subject).double(), (3, 1, 2)
    inputs = vectors(some, E).double().requires_grad_()

    def call() -> tuple[torch.Tensor, ...]:
        memory = encoder(inputs, torch.tensor(some))
        return memory.states[memory.mask], memory.summary

    require_exact_gradients(encoder, {"the inputs": inputs}, call)


def saving(subject: Subject) -> None:
    """A new model with its saved weights has the same outputs, bit for bit.

    The kit first trains it for one update with a plain decoder, and saves it as a run does. Only parameters and buffers
    are saved: use ``nn.Parameter`` or ``register_buffer``.
    """
    model.require_saving(subject)


def learning(subject: Subject) -> None:
    """With a plain decoder it learns a tiny task: to sort one or two letters.

    The task doesn't depend on the order of the letters, so that an encoder that ignores it can learn the task too.
    Within a few hundred updates, the loss must fall to a quarter of the minimum that is possible without the source.
    """
    model.require_learning(subject)


def counterparts(subject: Subject) -> None:
    """It works with every installed decoder: their model has a finite loss and finite gradients, and it can search.

    Each decoder has the settings of its ``small``. Decoders that don't work with a plain encoder either are skipped.
    """
    model.require_counterparts(subject)


def onnx(subject: Subject) -> None:
    """An exported file gives the same answers as the model, in greedy search and in beam search.

    A small model of the encoder and a plain decoder is exported, with its [proof](file-format.md#the-proof). Python
    code that branches on the values of tensors, loops over time or calls ``len(tensor)`` can't be exported; see the
    [rules](hooks.md#a-complete-plugin).
    """
    model.require_export(subject)


PROMISES = (
    shapes,
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


def _make(subject: Subject) -> Encoder:
    encoder: Encoder = subject.component(subject.config, E)
    return encoder.eval()


def _answer(encoder: Encoder, inputs: torch.Tensor, some: Sequence[int]) -> Answer:
    """Returns the memory of sources of some lengths."""
    with torch.no_grad():
        memory: Memory = encoder(inputs, torch.tensor(some, dtype=torch.int64))
    return memory_answer(memory, torch.tensor(some, dtype=torch.int64))
