"""The MLP-RNN, the toolkit's default encoder and decoder: a recurrent cell with perceptrons instead of matrices."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Registers the encoder ``mlp-rnn``."""
    return {"mlp-rnn": "s2s_mlp_rnn.encoder:MLPRNNEncoder"}


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Registers the decoder ``mlp-rnn``."""
    return {"mlp-rnn": "s2s_mlp_rnn.decoder:MLPRNNDecoder"}
