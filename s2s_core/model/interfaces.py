"""The interfaces of encoders and decoders: modules that turn sequences of vectors into sequences of vectors.

Axis letters, here and in every file with tensors: ``B`` batch, ``S`` source length, ``T`` target length,
``E`` embedding, ``H`` hidden, ``M`` memory, ``Z`` summary, ``D`` decoder output, ``C`` candidates, ``V`` vocabulary,
``K`` beam.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from s2s_core.config.fields import NoConfig
from s2s_core.version import API_VERSION

State = Any
"""A decoder's state: a tensor, or any nesting of tuples, named tuples, lists and dicts of tensors, batch first."""


class Memory(NamedTuple):
    """The encoder's result, which the decoder reads.

    Attributes:
        states: One vector for each source position, [B, S, M]; arbitrary where the mask is false.
        mask: True where a source position is real, [B, S].
        summary: The whole source as one vector, [B, Z].
    """

    states: Tensor
    mask: Tensor
    summary: Tensor


class MemorySizes(NamedTuple):
    """The widths M and Z of a memory's vectors."""

    states: int
    summary: int


class Output(NamedTuple):
    """The decoder's result.

    A step has one vector, or several candidates. The model projects each candidate onto the vocabulary, and mixes the
    distributions of tokens: by ``weights`` that the decoder gives, or by those that follow from ``transitions``, the
    tokens so far and ``Decoder.initial_weights``, as in a hidden Markov model. Candidates have one of the two, and
    their number C is the same in every step. Weights and transitions are natural logarithms of probabilities; minus
    infinity marks what is impossible.

    Attributes:
        vectors: [B, D] for a step, [B, T, D] for a whole target; of candidates, [B, C, D] or [B, T, C, D].
        attention: The weight of each source position, [B, S] or [B, T, S]; ``None`` if the decoder has no attention.
            Candidates have one each, [B, C, S] or [B, T, C, S].
        weights: The logarithm of each candidate's probability, [B, C] or [B, T, C].
        transitions: The logarithm of each candidate's probability, given the candidate of the step before, which is the
            last dimension but one, [B, C, C] or [B, T, C, C].
    """

    vectors: Tensor
    attention: Tensor | None = None
    weights: Tensor | None = None
    transitions: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Output":
        """Returns an output of these tensors, each changed in the same way."""
        others = [None if tensor is None else change(tensor) for tensor in self[1:]]
        return Output(change(self.vectors), *others)


class Encoder(nn.Module):
    """Turns source vectors into a memory.

    A subclass sets the two sizes in ``__init__`` and implements ``forward``.

    Args:
        config: The class's own ``Config``.
        input_size: The width E of the source vectors.

    Attributes:
        states_size: The width M of ``Memory.states``.
        summary_size: The width Z of ``Memory.summary``.
        small: Settings for the conformance kit, above all small sizes, which make it fast.
        exempt: The promises of the conformance kit that it doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}
    states_size: int
    summary_size: int

    def __init__(self, config: Any, input_size: int) -> None:
        super().__init__()
        self.config = config
        self.input_size = input_size

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources.

        The result for a row must not depend on its padding or on the other rows. A length of 0 is allowed.

        Args:
            inputs: [B, S, E]; arbitrary past a row's length.
            lengths: [B], each from 0 to S.
        """
        raise NotImplementedError


class Decoder(nn.Module):
    """Turns a memory into target vectors, step by step.

    A subclass sets ``output_size`` in ``__init__`` and implements ``start`` and ``step``. It may also implement
    ``forward``, if it can compute a whole target faster than step by step.

    The state may be any nesting of tuples, named tuples, lists and dicts of tensors. Four rules let one exporter serve
    every decoder: each tensor is batch first and keeps its dtype and rank; ``step`` returns the same nesting; the code
    doesn't branch on what tensors hold; a tensor that never changes is returned as the same object. Dimensions other
    than the first may grow, as in a cache of keys.

    Args:
        config: The class's own ``Config``.
        input_size: The width E of the target vectors.
        memory: The widths of the memory that it starts from.

    Attributes:
        output_size: The width D of ``Output.vectors``.
        reads_inputs: False for a decoder that doesn't look at the previous tokens. The model then has no target
            embedding, and ``inputs`` have width 0.
        attention_is_read: Set by the core where it needs ``Output.attention`` in training too, as for copying. A
            decoder that leaves it out of training to save time then returns it.
        small: Settings for the conformance kit, above all small sizes, which make it fast.
        exempt: The promises of the conformance kit that it doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}
    output_size: int
    reads_inputs: bool = True
    attention_is_read: bool = False

    def __init__(self, config: Any, input_size: int, memory: MemorySizes) -> None:
        super().__init__()
        self.config = config
        self.input_size = input_size
        self.memory = memory

    def start(self, memory: Memory) -> State:
        """Returns the state before the first step."""
        raise NotImplementedError

    def initial_weights(self, memory: Memory) -> Tensor | None:
        """Returns the logarithms of the candidates' probabilities before the first step, [B, C].

        The first step's transitions start from them. ``None``, the default, is for decoders without transitions.
        """
        del memory
        return None

    def step(self, inputs: Tensor, state: State) -> tuple[Output, State]:
        """Takes one step, from the vectors [B, E] of the previous tokens to output vectors [B, D]."""
        raise NotImplementedError

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets whose tokens are known, as in training.

        The result past a target's length is never read.

        Args:
            inputs: The vectors of the token before each step, [B, T, E].
            lengths: [B], each from 0 to T.
            memory: The encoder's result.
        """
        del lengths
        state = self.start(memory)
        outputs = []
        for step_inputs in inputs.unbind(1):
            output, state = self.step(step_inputs, state)
            outputs.append(output)
        return whole_output(outputs)


def whole_output(steps: Sequence[Output]) -> Output:
    """Returns the output for whole targets, of the outputs of all steps, of which there is at least one."""
    vectors = torch.stack([step.vectors for step in steps], 1)
    others = zip(*(step[1:] for step in steps), strict=True)
    return Output(vectors, *(None if None in tensors else torch.stack(tensors, 1) for tensors in others))


def padding_mask(lengths: Tensor, size: int) -> Tensor:
    """Returns True where a position is real, [B, size], for rows of ``lengths`` [B]."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def bridge(from_size: int, to_size: int) -> nn.Module:
    """Returns the module that turns an encoder's summary into a decoder's state.

    It is the identity if the widths are equal, and a learned linear layer otherwise, so that every encoder works with
    every decoder.
    """
    return nn.Identity() if from_size == to_size else nn.Linear(from_size, to_size)
