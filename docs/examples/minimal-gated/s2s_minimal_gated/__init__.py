"""An encoder and a decoder of minimal gated units."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Gives the encoder ``minimal-gated``."""
    return {"minimal-gated": "s2s_minimal_gated.encoder:MinimalGatedEncoder"}


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Gives the decoder ``minimal-gated``, which a run with this encoder takes unless it names another."""
    return {"minimal-gated": "s2s_minimal_gated.decoder:MinimalGatedDecoder"}
