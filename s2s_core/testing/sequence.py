"""What the promises of encoders and decoders share: small batches, and how answers are compared."""

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
"""The widths of the memories that decoders are given; all of them differ."""

SOURCES = (5, 1, 3, 0, 5, 2)
"""Lengths of sources."""

TARGETS = (2, 4, 1, 3, 0, 4)
"""Lengths of targets, one for each source."""

LONGEST = 500

GARBAGE = {"zeros": 0.0, "large numbers": 1e4, "NaN": math.nan}
"""What may stand in padding."""


@attrs.frozen(eq=False)
class Numbers:
    """Numbers that a component gave.

    Attributes:
        values: [B, …].
        counts: Which of them anybody reads, in the same shape.
        axes: What the first dimensions are called.
    """

    values: Tensor
    counts: Tensor
    axes: tuple[str, ...]

    @classmethod
    def of(cls, values: Tensor, counts: Tensor, *axes: str) -> "Numbers":
        """Makes them where ``counts`` has the last dimensions missing or of size 1."""
        return cls(values.detach(), counts.expand_as(values), axes)

    def rows(self, rows: Any) -> "Numbers":
        """Returns those of some rows."""
        return attrs.evolve(self, values=self.values[rows], counts=self.counts[rows])

    def cut(self, shape: Sequence[int]) -> "Numbers":
        """Returns the first ones of each dimension."""
        part = tuple(slice(size) for size in shape)
        return attrs.evolve(self, values=self.values[part], counts=self.counts[part])

    def place(self, where: Tensor) -> str:
        """Says where the first true value stands, such as ``"row 2, position 0"``."""
        first = where.nonzero()[0].tolist()
        return ", ".join(f"{axis} {index}" for axis, index in zip(self.axes, first, strict=False))


Answer = Mapping[str, Numbers]
"""What a component gave, by the names of its parts."""

Losses = Iterator[tuple[str, Tensor]]
"""Losses, each after what it is a loss of, such as ``"for sources of lengths [3, 1]"``."""


def require_same(found: Answer, expected: Answer, change: str, *, exact: bool = False) -> None:
    """Checks that an answer is what it was without a change that mustn't matter.

    Args:
        found: With the change.
        expected: Without it.
        change: Such as ``"with NaN past the lengths [3, 1]"``.
        exact: Whether not even rounding may differ.
    """
    require(set(found) == set(expected), f"{change} it gives {sorted(found)}, otherwise {sorted(expected)}")
    for name, numbers in expected.items():
        actual = found[name].values
        close = {"rtol": 0.0, "atol": 0.0} if exact else {"rtol": 1e-3, "atol": 1e-4}
        wrong = ~torch.isclose(actual, numbers.values, equal_nan=True, **close) & numbers.counts
        if wrong.any():
            one, other = actual[wrong][0], numbers.values[wrong][0]
            place = f"a number of the {name} at {numbers.place(wrong)}"
            broken(f"{change}, {place} is {one:.6g} instead of {other:.6g}")


def require_same_chance(answer: Callable[[], Answer]) -> None:
    """Checks that what is answered with chance is the same after the same seed."""
    answers = []
    for _ in range(2):
        torch.manual_seed(1)
        answers.append(answer())
    require_same(answers[1], answers[0], "after torch.manual_seed(1) a second time, in training mode", exact=True)


def require_finite(answer: Answer, given: str) -> None:
    """Checks that all that counts are numbers.

    Args:
        answer: What a component gave.
        given: Such as ``"for lengths [0]"``.
    """
    for name, numbers in answer.items():
        wrong = ~numbers.values.isfinite() & numbers.counts
        if wrong.any():
            broken(f"{given}, a number of the {name} at {numbers.place(wrong)} is {numbers.values[wrong][0]}")


