"""The MLP-RNN decoder."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

from s2s_core import Decoder, Memory, MemorySizes, Output, between, bridge, setting
from s2s_mlp_rnn.perceptron import Perceptron, features
from s2s_mlp_rnn.recurrence import Packing, unroll


@attrs.frozen
class MLPRNNDecoderConfig:
    """The settings of the MLP-RNN decoder."""

    hidden_size: int = setting(256, "width H of the state", between(2, 16_384))
    feed_previous: bool = setting(
        default=False, help="whether each step reads the previous token, as in Sutskever et al. 2014"
    )


class MLPRNNDecoder(Decoder):
    """Writes a target with ``h_t = relu(hh(h_{t-1}))`` and ``y_t = hv(h_t)``, starting from the encoder's summary.

    With ``feed_previous`` the state is ``h_t = tanh(xh(e(y_{t-1})) + hh(h_{t-1}))``. The last layer of ``hv`` is the
    model's projection onto the vocabulary, so the output vectors are the H/2 features before it.
    """

    Config: ClassVar[type] = MLPRNNDecoderConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8}
    config: MLPRNNDecoderConfig

    def __init__(self, config: MLPRNNDecoderConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        size = config.hidden_size
        self.output_size = size // 2
        self.reads_inputs = config.feed_previous
        self.bridge = bridge(memory.summary, size)
        self.xh = Perceptron(input_size, size, size) if config.feed_previous else None
        self.hh = Perceptron(size, size, size, rectified=not config.feed_previous)
        self.hv = features(size)

    def start(self, memory: Memory) -> Tensor:
        """Returns the encoder's summary in the width of the state, [B, H]."""
        start: Tensor = self.bridge(memory.summary)
        return start

    def step(self, inputs: Tensor, state: Tensor) -> tuple[Output, Tensor]:
        """Takes one step; see ``Decoder.step``."""
        after = self.hh(state)
        after = torch.relu(after) if self.xh is None else torch.tanh(self.xh(inputs) + after)  # [B, H]
        return Output(self.hv(after)), after

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets; see ``Decoder.forward``."""
        packing = Packing(lengths, inputs.shape[1])
        drive = None if self.xh is None else self.xh(packing.pack(inputs))
        states, _ = unroll(self.hh, drive, self.start(memory), packing)  # [N, H]
        return Output(packing.pad(self.hv(states)))
