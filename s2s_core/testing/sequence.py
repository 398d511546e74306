"""The common parts of the promises of encoders and decoders: small batches, and comparisons of their outputs."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck

from s2s_core.model.interfaces import Memory, MemorySizes, padding_mask
from s2s_core.testing.promise import broken, require

E = 6
"""The width of source and target vectors."""

SIZES = MemorySizes(states=5, summary=7)
"""The widths of the memories that decoders read; all widths differ, so that a mix-up fails."""

SOURCES = (5, 1, 3, 0, 5, 2)
"""The lengths of the sources of a batch."""

TARGETS = (2, 4, 1, 3, 0, 4)
"""The lengths of the targets of a batch, one for each source."""

LONGEST = 500

GARBAGE = {"zeros": 0.0, "large numbers": 1e4, "NaN": math.nan}
"""Possible contents of padding."""


@attrs.frozen(eq=False)
class Numbers:
    """A tensor that a component returned.

    Attributes:
        values: [B, …].
        counts: True for the values that anything reads, false for padding; the shape is that of ``values``.
        axes: The names of the first dimensions.
    """

    values: Tensor
    counts: Tensor
    axes: tuple[str, ...]

    @classmethod
    def of(cls, values: Tensor, counts: Tensor, *axes: str) -> "Numbers":
        """Makes them from ``counts`` whose dimensions may have size 1."""
        return cls(values.detach(), counts.expand_as(values), axes)

    def rows(self, rows: Any) -> "Numbers":
        """Returns the numbers of some rows."""
        return attrs.evolve(self, values=self.values[rows], counts=self.counts[rows])

    def cut(self, shape: Sequence[int]) -> "Numbers":
        """Returns the first numbers of each dimension, in a shape."""
        part = tuple(slice(size) for size in shape)
        return attrs.evolve(self, values=self.values[part], counts=self.counts[part])

    def place(self, where: Tensor) -> str:
        """Returns the place of the first true value, such as ``"row 2, position 0"``."""
        first = where.nonzero()[0].tolist()
        return ", ".join(f"{axis} {index}" for axis, index in zip(self.axes, first, strict=False))


Answer = Mapping[str, Numbers]
"""What a component returned, by name."""

Losses = Iterator[tuple[str, Tensor]]
"""Losses, each with a description of its input, such as ``"for sources of lengths [3, 1]"``."""


def require_same(actual: Answer, expected: Answer, change: str, *, exact: bool = False) -> None:
    """Checks that an answer is the same with and without a change that must not matter.

    Args:
        actual: The answer with the change.
        expected: The answer without it.
        change: The change, such as ``"with NaN past the lengths [3, 1]"``.
        exact: Whether not even rounding may differ.
    """
    require(set(actual) == set(expected), f"{change} it returns {sorted(actual)}, otherwise {sorted(expected)}")
    for name, numbers in expected.items():
        values = actual[name].values
        close = {"rtol": 0.0, "atol": 0.0} if exact else {"rtol": 1e-3, "atol": 1e-4}
        wrong = ~torch.isclose(values, numbers.values, equal_nan=True, **close) & numbers.counts
        if wrong.any():
            one, other = values[wrong][0], numbers.values[wrong][0]
            place = f"a number of the {name} at {numbers.place(wrong)}"
            broken(f"{change}, {place} is {one:.6g} instead of {other:.6g}")


def require_same_chance(answer: Callable[[], Answer]) -> None:
    """Checks that random answers are the same after the same seed."""
    answers = []
    for _ in range(2):
        torch.manual_seed(1)
        answers.append(answer())
    require_same(answers[1], answers[0], "after torch.manual_seed(1) a second time, in training mode", exact=True)


def require_finite(answer: Answer, where: str) -> None:
    """Checks that all values that count are finite.

    Args:
        answer: What a component returned.
        where: The input, such as ``"for lengths [0]"``.
    """
    for name, numbers in answer.items():
        wrong = ~numbers.values.isfinite() & numbers.counts
        if wrong.any():
            broken(f"{where}, a number of the {name} at {numbers.place(wrong)} is {numbers.values[wrong][0]}")


def memory_answer(memory: Memory, lengths: Tensor) -> Answer:
    """Returns an encoder's memory as an answer, in which padding doesn't count."""
    real = padding_mask(lengths, memory.states.shape[1])
    every = torch.ones_like(memory.summary, dtype=torch.bool)
    return {
        "states": Numbers.of(memory.states, real[:, :, None], "row", "position"),
        "summary": Numbers.of(memory.summary, every, "row"),
    }


def vectors(lengths: Sequence[int], width: int) -> Tensor:
    """Returns random vectors for rows of some lengths, [B, S, W], S at least 1, with zeros past each length."""
    return spoilt(torch.randn(len(lengths), max([*lengths, 1]), width), lengths, 0.0)


def spoilt(padded: Tensor, lengths: Sequence[int], garbage: float) -> Tensor:
    """Returns the vectors [B, S, W] with ``garbage`` past each length."""
    mask = padding_mask(torch.tensor(lengths, dtype=torch.int64), padded.shape[1])
    return torch.where(mask[:, :, None], padded, garbage)


def memory_of(lengths: Sequence[int]) -> Memory:
    """Returns a memory of random vectors for sources of some lengths."""
    states = vectors(lengths, SIZES.states)
    mask = padding_mask(torch.tensor(lengths, dtype=torch.int64), states.shape[1])
    return Memory(states, mask, torch.randn(len(lengths), SIZES.summary))


def require_gradients(make: Callable[[], nn.Module], losses: Callable[[Any], Losses]) -> None:
    """Checks that the gradients of some losses are finite, and that every parameter gets one.

    A parameter may be unreachable by chance, as behind a ReLU that is never active, so three modules are tried.

    Args:
        make: Returns a module with new random weights at each call.
        losses: Yields the losses of a module.
    """
    unreached: set[str] = set()
    for attempt in range(3):
        module = make().train()
        trained = {
            name for name, parameter in module.named_parameters() if parameter.requires_grad and parameter.numel()
        }
        reached: set[str] = set()
        for where, loss in losses(module):
            module.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for name, parameter in module.named_parameters():
                if parameter.grad is None:
                    continue
                require(parameter.grad.isfinite().all(), f"{where} the gradient of {name} is not finite")
                if parameter.grad.any():
                    reached.add(name)
        missing = trained - reached
        unreached = missing if attempt == 0 else unreached & missing
        if not unreached:
            return
    broken(f"no gradient reaches {', '.join(sorted(unreached))}")


def require_read(read: Tensor, some: Sequence[int], what: str) -> None:
    """Checks that in every row that isn't empty, a gradient has reached at least one of the vectors [B, S, E]."""
    for row, length in enumerate(some):
        reached = read.grad is not None and bool(read.grad[row].any())
        require(reached or not length, f"{what} at row {row} get no gradient")


