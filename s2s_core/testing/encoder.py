"""What every encoder promises."""

import torch
from torch import Tensor

from s2s_core.interfaces import Encoder
from s2s_core.testing.promise import require
from s2s_core.testing.subject import Subject

E = 6
LENGTHS = (5, 1, 3, 0, 5)


def shapes(subject: Subject) -> None:
    """A memory has states [B, S, M], a mask [B, S] and a summary [B, Z], of the widths that the encoder declares."""
    encoder, (inputs, lengths) = _make(subject), _sources()
    memory = encoder(inputs, lengths)
    rows, positions = inputs.shape[:2]
    expected = {
        "states": (rows, positions, encoder.states_size),
        "mask": (rows, positions),
        "summary": (rows, encoder.summary_size),
    }
    for name, shape in expected.items():
        found = tuple(getattr(memory, name).shape)
        require(
            found == shape, f"for inputs {list(inputs.shape)} the {name} should be {list(shape)}, not {list(found)}"
        )
    require(memory.mask.dtype == torch.bool, f"the mask should be of torch.bool, not {memory.mask.dtype}")


PROMISES = (shapes,)


def _make(subject: Subject) -> Encoder:
    encoder: Encoder = subject.component(subject.config, E)
    return encoder.eval()


def _sources() -> tuple[Tensor, Tensor]:
    return torch.randn(len(LENGTHS), max(LENGTHS), E), torch.tensor(LENGTHS)
