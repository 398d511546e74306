"""The decoder."""

from typing import ClassVar

import attrs
from torch import Tensor

from s2s_core import Decoder, Memory, MemorySizes, Output, between, bridge, setting
from s2s_minimal_gated.unit import MinimalGatedUnit


@attrs.frozen
class MinimalGatedDecoderConfig:
    """What can be set of the decoder."""

    hidden_size: int = setting(256, "width H of the state", between(1, 16_384))


class MinimalGatedDecoder(Decoder):
    """Writes a target with one minimal gated unit, which starts from the memory's summary and sees no more of it."""

    api_version = 1
    Config: ClassVar[type] = MinimalGatedDecoderConfig
    small: ClassVar = {"hidden_size": 8}
    config: MinimalGatedDecoderConfig

    def __init__(self, config: MinimalGatedDecoderConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.output_size = config.hidden_size
        self.bridge = bridge(memory.summary, config.hidden_size)
        self.unit = MinimalGatedUnit(input_size, config.hidden_size)

    def start(self, memory: Memory) -> Tensor:
        """Returns the encoder's summary, [B, H]."""
        start: Tensor = self.bridge(memory.summary)
        return start

    def step(self, inputs: Tensor, state: Tensor) -> tuple[Output, Tensor]:
        """Takes one step; see ``Decoder.step``."""
        after = self.unit(self.unit.read(inputs), state)  # [B, H]
        return Output(after), after