def weighted(*tensors: Tensor) -> Tensor:
    """Returns a loss in which every number has a different random weight."""
    return torch.stack([(tensor * torch.randn_like(tensor)).sum() for tensor in tensors]).sum()


def require_same_weights(make: Callable[[], nn.Module]) -> None:
    """Checks that a module that is created twice after the same seed has the same weights."""
    made = []
    for _ in range(2):
        torch.manual_seed(1)
        made.append(make().state_dict())
    require(made[0].keys() == made[1].keys(), f"its weights are {sorted(made[0])} once, then {sorted(made[1])}")
    for name, weight in made[0].items():
        same = torch.equal(weight, made[1][name])
        require(same, f"made twice after torch.manual_seed(1), it has different weights {name}")


def require_exact_gradients(module: nn.Module, inputs: Mapping[str, Tensor], call: Callable[[], Any]) -> None:
    """Checks gradients against finite differences.

    Args:
        module: The module, in float64.
        inputs: The tensors that ``call`` reads, by name, in float64.
        call: Returns the outputs to differentiate.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # with biases of 0, a ReLU may be exactly at its kink
    trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    for name, tensor in {**inputs, **trained}.items():
        if not gradcheck(lambda _: call(), tensor, fast_mode=True, raise_exception=False, check_undefined_grad=False):
            broken(f"the gradient of {name} differs from that of finite differences, in float64")
