"""The MLP-RNN encoder."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

from s2s_core import Encoder, Memory, between, padding_mask, scan, setting
from s2s_mlp_rnn.perceptron import Perceptron
from s2s_mlp_rnn.recurrence import Packing, unroll


@attrs.frozen
class MLPRNNEncoderConfig:
    """The settings of the MLP-RNN encoder."""

    hidden_size: int = setting(256, "width H of the state", between(2, 16_384))


class MLPRNNEncoder(Encoder):
    """Reads a source with ``h_t = tanh(xh(x_t) + hh(h_{t-1}))``, starting from ``h_0 = 0``.

    ``xh`` and ``hh`` are perceptrons of three layers. The memory's states are all ``h_t``; its summary is the last
    one.
    """

    Config: ClassVar[type] = MLPRNNEncoderConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8}
    config: MLPRNNEncoderConfig

    def __init__(self, config: MLPRNNEncoderConfig, input_size: int) -> None:
        super().__init__(config, input_size)
        size = config.hidden_size
        self.states_size = self.summary_size = size
        self.xh = Perceptron(input_size, size, size)
        self.hh = Perceptron(size, size, size)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources; see ``Encoder.forward``."""
        mask = padding_mask(lengths, inputs.shape[1])  # [B, S]
        initial = inputs.new_zeros(inputs.shape[0], self.states_size)
        if torch.compiler.is_exporting():
            states, summary = scan(self._cell, self.xh(inputs), mask, initial)
        else:
            packing = Packing(lengths, inputs.shape[1])
            packed, summary = unroll(self.hh, self.xh(packing.pack(inputs)), initial, packing)  # [N, H]
            states = packing.pad(packed)
        return Memory(states, mask, summary)

    def _cell(self, driven: Tensor, state: Tensor) -> Tensor:
        return torch.tanh(driven + self.hh(state))
