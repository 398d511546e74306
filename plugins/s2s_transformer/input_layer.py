"""The way from a token's vector to the first layer of a transformer."""

from torch import Tensor, nn

from s2s_core import bridge
from s2s_transformer.config import TransformerConfig
from s2s_transformer.positions import make_positions


class Entrance(nn.Module):
    """Brings vectors to the width of the layers and tells where they stand.

    The paper multiplies embeddings by the root of their width, because they start with a variance of one over it. The
    model's embeddings start with a variance of 1, which the layer here keeps, so nothing is to be scaled. Those tied
    to the projection start as small as the paper's, and learn as fast without the factor.

    Args:
        config: Of the encoder or decoder.
        input_size: The width E of the vectors that come in.
    """

    def __init__(self, config: TransformerConfig, input_size: int) -> None:
        super().__init__()
        self.size = config.hidden_size
        self.bridge = bridge(input_size, config.hidden_size)
        for name, parameter in self.bridge.named_parameters():
            nn.init.zeros_(parameter) if name == "bias" else nn.init.normal_(parameter, std=input_size**-0.5)
        self.positions = make_positions(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Tensor, first: int) -> Tensor:
        """Returns vectors [N, H] of inputs [B, T, E], of which the first is position number ``first``."""
        vectors = self.bridge(inputs.flatten(0, 1)).view(inputs.shape[0], inputs.shape[1], self.size)
        entered: Tensor = self.dropout(self.positions.place(vectors, first).flatten(0, 1))
        return entered
