"""Recurrence over time with any cell: a loop in PyTorch, one ``Scan`` node in an exported file."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from s2s_core.compat import pytree, scan_operator

Cell = Callable[[Tensor, Any], Any]


def scan(cell: Cell, inputs: Tensor, mask: Tensor, initial: Any) -> tuple[Any, Any]:
    """Runs a cell over time; padding leaves the state as it was.

    It becomes a ``Scan`` node in an exported file.

    Args:
        cell: Maps the inputs [B, E] of a position and the state before to the state after. The state is a tensor
            [B, H] or a nesting of such tensors.
        inputs: [B, S, E].
        mask: True where a position is real, [B, S].
        initial: The state before the first position.

    Returns:
        The state after every position, [B, S, H], and after the last one, [B, H], both nested as ``initial`` is.
    """

    def step(state: Any, position: tuple[Tensor, Tensor]) -> Any:
        step_inputs, step_mask = position
        return pytree.tree_map(
            lambda after, before: torch.where(step_mask.view(-1, *[1] * (after.dim() - 1)), after, before),
            cell(step_inputs, state),
            state,
        )

    def exported_step(state: Any, position: tuple[Tensor, Tensor]) -> tuple[Any, Any]:
        new = step(state, position)
        # The state is both carried and collected. torch.export refuses an operator that returns one tensor twice.
        return new, pytree.tree_map(torch.clone, new)

    positions = (inputs.transpose(0, 1), mask.transpose(0, 1))  # [S, B, E], [S, B]
    if torch.compiler.is_exporting():
        # The operator wants the first state to have the strides of those that the cell returns, which are contiguous,
        # but a first state may be expanded, such as one for all beams.
        contiguous = pytree.tree_map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), initial)
        final, states = scan_operator(exported_step, contiguous, positions)
    else:
        final, states = _loop(step, initial, positions)
    return pytree.tree_map(lambda leaf: leaf.transpose(0, 1), states), final


def _loop(step: Callable[[Any, Any], Any], state: Any, positions: Any) -> tuple[Any, Any]:
    length = positions[0].shape[0]
    if length == 0:
        return state, pytree.tree_map(lambda leaf: leaf.new_zeros(0, *leaf.shape), state)  # [0, B, H]
    outputs = []
    for time in range(length):
        state = step(state, (positions[0][time], positions[1][time]))
        outputs.append(state)
    return state, pytree.tree_map(lambda *steps: torch.stack(steps), *outputs)  # [S, B, H]
