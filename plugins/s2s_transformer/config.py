"""The settings of a transformer."""

from typing import Any

import attrs

from s2s_core import BadValueError, between, described, one_of, setting


def _shares(config: "TransformerConfig", _: "attrs.Attribute[Any]", heads: int) -> None:
    """Checks that the heads can share the width and, for ``rotary``, that the width of a head is even."""
    if config.hidden_size % heads:
        raise BadValueError("heads", f"a divisor of hidden_size, {config.hidden_size}", heads)
    if config.positions == "rotary" and config.hidden_size // heads % 2:
        raise BadValueError("heads", f"such that hidden_size, {config.hidden_size}, over heads is even", heads)


@attrs.frozen
class TransformerConfig:
    """The settings of a transformer encoder or decoder."""

    hidden_size: int = setting(256, "width H of each position's vector", between(1, 16_384))
    layers: int = setting(3, "number of layers", between(1, 100))
    heads: int = setting(
        4,
        "number of attention heads, which share the width H",
        between(1, 16_384),
        described("a divisor of hidden_size", _shares),
    )
    feed_forward_size: int = setting(1024, "hidden width of each layer's perceptron", between(1, 65_536))
    activation: str = setting("relu", "activation of that perceptron", one_of("relu", "gelu"))
    dropout: float = setting(0.1, "dropout probability", between(0, 0.9))
    positions: str = setting(
        "sinusoidal",
        "how positions are encoded",
        one_of("sinusoidal", "learned", "rotary", "relative"),
    )
    maximum_positions: int = setting(
        512, "for learned: number of distinct positions; later ones share the last", between(1, 1_000_000)
    )
    maximum_distance: int = setting(
        32, "for relative: largest distinct distance; larger ones count as this one", between(1, 1_000_000)
    )
