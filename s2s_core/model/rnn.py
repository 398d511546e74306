"""LSTM and GRU layers over sequences of different lengths: fast in PyTorch, native nodes in an exported file.

There are four ways to run a layer, which agree up to rounding:

- ``_native``: while exporting, as ``LSTM`` or ``GRU`` nodes;
- ``_whole``: rows without padding, as they are;
- ``_padded``: padded rows on a CPU, with gates that keep the state at padding;
- ``_packed``: packed sequences, on a GPU, or from given first states in both directions.
"""

from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.compat import bf16_lstm_is_there
from s2s_core.model.dropout import dropout
from s2s_core.model.interfaces import padding_mask


def lstm(
    module: nn.LSTM, inputs: Tensor, lengths: Tensor | None = None, initial: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Runs an LSTM over sequences of different lengths, as packed sequences do.

    It becomes ``LSTM`` nodes with ``sequence_lens`` in an exported file.

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

    It becomes ``GRU`` nodes with ``sequence_lens`` in an exported file. Arguments and results are those of ``lstm``,
    without ``c``.
    """
    outputs, (hidden,) = _recurrent(module, "GRU", inputs, lengths, None if initial is None else (initial,))
    return outputs, hidden


_GATE_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}
"""Which of PyTorch's gates ONNX has at each place: i, o, f, c of PyTorch's i, f, c, o; z, r, h of its r, z, h."""

_States = tuple[Tensor, ...]


def _recurrent(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor | None, initial: _States | None
) -> tuple[Tensor, _States]:
    """Runs the rows as if none were empty, then gives empty rows zeros and the state that they began with."""
    if _lacks_autocast(inputs):
        with torch.autocast("cpu", enabled=False):
            before = initial and tuple(state.float() for state in initial)
            return _recurrent(module, kind, inputs.float(), lengths, before)
    if torch.compiler.is_exporting():
        run: Any = _native
    elif lengths is None:
        run = _whole
    else:
        run = _padded if inputs.device.type == "cpu" and not (initial and module.bidirectional) else _packed
    outputs, finals = run(module, kind, inputs, lengths if lengths is None else lengths.clamp(min=1), initial)
    if lengths is None:
        return outputs, finals
    real = lengths > 0  # [B]
    before = initial or tuple(torch.zeros_like(final) for final in finals)
    mask = padding_mask(lengths, inputs.shape[1])[:, :, None]  # [B, S, 1]
    return outputs.where(mask, 0.0), tuple(
        final.where(real[None, :, None], first) for final, first in zip(finals, before, strict=True)
    )


def _lacks_autocast(inputs: Tensor) -> bool:
    """Whether mixed precision asks for a layer that oneDNN doesn't have on this CPU, such as one without AVX-512."""
    return inputs.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not bf16_lstm_is_there()


def _whole(
    module: nn.RNNBase, kind: str, inputs: Any, _: Tensor | None, initial: _States | None
) -> tuple[Any, _States]:
    """Runs the module on rows without padding."""
    states = None if initial is None else tuple(state.contiguous() for state in initial)  # cuDNN takes no other
    state: Any = states[0] if states is not None and kind == "GRU" else states
    outputs, finals = module(inputs, state)
    return outputs, finals if kind == "LSTM" else (finals,)


def _packed(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor, initial: _States | None
) -> tuple[Tensor, _States]:
    """Runs the module on packed sequences, which is fast on a GPU; lengths must lie on the CPU for it."""
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    packed, finals = _whole(module, kind, packed, None, initial)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])
    return outputs, finals


_SHUT = 1e4
"""What a gate reads to be exactly 0 (negative) or exactly 1 (positive), whatever else it reads.

``sigmoid`` is exactly 1 in float32 from 17 on and exactly 0 from -104 on, in float64 from 37 and from -746 on. So this
holds as long as whatever else a gate reads at padding stays below about 9,000 in size. That is its biases, and its
weights of the state and of the layer below times numbers that lie between -1 and 1, unless a first state is larger or
dropout scales them up. Weights that a model learns are far from that.
"""

_KEEP = {"LSTM": (-_SHUT, _SHUT, 0.0, 0.0), "GRU": (0.0, _SHUT, 0.0)}
"""What is added to each gate at padding: an LSTM's i shuts and its f opens, a GRU's z opens."""

_COLUMNS = 8
"""How many inputs tell where padding is, each with its share of the weights.

One would do, but makes widths odd, and then oneDNN's layers take twice as long in bf16. Measured on a CPU with AMX, a
bidirectional LSTM of 256 forward and backward over 64 rows of 10 positions: 20.1 ms for 129 inputs, 10.5 ms for 136.
"""


