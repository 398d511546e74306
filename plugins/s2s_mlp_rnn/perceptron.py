"""The perceptron of three layers that replaces each matrix of an RNN."""

import math

from torch import Tensor, nn


class Perceptron(nn.Sequential):
    """Linear(I, 2H), ReLU, Linear(2H, H/2), ReLU, Linear(H/2, O).

    With PyTorch's default initialisation the gradient of the recurrent cell vanishes, so weights are orthogonal and
    biases zero. The gain is √2 for a layer that a ReLU follows and 1 for any other.

    Args:
        input_size: The width I of the input.
        hidden_size: The width H that determines the hidden layers.
        output_size: The width O of the output.
        rectified: Whether the caller applies a ReLU to the output.
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
        """The weight and the bias of each layer, in order."""
        return [tensor for layer in self.layers for tensor in (layer.weight, layer.bias)]


def features(hidden_size: int) -> nn.Sequential:
    """Returns a perceptron without its last layer: Linear(H, 2H), ReLU, Linear(2H, H/2), ReLU."""
    return nn.Sequential(*list(Perceptron(hidden_size, hidden_size, hidden_size))[:-1])
