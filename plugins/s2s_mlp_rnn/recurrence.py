"""The cell's recurrence, computed without padding and with a hand-written gradient.

Rows are taken longest first, so that the batch shrinks as sequences end. The gradient of each weight is one matrix
product over all steps instead of one per step, and every step works in place. Together they make training twice as
fast as the plain loop (``benchmarks/mlp_rnn_training.py``).

A batch is packed: its ``N`` real positions come one after another, first the first positions of all rows, then the
second ones, and so on. ``R`` is the number of rows that a step has, at most ``B``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from s2s_core import padding_mask
from s2s_mlp_rnn.perceptron import Perceptron


class Packing:
    """The order in which the real positions of a batch are computed.

    Args:
        lengths: [B], each from 0 to ``size``.
        size: The number of positions of a padded row, T.

    Attributes:
        counts: The number of rows R of each step, which never grows; the sum is N.
        order: The rows, longest first, [B].
        last: The index of each row's last state among the B initial states and the N states after a step, [B].
    """

    def __init__(self, lengths: Tensor, size: int) -> None:
        self._shape = (len(lengths), size)
        self.order = lengths.argsort(descending=True)
        real = padding_mask(lengths, size)[self.order].t()  # [T, B]
        steps, ranks = real.nonzero(as_tuple=True)  # [N]
        self._positions = self.order[ranks] * size + steps
        counts = real.sum(1)  # [T]
        self.counts: list[int] = [count for count in counts.tolist() if count]
        starts = torch.cat([counts.new_tensor([0, len(lengths)]), counts]).cumsum(0)  # [T + 2]
        self.last = starts[lengths] + self.order.argsort()

    def pack(self, padded: Tensor) -> Tensor:
        """Returns the vectors at the real positions, [N, E], of ``padded``, [B, T, E]."""
        return padded.flatten(0, 1).index_select(0, self._positions)

    def pad(self, packed: Tensor) -> Tensor:
        """Returns packed vectors, [N, E], in their rows, [B, T, E], with zeros past each row's length."""
        batch, size = self._shape
        zeros = packed.new_zeros(batch * size, packed.shape[1])
        return zeros.index_copy_(0, self._positions, packed).view(batch, size, packed.shape[1])


def unroll(cell: Perceptron, drive: Tensor | None, initial: Tensor, packing: Packing) -> tuple[Tensor, Tensor]:
    """Computes ``h_t = tanh(drive_t + cell(h_{t-1}))``, or ``h_t = relu(cell(h_{t-1}))`` without a drive.

    Args:
        cell: A perceptron from H to H.
        drive: The summand of each step, packed, [N, H].
        initial: The state before the first step, [B, H].
        packing: The packing of the batch.

    Returns:
        The state after each step, packed, [N, H], and each row's last state, [B, H], which is the initial one
        for a row of length 0.
    """
    *weights, last_bias = cell.weights
    added = last_bias.expand(sum(packing.counts), -1) if drive is None else drive + last_bias  # [N, H]
    states: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
        packing.counts, _RELU if drive is None else _TANH, initial[packing.order], added, *weights
    )
    return states[len(initial) :], states[packing.last]


def _through_relu(gradient: Tensor, value: Tensor) -> None:
    """Turns the gradient with respect to ``value = relu(x)`` into the one with respect to ``x``, in place."""
    torch.ops.aten.threshold_backward.grad_input(gradient, value, 0, grad_input=gradient)


def _through_tanh(gradient: Tensor, value: Tensor) -> None:
    """Turns the gradient with respect to ``value = tanh(x)`` into the one with respect to ``x``, in place."""
    torch.ops.aten.tanh_backward.grad_input(gradient, value, grad_input=gradient)


class _Activation(NamedTuple):
    """An activation function and its gradient, both in place."""

    apply: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor], None]


_RELU = _Activation(torch.relu_, _through_relu)
_TANH = _Activation(torch.tanh_, _through_tanh)


class _Step(NamedTuple):
    """Views of one step's rows: the states before and after it, and the cell's hidden layers.

    Attributes:
        before: [R, H].
        wide: The first hidden layer, [R, 2H].
        narrow: The second hidden layer, [R, H/2].
        after: [R, H].
    """

    before: Tensor
    wide: Tensor
    narrow: Tensor
    after: Tensor


def _steps(counts: list[int], states: Tensor, wide: Tensor, narrow: Tensor) -> list[_Step]:
    first, *after = states.split_with_sizes([len(states) - len(wide), *counts])
    before = [rows[:count] for rows, count in zip([first, *after], counts, strict=False)]
    return list(map(_Step, before, wide.split_with_sizes(counts), narrow.split_with_sizes(counts), after))


class _Recurrence(torch.autograd.Function):
    """Returns the B initial states and the N states after a step, [B + N, H], in the order of a packing."""

    @staticmethod
    def forward(
        ctx: Any, counts: list[int], activation: _Activation, initial: Tensor, added: Tensor, *weights: Tensor
    ) -> Tensor:
        w1, b1, w2, b2, w3 = weights  # [2H, H], [2H], [H/2, 2H], [H/2], [H, H/2]
        states = torch.cat([initial, added])  # [B + N, H]
        wide = states.new_empty(len(added), len(w1))  # [N, 2H]
        narrow = states.new_empty(len(added), len(w2))  # [N, H/2]
        for step in _steps(counts, states, wide, narrow):
            torch.addmm(b1, step.before, w1.t(), out=step.wide).relu_()  # [R, 2H]
            torch.addmm(b2, step.wide, w2.t(), out=step.narrow).relu_()  # [R, H/2]
            activation.apply(step.after.addmm_(step.narrow, w3.t()))  # [R, H]
        ctx.counts, ctx.activation = counts, activation
        ctx.save_for_backward(states, wide, narrow, w1, w2, w3)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        states, wide, narrow, w1, w2, w3 = ctx.saved_tensors
        at_states, at_wide, at_narrow = gradient.clone(), torch.empty_like(wide), torch.empty_like(narrow)
        steps = _steps(ctx.counts, states, wide, narrow)
        gradients = _steps(ctx.counts, at_states, at_wide, at_narrow)
        for step, at_step in zip(reversed(steps), reversed(gradients), strict=True):
            ctx.activation.backward(at_step.after, step.after)  # [R, H]
            _through_relu(torch.mm(at_step.after, w3, out=at_step.narrow), step.narrow)  # [R, H/2]
            _through_relu(torch.mm(at_step.narrow, w2, out=at_step.wide), step.wide)  # [R, 2H]
            at_step.before.addmm_(at_step.wide, w1)  # [R, H]
        at_initial, at_added = at_states.split_with_sizes([len(states) - len(wide), len(wide)])
        before = torch.cat([states[:0], *(step.before for step in steps)])  # [N, H]
        return (
            *(None, None, at_initial, at_added),  # [B, H], [N, H]
            *(at_wide.t() @ before, at_wide.sum(0)),  # [2H, H], [2H]
            *(at_narrow.t() @ wide, at_narrow.sum(0)),  # [H/2, 2H], [H/2]
            at_added.t() @ narrow,  # [H, H/2]
        )
