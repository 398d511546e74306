"""Recurrent encoders and decoders: LSTM and GRU, with and without attention."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Gives the encoders ``lstm`` and ``gru``."""
    return {}


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Gives the decoders ``lstm``, ``gru``, ``attention-lstm`` and ``attention-gru``."""
    return {}
