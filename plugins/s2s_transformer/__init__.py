"""The transformer, as an encoder and as a decoder."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Registers the encoder ``transformer``."""
    return {"transformer": "s2s_transformer.encoder:TransformerEncoder"}


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Registers the decoder ``transformer``."""
    return {"transformer": "s2s_transformer.decoder:TransformerDecoder"}
