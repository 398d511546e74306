"""The encoder."""

from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

from s2s_core import BadValueError, Encoder, Memory, between, padding_mask, scan, setting
from s2s_minimal_gated.unit import MinimalGatedUnit


def _even(_: Any, attribute: "attrs.Attribute[int]", value: int) -> None:
    if value % 2:
        raise BadValueError(attribute.name, "even, as two directions share it", value)


@attrs.frozen
class MinimalGatedEncoderConfig:
    """What can be set of the encoder."""

    hidden_size: int = setting(
        256, "width H of a position's vector, both directions together", between(2, 16_384), _even
    )


class MinimalGatedEncoder(Encoder):
    """Reads a source in both directions with minimal gated units.

    The memory's states are those of both directions, side by side. Its summary is the last state of each.
    """

    api_version = 1
    Config: ClassVar[type] = MinimalGatedEncoderConfig
    small: ClassVar = {"hidden_size": 8}
    config: MinimalGatedEncoderConfig

    def __init__(self, config: MinimalGatedEncoderConfig, input_size: int) -> None:
        super().__init__(config, input_size)
        self.states_size = self.summary_size = config.hidden_size
        self.forward_unit = MinimalGatedUnit(input_size, config.hidden_size // 2)
        self.backward_unit = MinimalGatedUnit(input_size, config.hidden_size // 2)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources; see ``Encoder.forward``."""
        mask = padding_mask(lengths, inputs.shape[1])  # [B, S]
        initial = inputs.new_zeros(inputs.shape[0], self.states_size // 2)
        ahead, last = scan(self.forward_unit, self.forward_unit.read(inputs), mask, initial)  # [B, S, H/2], [B, H/2]
        # Backwards the padding comes first. There the state stays zero, until the row's last real position.
        back, first = scan(self.backward_unit, self.backward_unit.read(inputs).flip(1), mask.flip(1), initial)
        return Memory(torch.cat([ahead, back.flip(1)], 2), mask, torch.cat([last, first], 1))
