"""What every encoder promises."""

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

    States and summary have the dtype of the inputs. The mask is of bool, true up to each row's length. The widths are
    ``states_size`` and ``summary_size``, set in ``__init__``.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    memory = encoder(inputs, torch.tensor(SOURCES))
    require_memory(memory, inputs, memory_sizes(encoder))
    expected = padding_mask(torch.tensor(SOURCES), inputs.shape[1])
    for row, length in enumerate(SOURCES):
        found = memory.mask[row].tolist()
        require(found == expected[row].tolist(), f"the mask of row {row}, whose length is {length}, is {found}")


def lengths(subject: Subject) -> None:
    """Sources of any length have numbers for answers: of length 1, of length 0 beside others and alone, of 500.

    A mean over no positions is the usual mistake: divide by ``lengths.clamp(min=1)``. A batch without rows is a batch
    too.
    """
    encoder = _make(subject)
    for some in ((1,), (0,), (0, 3, 1), (LONGEST, 1), ()):
        require_finite(_answer(encoder, vectors(some, E), some), f"for sources of lengths {list(some)}")


def padding(subject: Subject) -> None:
    """What stands past a row's length changes nothing, not even NaN.

    It is examined with zeros, large numbers and NaN there. A mask that is multiplied lets NaN through, and one that is
    added lets large numbers through: use ``torch.where(mask[:, :, None], inputs, 0.0)``. ``scan``, ``lstm`` and ``gru``
    hide padding by themselves.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    expected = _answer(encoder, inputs, SOURCES)
    for name, garbage in GARBAGE.items():
        found = _answer(encoder, spoilt(inputs, SOURCES, garbage), SOURCES)
        require_same(found, expected, f"with {name} past the lengths {list(SOURCES)}")


def batch(subject: Subject) -> None:
    """A row's answer is the same alone and in any batch.

    Each row of a batch is also read by itself, without padding. Statistics over the batch break this, and so does what
    depends on the longest row, such as positions counted from the end of the padded row.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    together = _answer(encoder, inputs, SOURCES)
    for row, length in enumerate(SOURCES):
        alone = _answer(encoder, inputs[row : row + 1, : max(length, 1)], (length,))
        expected = {name: together[name].rows([row]).cut(numbers.values.shape) for name, numbers in alone.items()}
        require_same(alone, expected, f"for row {row} of lengths {list(SOURCES)} alone, without padding")


def order(subject: Subject) -> None:
    """The order of a batch's rows doesn't matter: turned round, the rows have the same answers."""
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    rows = list(reversed(range(len(SOURCES))))
    straight = _answer(encoder, inputs, SOURCES)
    turned = _answer(encoder, inputs[rows], [SOURCES[row] for row in rows])
    expected = {name: numbers.rows(rows) for name, numbers in straight.items()}
    require_same(turned, expected, f"for the rows of lengths {list(SOURCES)} in reverse order")


def repeatable(subject: Subject) -> None:
    """In evaluation mode the same sources have the same answers, bit for bit.

    Chance belongs into training: use ``nn.Dropout``, or look at ``self.training``.
    """
    encoder, inputs = _make(subject), vectors(SOURCES, E)
    first = _answer(encoder, inputs, SOURCES)
    require_same(_answer(encoder, inputs, SOURCES), first, "read a second time, in evaluation mode", exact=True)


def chance(subject: Subject) -> None:
    """In training, the same sources have the same answers after the same ``torch.manual_seed``, bit for bit.

    A run that is resumed or repeated depends on it. Draw from PyTorch's own chance, as ``nn.Dropout`` does, not from
    ``random``, ``numpy.random`` or the time.
    """
    encoder, inputs = _make(subject).train(), vectors(SOURCES, E)
    require_same_chance(lambda: _answer(encoder, inputs, SOURCES))


def seed(subject: Subject) -> None:
    """Made twice after the same ``torch.manual_seed``, it has the same weights.

    Draw first weights from PyTorch's own chance, as ``nn.init`` does.
    """
    require_same_weights(lambda: subject.component(subject.config, E))


def gradients(subject: Subject) -> None:
    """Gradients reach every parameter and the source vectors, and are finite, for sources of length 200 too.

    Parameters that nothing reads slow training down under ``accelerate launch``, and are often a mistake. A gradient
    that isn't finite usually comes from a row of length 0: ``torch.where`` hides a division by 0 from the answer, but
    not from the gradient.
    """

    def losses(encoder: Encoder) -> Losses:
        for some in (SOURCES, (200, 150)):
            given = f"for sources of lengths {list(some)}"
            inputs = vectors(some, E).requires_grad_()
            memory = encoder(inputs, torch.tensor(some))
            yield given, weighted(memory.states[memory.mask], memory.summary)
            require_read(inputs, some, f"{given} the source vectors")

    require_gradients(lambda: subject.component(subject.config, E), losses)


def exact_gradients(subject: Subject) -> None:
    """Gradients are exact: in float64 they equal the slopes that finite differences find.

    It fails where an ``autograd.Function`` has a wrong ``backward``, where a tensor is cut off by ``detach`` or
    ``.data``, and where the code makes float32 tensors: write ``inputs.new_zeros(…)``, not ``torch.zeros(…)``.
    """
    encoder, some = _make(subject).double(), (3, 1, 2)
    inputs = vectors(some, E).double().requires_grad_()

    def call() -> tuple[torch.Tensor, ...]:
        memory = encoder(inputs, torch.tensor(some))
        return memory.states[memory.mask], memory.summary

    require_exact_gradients(encoder, {"the inputs": inputs}, call)


def saving(subject: Subject) -> None:
    """Its saved weights, in a new model, give the same answers, bit for bit.

    It is trained for one update before, and saved as a run is, with a plain decoder. What isn't a parameter or a buffer
    isn't saved: use ``nn.Parameter`` or ``register_buffer``.
    """
    model.require_saving(subject)


def learning(subject: Subject) -> None:
    """With a plain decoder it learns a tiny task: to sort one or two letters.

    The task asks for no order, so that an encoder which forgets it can learn it too. Within some hundred updates, the
    loss must fall to a quarter of the least that is possible without reading the source.
    """
    model.require_learning(subject)


def counterparts(subject: Subject) -> None:
    """It works with every installed decoder: a model of both gives a finite loss and finite gradients, and searches.

    Each decoder is taken with the settings that it calls small. One that doesn't work with a plain encoder either is
    left out.
    """
    model.require_counterparts(subject)


def onnx(subject: Subject) -> None:
    """An exported file answers as the model does, in greedy search and in a beam.

    A small model of the encoder and a plain decoder is exported, with its [proof](file-format.md#the-proof). Python
    code that looks at numbers, loops over time, or takes ``len(tensor)`` can't be followed; see the
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


def _make(subject: Subject) -> Encoder:
    encoder: Encoder = subject.component(subject.config, E)
    return encoder.eval()


def _answer(encoder: Encoder, inputs: torch.Tensor, some: Sequence[int]) -> Answer:
    """Returns what counts of the memory of sources of some lengths."""
    with torch.no_grad():
        memory: Memory = encoder(inputs, torch.tensor(some, dtype=torch.int64))
    return memory_answer(memory, torch.tensor(some, dtype=torch.int64))
