"""A plain encoder and a plain decoder, which complete an examined decoder or encoder to a model."""

from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.model.interfaces import Decoder, Encoder, Memory, MemorySizes, Output, State, bridge, padding_mask
from s2s_core.model.recurrence import scan

WIDTH = 16


class PlainEncoder(Encoder):
    """Reads a source with one GRU cell."""

    def __init__(self, config: Any, input_size: int) -> None:
        super().__init__(config, input_size)
        self.states_size = self.summary_size = WIDTH
        self.cell = nn.GRUCell(input_size, WIDTH)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources; see ``Encoder.forward``."""
        mask = padding_mask(lengths, inputs.shape[1])
        states, last = scan(self.cell, inputs, mask, inputs.new_zeros(inputs.shape[0], WIDTH))
        return Memory(states, mask, last)


class PlainDecoder(Decoder):
    """Writes a target with one GRU cell and dot-product attention over the source."""

    def __init__(self, config: Any, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.output_size = 2 * WIDTH
        self.bridge = bridge(memory.summary, WIDTH)
        self.keys = bridge(memory.states, WIDTH)
        self.cell = nn.GRUCell(input_size, WIDTH)

    def start(self, memory: Memory) -> State:
        """Returns the state before the first step; see ``Decoder.start``."""
        keys = torch.where(memory.mask[:, :, None], self.keys(memory.states), 0.0)  # [B, S, H]
        return {"hidden": self.bridge(memory.summary), "keys": keys, "mask": memory.mask}

    def step(self, inputs: Tensor, state: State) -> tuple[Output, State]:
        """Takes one step; see ``Decoder.step``."""
        hidden = self.cell(inputs, state["hidden"])  # [B, H]
        scores = (state["keys"] @ hidden[:, :, None])[:, :, 0]  # [B, S]
        weights = scores.masked_fill(~state["mask"], -1e9).softmax(1)  # finite, as an empty source masks every position
        read = (weights[:, None] @ state["keys"])[:, 0]  # [B, H]
        return Output(torch.cat([hidden, read], 1), weights), {**state, "hidden": hidden}
