"""What can be set of a transformer."""

from typing import Any

import attrs

from s2s_core import BadValueError, between, described, one_of, setting


def _shares(config: "TransformerConfig", _: "attrs.Attribute[Any]", heads: int) -> None:
    """Refuses heads that can't share the width, or of which ``rotary`` can't turn every pair of numbers."""
    if config.hidden_size % heads:
        raise BadValueError("heads", f"a divisor of hidden_size, {config.hidden_size}", heads)
    if config.positions == "rotary" and config.hidden_size // heads % 2:
        raise BadValueError("heads", f"such that hidden_size, {config.hidden_size}, over heads is even", heads)


@attrs.frozen
class TransformerConfig:
    """What can be set of a transformer encoder or decoder."""

    hidden_size: int = setting(256, "width H of the vector of each position", between(1, 16_384))
    layers: int = setting(3, "layers", between(1, 100))
    heads: int = setting(
        4,
        "heads of each attention, which share its width",
        between(1, 16_384),
        described("a divisor of hidden_size", _shares),
    )
    feed_forward_size: int = setting(1024, "hidden width of the perceptron in each layer", between(1, 65_536))
    activation: str = setting("relu", "of that perceptron: relu or gelu", one_of("relu", "gelu"))
    dropout: float = setting(0.1, "share of the numbers that training leaves out", between(0, 0.9))
    positions: str = setting(
        "sinusoidal",
        "how order is told: sinusoidal, learned, rotary or relative",
        one_of("sinusoidal", "learned", "rotary", "relative"),
    )
    maximum_positions: int = setting(
        512, "positions that learned tells apart; later ones are as the last", between(1, 1_000_000)
    )
    maximum_distance: int = setting(
        32, "distance that relative tells apart; farther ones are as this", between(1, 1_000_000)
    )
