"""Makes the model of a run: its encoder and decoder, checked, with new weights."""

from typing import Any

import torch
from torch import nn

from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.model.contract import memory_sizes, require_attention, require_contract
from s2s_core.model.interfaces import Decoder, Encoder
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.plugins.registry import Plugins


def build_model(config: RunConfig, source_size: int, target_size: int, plugins: Plugins) -> Seq2Seq:
    """Makes a run's model with new weights.

    Args:
        config: The run's.
        source_size: The number of source ids.
        target_size: The number of target ids.
        plugins: Have the encoder and the decoder.

    Raises:
        ConfigError: The projection or the source embedding can't be tied to the target embedding, or target tokens
            can't be copied because the decoder has no attention.
        PluginError: An encoder or decoder is missing or broken, or breaks its contract.
    """
    encoder, decoder = _components(config, plugins)
    require_contract(encoder, decoder, _names(config))
    _require_tying(config, decoder)
    if config.target.copy:
        require_attention(encoder, decoder, config.decoder.name)
    model = _assembled(config, encoder, decoder, (source_size, target_size))
    if config.training.initial_range:
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -config.training.initial_range, config.training.initial_range)
    return model


def count_weights(config: RunConfig, source_size: int, target_size: int, plugins: Plugins) -> int | None:
    """Returns the number of weights that a run's model would have, without making any.

    Args:
        config: The run's.
        source_size: The number of source ids.
        target_size: The number of target ids.
        plugins: Have the encoder and the decoder.

    Returns:
        The number; ``None`` if a component can't be made on the device ``meta``, whose tensors have no content.
    """
    try:
        with torch.device("meta"):
            encoder, decoder = _components(config, plugins)
            return _assembled(config, encoder, decoder, (source_size, target_size)).parameter_count()
    except Exception:  # noqa: BLE001  # a plugin may need content; then the model itself tells
        return None


def _assembled(config: RunConfig, encoder: Encoder, decoder: Decoder, sizes: tuple[int, int]) -> Seq2Seq:
    """Makes the model of an encoder, a decoder and the numbers of source and target ids."""
    return Seq2Seq(
        encoder,
        decoder,
        *sizes,
        tie_projection=config.target.tie_projection,
        tie_embeddings=config.target.tie_embeddings,
        reverse_source=config.source.reverse,
        copy=config.target.copy,
        dropouts=(config.source.dropout, config.target.dropout),
    )


def _names(config: RunConfig) -> tuple[str, str]:
    """Returns the names of encoder and decoder in messages."""
    return f"encoder {config.encoder.name!r}", f"decoder {config.decoder.name!r}"


def _components(config: RunConfig, plugins: Plugins) -> tuple[Encoder, Decoder]:
    """Makes the encoder and the decoder."""
    encoder_class: Any = plugins.component("encoder", config.encoder.name)
    decoder_class: Any = plugins.component("decoder", config.decoder.name)
    encoder: Encoder = encoder_class(config.encoder.config, config.source.embedding_size)
    sizes = memory_sizes(encoder, _names(config)[0])
    decoder: Decoder = decoder_class(config.decoder.config, config.target.embedding_size, sizes)
    return encoder, decoder


def _require_tying(config: RunConfig, decoder: Decoder) -> None:
    """Checks that weights which the settings tie have one shape."""
    target, name = config.target, config.decoder.name
    if target.tie_projection and not decoder.reads_inputs:
        raise ConfigError(
            f"target.tie_projection: decoder {name!r} has no target embedding: use one that reads its inputs"
        )
    if target.tie_projection and decoder.output_size != target.embedding_size:
        raise ConfigError(
            f"target.tie_projection: decoder {name!r} needs target.embedding_size = {decoder.output_size}"
        )
    if target.tie_embeddings and not decoder.reads_inputs:
        raise ConfigError(f"target.tie_embeddings: decoder {name!r} has no target embedding")
