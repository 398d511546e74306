"""The perceptron of three layers that stands where an RNN has a matrix."""

import math

from torch import Tensor, nn


class Perceptron(nn.Sequential):
    """Linear(I, 2H), ReLU, Linear(2H, H/2), ReLU, Linear(H/2, O).

    PyTorch's own initialisation makes the recurrent cell's gradient vanish, so weights are orthogonal and
    biases zero. The gain is √2 for a layer that a ReLU follows and 1 for the others.

    Args:
        input_size: I.
        hidden_size: H.
        output_size: O.
        rectified: Whether the caller puts a ReLU after the last layer.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, *, rectified: bool = False) -> None:
        super().__init__(
            nn.Linear(input_size, 2 * hidden_size),
            nn.ReLU(inplace=True),
            nn.Linear(2 * hidden_size, hidden_size // 2),
            nn.ReLU(inplace=True),
            nn.Linear(hidden_size // 2, output_size),
        )
        for layer in self.layers:
            gain = math.sqrt(2) if rectified or layer is not self.layers[-1] else 1.0
            nn.init.orthogonal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)

    @property
    def layers(self) -> list[nn.Linear]:
        """The three linear layers."""
        return [layer for layer in self if isinstance(layer, nn.Linear)]

    @property
    def weights(self) -> list[Tensor]:
        """Weight and bias of each layer, in order."""
        return [tensor for layer in self.layers for tensor in (layer.weight, layer.bias)]


def features(hidden_size: int) -> nn.Sequential:
    """Returns a perceptron without its last layer: Linear(H, 2H), ReLU, Linear(2H, H/2), ReLU."""
    return nn.Sequential(*list(Perceptron(hidden_size, hidden_size, hidden_size))[:-1])
