"""Decoders with exact hard attention: each token is written from one source position, and all positions are summed."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Registers the decoders ``hard-attention-lstm`` and ``monotonic-lstm``."""
    return {
        "hard-attention-lstm": "s2s_monotonic.decoder:HardAttentionDecoder",
        "monotonic-lstm": "s2s_monotonic.decoder:MonotonicDecoder",
    }
