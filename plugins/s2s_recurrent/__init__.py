"""Recurrent encoders and decoders: LSTM and GRU, with and without attention."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Registers the encoders ``lstm`` and ``gru``."""
    return {
        "lstm": "s2s_recurrent.encoder:LSTMEncoder",
        "gru": "s2s_recurrent.encoder:GRUEncoder",
    }


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Registers the decoders ``lstm``, ``gru``, ``attention-lstm`` and ``attention-gru``."""
    return {
        "lstm": "s2s_recurrent.decoder:LSTMDecoder",
        "gru": "s2s_recurrent.decoder:GRUDecoder",
        "attention-lstm": "s2s_recurrent.attention_decoder:AttentionLSTMDecoder",
        "attention-gru": "s2s_recurrent.attention_decoder:AttentionGRUDecoder",
    }