def _padded(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor, initial: _States | None
) -> tuple[Tensor, _States]:
    """Runs padded rows as they are.

    More inputs tell where padding is. There they set the gates so that the state passes through: ``c`` of an LSTM as
    ``1 * c + 0 * g``, exactly; ``h`` of a GRU as ``(h - n) * 1 + n``, up to one rounding. Zeros stay exactly zeros in
    both, so the backward direction reaches a row's last real position with the zeros that it began with.

    On a CPU this is up to twice as fast as packed sequences. Measured with PyTorch 2.13 and one thread on a CPU with
    AVX2, a bidirectional layer forward and backward over 64 rows of 15 to 30 positions: LSTM 1.9, 1.7 and 1.4 times as
    fast at 64, 256 and 512 hidden units; GRU 1.3, 1.6 and 1.0 times.
    """
    past_end = ~padding_mask(lengths, inputs.shape[1])[:, :, None]  # [B, S, 1]
    padding = past_end.to(inputs.dtype).expand(-1, -1, _COLUMNS)  # [B, S, 8]
    directions = 2 if module.bidirectional else 1
    run: Any = torch.lstm if kind == "LSTM" else torch.gru
    zeros = inputs.new_zeros(module.num_layers * directions, inputs.shape[0], module.hidden_size)
    before = [state.chunk(module.num_layers) for state in initial or [zeros] * (2 if kind == "LSTM" else 1)]
    # What stands at padding may be NaN, or large enough to open a gate.
    outputs = inputs.masked_fill(past_end, 0.0)  # [B, S, E]
    finals = []
    for layer, state in enumerate(zip(*before, strict=True)):
        dropped = dropout(outputs, module.dropout, training=module.training) if layer else outputs
        outputs, *last = run(
            torch.cat([dropped, padding], 2),
            state if kind == "LSTM" else state[0],
            _keeping_weights(module, kind, layer),
            module.bias,
            1,
            0.0,
            module.training,
            module.bidirectional,
            True,  # noqa: FBT003  # batch first
        )
        if kind == "LSTM":  # h doesn't pass through as c does, because the output gate still opens and shuts
            last[0] = torch.cat([_last_real(outputs, lengths, module.hidden_size), last[0][1:]])
        finals.append(last)  # [directions, B, H] each
    return outputs, tuple(torch.cat(states) for states in zip(*finals, strict=True))


def _last_real(outputs: Tensor, lengths: Tensor, size: int) -> Tensor:
    """Returns the forward direction's states [1, B, H] at the rows' last real positions."""
    last = (lengths - 1)[:, None, None].expand(-1, 1, size)  # [B, 1, H]
    return outputs[:, :, :size].gather(1, last).transpose(0, 1)  # [1, B, H]


def _keeping_weights(module: nn.RNNBase, kind: str, layer: int) -> list[Tensor]:
    """Returns a layer's weights, with those of more inputs that make the gates keep the state."""
    names = ("weight_hh", "bias_ih", "bias_hh") if module.bias else ("weight_hh",)
    weights = []
    for suffix in _suffixes(module, layer):
        read = getattr(module, f"weight_ih_{suffix}")  # [gates · H, E]
        keep = read.new_tensor(_KEEP[kind]).repeat_interleave(module.hidden_size) / _COLUMNS  # [gates · H]
        weights.append(torch.cat([read, keep[:, None].expand(-1, _COLUMNS)], 1))  # [gates · H, E + 8]
        weights += [getattr(module, f"{name}_{suffix}") for name in names]
    return weights


def _suffixes(module: nn.RNNBase, layer: int) -> list[str]:
    """Returns the endings of PyTorch's names for the weights of a layer's directions."""
    return [f"l{layer}", f"l{layer}_reverse"][: 2 if module.bidirectional else 1]


def _native(
    module: nn.RNNBase, kind: str, inputs: Tensor, lengths: Tensor | None, initial: _States | None
) -> tuple[Tensor, _States]:
    """Emits one ONNX node for each layer."""
    directions = 2 if module.bidirectional else 1
    attributes: dict[str, Any] = {
        "hidden_size": module.hidden_size,
        "direction": "bidirectional" if module.bidirectional else "forward",
    }
    if kind == "GRU":
        attributes["linear_before_reset"] = 1  # PyTorch multiplies with the weights before it resets
    outputs = inputs.transpose(0, 1)  # [S, B, E]
    length, batch = outputs.shape[:2]
    final_shape = (directions, batch, module.hidden_size)
    state_count = 2 if kind == "LSTM" else 1
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
            dtypes=[inputs.dtype] * (1 + state_count),
            shapes=[(length, *final_shape), *[final_shape] * state_count],
        )  # [S, directions, B, H]; [directions, B, H] each
        outputs = states.transpose(1, 2).reshape(
            length, batch, directions * module.hidden_size
        )  # [S, B, directions · H]
        finals.append(last)
    return outputs.transpose(0, 1), tuple(torch.cat(states) for states in zip(*finals, strict=True))


def _native_weights(module: nn.RNNBase, kind: str, layer: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns a layer's W [D, gates · H, E], R [D, gates · H, H] and B [D, 2 · gates · H], gates in ONNX's order.

    ``D`` is the number of directions.
    """

    def ordered(name: str) -> Tensor:
        if not module.bias and name.startswith("bias"):
            return torch.zeros_like(getattr(module, name.replace("bias", "weight"))[:, 0])
        gates = getattr(module, name).chunk(len(_GATE_ORDER[kind]))
        return torch.cat([gates[gate] for gate in _GATE_ORDER[kind]])

    suffixes = _suffixes(module, layer)
    return (
        torch.stack([ordered(f"weight_ih_{suffix}") for suffix in suffixes]),
        torch.stack([ordered(f"weight_hh_{suffix}") for suffix in suffixes]),
        torch.stack([torch.cat([ordered(f"bias_ih_{suffix}"), ordered(f"bias_hh_{suffix}")]) for suffix in suffixes]),
    )
