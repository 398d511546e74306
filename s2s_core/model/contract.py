"""Checks the contract of encoders and decoders: the shapes of their results, and the probabilities of candidates.

``require_contract`` runs both on two small batches, so that a component that breaks it is refused before a model is
trained or exported. The conformance kit checks the same, and more.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.errors import ConfigError, PluginError
from s2s_core.model.interfaces import Decoder, Encoder, Memory, MemorySizes, Output
from s2s_core.model.state_rules import Remembered, described, require_start, require_step, tensor_kind

BATCHES = (((5, 4), 3), ((7, 1, 6), 2))
"""Two batches: the lengths of their sources, and a number of steps. No two sizes of a batch are alike."""

PLACE = "docs/architecture.md#the-contract-of-the-state"
"""Where the contract is documented."""

TOLERANCE = 1e-3
"""By how much a sum of probabilities may differ from 1."""


def require_contract(encoder: Encoder, decoder: Decoder, names: tuple[str, str] | None = None) -> None:
    """Checks on two small batches that an encoder and a decoder keep the contract.

    Neither their modes nor the state of the random generators change.

    Args:
        encoder: With any weights.
        decoder: For memories of the encoder.
        names: What an error calls them; by default, the names of their classes.

    Raises:
        PluginError: One of them breaks it; the message says what was expected and what came.
    """
    names = names or (f"encoder {type(encoder).__name__}", f"decoder {type(decoder).__name__}")
    sizes = memory_sizes(encoder, names[0])
    with evaluating(encoder, decoder), torch.no_grad(), torch.random.fork_rng():
        for lengths, steps in BATCHES:
            inputs = _numbers(encoder, len(lengths), max(lengths), encoder.input_size)
            with _named(names[0]):
                memory = encoder(inputs, torch.tensor(lengths, device=inputs.device))
                require_memory(memory, inputs, sizes)
            with _named(names[1]):
                require_steps(decoder, memory, steps)


def require_attention(encoder: Encoder, decoder: Decoder, name: str) -> None:
    """Checks that tokens can be copied by a decoder's attention: it gives it in steps, and in training too.

    Args:
        encoder: With any weights.
        decoder: For memories of the encoder.
        name: The name under which it is registered.

    Raises:
        ConfigError: It doesn't, or it has transitions from candidate to candidate, so nothing can be copied.
    """
    decoder.attention_is_read = True
    lengths, steps = BATCHES[0]
    width = decoder.input_size if decoder.reads_inputs else 0
    with evaluating(encoder, decoder), torch.no_grad(), torch.random.fork_rng():
        inputs = _numbers(encoder, len(lengths), max(lengths), encoder.input_size)
        memory = encoder(inputs, torch.tensor(lengths, device=inputs.device))
        if decoder.initial_weights(memory) is not None:
            raise ConfigError(
                f"target.copy: decoder {name!r} has transitions between the candidates of its steps, with which tokens "
                "can't be copied: choose another decoder with attention (`s2s plugins list` describes them), or set "
                "target.copy = false"
            )
        written = _numbers(decoder, len(lengths), steps, width)
        output, _ = decoder.step(written[:, 0], decoder.start(memory))
        if output.attention is None:
            raise ConfigError(
                f"target.copy: decoder {name!r} has no attention to copy by: choose a decoder with attention "
                "(`s2s plugins list` describes them), or set target.copy = false"
            )
        whole = decoder.train()(written, torch.full((len(lengths),), steps, device=inputs.device), memory)
        if whole.attention is None:
            raise ConfigError(
                f"target.copy: decoder {name!r} gives its attention in steps, but not for whole targets in training: "
                "its forward must return Output.attention too, at least where attention_is_read is true"
            )


def require_steps(decoder: Decoder, memory: Memory, steps: int) -> None:
    """Checks a first state and some steps.

    Raises:
        PluginError: The decoder breaks a rule of the state, or returns wrong shapes.
    """
    rows, width = len(memory.summary), output_size(decoder)
    state, chained = decoder.start(memory), require_initial_weights(decoder, memory)
    require_start(state, rows)
    for _ in range(steps):
        inputs = _numbers(decoder, rows, decoder.input_size if decoder.reads_inputs else 0)
        before = Remembered.of(state)
        answer = decoder.step(inputs, state)
        output, state = require_step(answer, before, rows)
        require_output(output, (rows,), memory, width, chained)
        require_probabilities(output)


def memory_sizes(encoder: Encoder, name: str = "the encoder") -> MemorySizes:
    """Returns the widths that an encoder declares; an error calls it ``name``.

    Raises:
        PluginError: A width is missing or isn't a positive whole number.
    """
    return MemorySizes(_size(encoder, "states_size", name), _size(encoder, "summary_size", name))


def output_size(decoder: Decoder) -> int:
    """Returns the width that a decoder declares.

    Raises:
        PluginError: The width is missing or isn't a positive whole number.
    """
    return _size(decoder, "output_size", "the decoder")


def require_memory(memory: Any, inputs: Tensor, sizes: MemorySizes) -> None:
    """Checks the types and shapes of a memory.

    Args:
        memory: The result of ``forward``.
        inputs: Its argument, [B, S, E].
        sizes: The widths that the encoder declares.

    Raises:
        PluginError: One of them is wrong.
    """
    if not isinstance(memory, Memory):
        raise PluginError(f"forward must return a Memory (got {described(memory)})")
    rows, positions = inputs.shape[:2]
    context = f"for inputs {list(inputs.shape)}"
    expected = {
        "states": ("[B, S, states_size]", (rows, positions, sizes.states), inputs.dtype),
        "mask": ("[B, S]", (rows, positions), torch.bool),
        "summary": ("[B, summary_size]", (rows, sizes.summary), inputs.dtype),
    }
    for name, (letters, shape, dtype) in expected.items():
        _require_tensor(getattr(memory, name), f"the memory's {name}", letters, shape, dtype, context)


def require_initial_weights(decoder: Decoder, memory: Memory) -> int | None:
    """Checks the probabilities of a decoder's candidates before the first step.

    Returns:
        The number of candidates C; ``None`` for a decoder without transitions.

    Raises:
        PluginError: Their shape is wrong, or they aren't probabilities.
    """
    weights, rows = decoder.initial_weights(memory), len(memory.summary)
    if weights is None:
        return None
    count = weights.shape[1] if isinstance(weights, Tensor) and weights.dim() == 2 else 1
    context = f"for a memory of states {list(memory.states.shape)}"
    _require_tensor(weights, "the initial weights", "[B, C]", (rows, count), memory.summary.dtype, context)
    _require_probabilities(weights, "the initial weights")
    return count


def require_output(
    output: Output, rows: tuple[int, ...], memory: Memory, width: int, chained: int | None = None
) -> None:
    """Checks the shapes of a decoder's answer.

    Args:
        output: Of ``step`` or of ``forward``.
        rows: B for a step; B and T for whole targets.
        memory: The memory that the decoder started from.
        width: The width that the decoder declares.
        chained: The number of candidates that ``initial_weights`` has; ``None`` if it returned ``None``.

    Raises:
        PluginError: One of them is wrong.
    """
    what, axes = ("step", "B") if len(rows) == 1 else ("forward", "B, T")
    dtype, context = memory.summary.dtype, f"for a memory of states {list(memory.states.shape)}"
    _require_one_kind(output, what, chained)
    if output.weights is not None or output.transitions is not None:
        axes, rows = f"{axes}, C", (*rows, _candidates(output, rows, chained))
    _require_tensor(output.vectors, f"the vectors of {what}", f"[{axes}, output_size]", (*rows, width), dtype, context)
    if output.attention is not None:
        shape = (*rows, memory.mask.shape[1])
        _require_tensor(output.attention, f"the attention of {what}", f"[{axes}, S]", shape, dtype, context)
    if output.weights is not None:
        _require_tensor(output.weights, f"the weights of {what}", f"[{axes}]", rows, dtype, context)
    if output.transitions is not None:
        shape = (*rows, rows[-1])
        _require_tensor(output.transitions, f"the transitions of {what}", f"[{axes}, C]", shape, dtype, context)


def require_probabilities(output: Output) -> None:
    """Checks that weights or transitions of a step's candidates are logarithms of probabilities.

    Raises:
        PluginError: A sum of them isn't 1.
    """
    if output.weights is not None:
        _require_probabilities(output.weights, "the weights of step")
    if output.transitions is not None:
        _require_probabilities(output.transitions, "the transitions of step")


def _require_one_kind(output: Output, what: str, chained: int | None) -> None:
    """Checks that candidates have weights, or else transitions and initial weights."""
    if output.weights is not None and output.transitions is not None:
        raise PluginError(f"{what} must give weights or transitions of the candidates, not both")
    if chained is None and output.transitions is not None:
        raise PluginError(
            f"{what} gives transitions, so initial_weights must return the candidates' weights [B, C] before the first "
            "step (got None)"
        )
    if chained is not None and output.transitions is None:
        raise PluginError(f"initial_weights has candidates, so {what} must give their transitions (got None)")


def _candidates(output: Output, rows: tuple[int, ...], chained: int | None) -> int:
    """Returns how many candidates an output must have in each step: as many as at first, or as it has vectors."""
    if chained is not None:
        return chained
    shape = output.vectors.shape if isinstance(output.vectors, Tensor) else ()
    return shape[-2] if len(shape) == len(rows) + 2 else 1


def _require_probabilities(logarithms: Tensor, what: str) -> None:
    """Checks that logarithms of probabilities are those of numbers with the sum 1 along the last dimension."""
    sums = logarithms.double().exp().sum(-1)
    wrong = sums[~torch.isclose(sums, torch.ones_like(sums), atol=TOLERANCE)]
    if wrong.numel():
        raise PluginError(f"{what} must be logarithms of probabilities with the sum 1 (got the sum {wrong[0]:.6g})")


@contextlib.contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Puts modules into evaluation mode, and afterwards each of their parts back into its own mode."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Prefixes an error with the component's name."""
    try:
        yield
    except PluginError as error:
        raise PluginError(f"{name} breaks its contract: {error}; see {PLACE}") from error


def _size(module: nn.Module, attribute: str, name: str) -> int:
    size = getattr(module, attribute, None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise PluginError(f"{name} must set {attribute}, a whole number of at least 1, in __init__ (got {size!r})")
    return size


def _require_tensor(
    value: Any, what: str, letters: str, shape: tuple[int, ...], dtype: torch.dtype, context: str
) -> None:
    if not isinstance(value, Tensor):
        raise PluginError(f"{what} must be a tensor {letters} (got {described(value)})")
    if (tuple(value.shape), value.dtype) != (shape, dtype):
        kind = f"{str(dtype).removeprefix('torch.')} {letters} = {list(shape)}"
        raise PluginError(f"{what} must be {kind} {context} (got {tensor_kind(value)})")


def _numbers(module: nn.Module, *shape: int) -> Tensor:
    """Returns evenly spread numbers, on the device and in the precision of a module."""
    like = next((parameter for parameter in module.parameters() if parameter.is_floating_point()), torch.empty(0))
    count = torch.Size(shape).numel()
    return torch.linspace(-1, 1, count, device=like.device, dtype=like.dtype).reshape(shape)
