"""The input layer of a transformer, from token vectors to the first layer."""

from torch import Tensor, nn

from s2s_core import Dropout, bridge
from s2s_transformer.config import TransformerConfig
from s2s_transformer.positions import Shape, make_positions


class InputLayer(nn.Module):
    """Projects vectors to the width of the layers and encodes their positions.

    The paper multiplies embeddings by the square root of their width, because they start with a variance of one over
    the width. The model's vectors have a variance of 1 at first, tied or not, which the projection here preserves; so
    no factor is needed.

    Args:
        config: The configuration of the encoder or decoder.
        input_size: The width E of the token vectors.
    """

    def __init__(self, config: TransformerConfig, input_size: int) -> None:
        super().__init__()
        self.bridge = bridge(input_size, config.hidden_size)
        for name, parameter in self.bridge.named_parameters():
            nn.init.zeros_(parameter) if name == "bias" else nn.init.normal_(parameter, std=input_size**-0.5)
        self.positions = make_positions(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, inputs: Tensor, shape: Shape, first: int) -> Tensor:
        """Returns the vectors [N, H] of inputs [N, E], of B rows with T positions, numbered from ``first`` on."""
        vectors: Tensor = self.bridge(inputs)  # [N, H]
        places = self.positions.vectors(first, shape[1])  # [T, H] or None
        if places is not None:
            vectors = _placed(vectors, shape, places)
        dropped: Tensor = self.dropout(vectors)
        return dropped


def _placed(vectors: Tensor, shape: Shape, places: Tensor) -> Tensor:
    """Adds the vectors of positions, [T, H], to vectors [N, H]."""
    if shape[1] == 1:  # so that the graph of a step needs no other shapes
        return vectors + places
    return (vectors.view(*shape, places.shape[1]) + places).flatten(0, 1)
