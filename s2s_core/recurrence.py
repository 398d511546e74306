"""Recurrence over time for encoders: fast in PyTorch, one native node in an exported file."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan as scan_operator
from torch.utils import _pytree as pytree

Cell = Callable[[Tensor, Any], Any]


def scan(cell: Cell, inputs: Tensor, mask: Tensor, initial: Any) -> tuple[Any, Any]:
    """Runs a cell over time; a masked position leaves the state as it was.

    Becomes a ``Scan`` node in an exported file.

    Args:
        cell: Maps the inputs [B, E] of a position and the state before to the state after. The state is a tensor
            [B, H] or a nesting of such tensors.
        inputs: [B, S, E].
        mask: True where a position is real, [B, S].
        initial: The state before the first position.

    Returns:
        The state after every position, [B, S, H], and after the last one, [B, H], both nested as ``initial`` is.
    """

    def step(state: Any, position: tuple[Tensor, Tensor]) -> tuple[Any, Any]:
        step_inputs, step_mask = position
        new = pytree.tree_map(
            lambda after, before: torch.where(step_mask.view(-1, *[1] * (after.dim() - 1)), after, before),
            cell(step_inputs, state),
            state,
        )
        return new, pytree.tree_map(torch.clone, new)

    positions = (inputs.transpose(0, 1), mask.transpose(0, 1))  # [S, B, E], [S, B]
    if torch.compiler.is_exporting():
        contiguous = pytree.tree_map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), initial)
        final, states = scan_operator(step, contiguous, positions)
    else:
        final, states = _loop(step, initial, positions)
    return pytree.tree_map(lambda leaf: leaf.transpose(0, 1), states), final


def _loop(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, positions: Any) -> tuple[Any, Any]:
    length = positions[0].shape[0]
    if length == 0:
        return state, pytree.tree_map(lambda leaf: leaf.new_zeros(0, *leaf.shape), state)
    outputs = []
    for time in range(length):
        state, output = step(state, (positions[0][time], positions[1][time]))
        outputs.append(output)
    return state, pytree.tree_map(lambda *steps: torch.stack(steps), *outputs)


def lstm(
    module: nn.LSTM, inputs: Tensor, lengths: Tensor | None = None, initial: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Runs an LSTM over sequences of different lengths, as packed sequences do.

    Becomes ``LSTM`` nodes with ``sequence_lens`` in an exported file.

    Args:
        module: A batch-first LSTM without projection, of any number of layers and directions.
        inputs: [B, S, E].
        lengths: [B], each from 0 to S; a row of length 0 keeps its state. By default all are S.
        initial: The states ``h`` and ``c`` before the first position, [layers · directions, B, H]; by default 0.

    Returns:
        The states of the last layer [B, S, directions · H], zero past a row's length; and the last states ``h`` and
        ``c`` of every layer and direction, [layers · directions, B, H].
    """
    outputs, (hidden, cell) = _recurrent(module, "LSTM", inputs, lengths, initial)
    return outputs, (hidden, cell)


def gru(
    module: nn.GRU, inputs: Tensor, lengths: Tensor | None = None, initial: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Runs a GRU over sequences of different lengths, as packed sequences do.

    Becomes ``GRU`` nodes with ``sequence_lens`` in an exported file. Arguments and results are those of ``lstm``,
    without ``c``.
    """
    outputs, (hidden,) = _recurrent(module, "GRU", inputs, lengths, None if initial is None else (initial,))
    return outputs, hidden


_GATE_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}
"""Which of PyTorch's gates stands at each of ONNX's places: i, o, f, c for an LSTM and z, r, h for a GRU."""

_States = tuple[Tensor, ...]


def _recurrent(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor | None, initial: _States | None
) -> tuple[Tensor, _States]:
    """Runs the rows as if none were empty, then gives empty rows their zeros and the state they began with."""
    run = _native if torch.compiler.is_exporting() else _eager
    if lengths is None:
        return run(module, kind, inputs, None, initial)
    outputs, finals = run(module, kind, inputs, lengths.clamp(min=1), initial)
    real = lengths > 0  # [B]
    before = initial or tuple(torch.zeros_like(final) for final in finals)
    return outputs.where(real[:, None, None], 0.0), tuple(
        final.where(real[None, :, None], first) for final, first in zip(finals, before, strict=True)
    )


def _eager(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor | None, initial: _States | None
) -> tuple[Tensor, _States]:
    state: Any = initial[0] if initial is not None and kind == "GRU" else initial
    if lengths is None:
        outputs, finals = module(inputs, state)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed, finals = module(packed, state)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])
    return outputs, finals if kind == "LSTM" else (finals,)


def _native(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor | None, initial: _States | None
) -> tuple[Tensor, _States]:
    directions = 2 if module.bidirectional else 1
    attributes: dict[str, Any] = {
        "hidden_size": module.hidden_size,
        "direction": "bidirectional" if module.bidirectional else "forward",
    }
    if kind == "GRU":
        attributes["linear_before_reset"] = 1
    outputs = inputs.transpose(0, 1)  # [S, B, E]
    length, batch = outputs.shape[:2]
    final_shape = (directions, batch, module.hidden_size)
    finals = []
    for layer in range(module.num_layers):
        before = [state[layer * directions : (layer + 1) * directions] for state in initial or ()]
        states, *last = torch.onnx.ops.symbolic_multi_out(
            kind,
            (
                outputs,
                *_native_weights(module, kind, layer),
                None if lengths is None else lengths.to(torch.int32),
                *before,
            ),
            attributes,
            dtypes=[inputs.dtype] * (3 if kind == "LSTM" else 2),
            shapes=[(length, *final_shape), *[final_shape] * (2 if kind == "LSTM" else 1)],
        )  # [S, directions, B, H]
        outputs = states.transpose(1, 2).reshape(length, batch, directions * module.hidden_size)
        finals.append(last)
    return outputs.transpose(0, 1), tuple(torch.cat(leaves) for leaves in zip(*finals, strict=True))


def _native_weights(module: nn.RNNBase, kind: str, layer: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns a layer's W, R and B as ONNX orders them, with the directions in front."""

    def ordered(name: str) -> Tensor:
        if not module.bias and name.startswith("bias"):
            return torch.zeros_like(getattr(module, name.replace("bias", "weight"))[:, 0])
        gates = getattr(module, name).chunk(len(_GATE_ORDER[kind]))
        return torch.cat([gates[gate] for gate in _GATE_ORDER[kind]])

    suffixes = [f"l{layer}", f"l{layer}_reverse"][: 2 if module.bidirectional else 1]
    return (
        torch.stack([ordered(f"weight_ih_{suffix}") for suffix in suffixes]),
        torch.stack([ordered(f"weight_hh_{suffix}") for suffix in suffixes]),
        torch.stack([torch.cat([ordered(f"bias_ih_{suffix}"), ordered(f"bias_hh_{suffix}")]) for suffix in suffixes]),
    )