def memory_answer(memory: Memory, lengths: Tensor) -> Answer:
    """Returns what counts of an encoder's memory."""
    real = padding_mask(lengths, memory.states.shape[1])
    every = torch.ones_like(memory.summary, dtype=torch.bool)
    return {
        "states": Numbers.of(memory.states, real[:, :, None], "row", "position"),
        "summary": Numbers.of(memory.summary, every, "row"),
    }


def vectors(lengths: Sequence[int], width: int) -> Tensor:
    """Returns random vectors for rows of some lengths, [B, S, width], S at least 1, with zeros past each length."""
    return spoilt(torch.randn(len(lengths), max([*lengths, 1]), width), lengths, 0.0)


def spoilt(padded: Tensor, lengths: Sequence[int], garbage: float) -> Tensor:
    """Returns vectors [B, S, W] with ``garbage`` past each length."""
    mask = padding_mask(torch.tensor(lengths, dtype=torch.int64), padded.shape[1])
    return torch.where(mask[:, :, None], padded, garbage)


def memory_of(lengths: Sequence[int]) -> Memory:
    """Returns a memory of random vectors, for sources of some lengths."""
    states = vectors(lengths, SIZES.states)
    mask = padding_mask(torch.tensor(lengths, dtype=torch.int64), states.shape[1])
    return Memory(states, mask, torch.randn(len(lengths), SIZES.summary))


def require_gradients(make: Callable[[], nn.Module], losses: Callable[[Any], Losses]) -> None:
    """Checks that the gradients of some losses are finite, and that every parameter has one.

    A parameter may be out of reach by chance, as behind a unit that never fires; so some modules are tried.

    Args:
        make: Makes a module with other weights each time.
        losses: Gives the losses of a module.
    """
    unreached: set[str] = set()
    for attempt in range(3):
        module = make().train()
        trained = {
            name for name, parameter in module.named_parameters() if parameter.requires_grad and parameter.numel()
        }
        reached: set[str] = set()
        for given, loss in losses(module):
            module.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for name, parameter in module.named_parameters():
                if parameter.grad is None:
                    continue
                require(parameter.grad.isfinite().all(), f"{given} the gradient of {name} is not finite")
                if parameter.grad.any():
                    reached.add(name)
        missing = trained - reached
        unreached = missing if attempt == 0 else unreached & missing
        if not unreached:
            return
    broken(f"no gradient reaches {', '.join(sorted(unreached))}")


def require_read(read: Tensor, some: Sequence[int], what: str) -> None:
    """Checks that a gradient has reached some vector [B, S, E] of every row that isn't empty."""
    for row, length in enumerate(some):
        reached = read.grad is not None and bool(read.grad[row].any())
        require(reached or not length, f"{what} at row {row} get no gradient")


def weighted(*tensors: Tensor) -> Tensor:
    """Returns a loss in which every number counts, each differently."""
    return torch.stack([(tensor * torch.randn_like(tensor)).sum() for tensor in tensors]).sum()


def require_same_weights(make: Callable[[], nn.Module]) -> None:
    """Checks that a module made twice after the same seed has the same weights."""
    made = []
    for _ in range(2):
        torch.manual_seed(1)
        made.append(make().state_dict())
    require(made[0].keys() == made[1].keys(), f"its weights are {sorted(made[0])} once, then {sorted(made[1])}")
    for name, weight in made[0].items():
        same = torch.equal(weight, made[1][name])
        require(same, f"made twice after torch.manual_seed(1), it has different weights {name}")


def require_exact_gradients(module: nn.Module, inputs: Mapping[str, Tensor], call: Callable[[], Any]) -> None:
    """Checks gradients against the slopes that finite differences find.

    Args:
        module: In float64.
        inputs: What ``call`` reads, in float64.
        call: Gives the numbers that count.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # or biases of 0 would stand on the edge of a ReLU
    trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    for name, tensor in {**inputs, **trained}.items():
        if not gradcheck(lambda _: call(), tensor, fast_mode=True, raise_exception=False, check_undefined_grad=False):
            broken(f"the gradient of {name} isn't the slope that finite differences find, in float64")
