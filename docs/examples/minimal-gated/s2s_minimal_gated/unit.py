"""The minimal gated unit."""

import torch
from torch import Tensor, nn


class MinimalGatedUnit(nn.Module):
    """A recurrent unit with one gate (Zhou et al. 2016, arXiv 1603.09420).

    ::

        forget    = sigmoid(W_f [state, x])
        candidate = tanh(W_h [forget * state, x])
        after     = (1 - forget) * state + forget * candidate

    What both matrices do to ``x`` doesn't depend on the state. So ``read`` does it, once for all positions, and
    ``forward``, which has to wait for the state before, does the rest.

    Args:
        input_size: The width E of what it reads.
        hidden_size: The width H of its state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.read = nn.Linear(input_size, 2 * hidden_size)
        self.gate = nn.Linear(hidden_size, hidden_size, bias=False)
        self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, read: Tensor, state: Tensor) -> Tensor:
        """Returns the state [B, H] after a position, of which ``read`` gave [B, 2H]."""
        gate, candidate = read.chunk(2, 1)  # [B, H] each
        forget = torch.sigmoid(gate + self.gate(state))
        candidate = torch.tanh(candidate + self.candidate(forget * state))
        return state + forget * (candidate - state)
