"""The toolkit's default encoder and decoder, the MLP-RNN: a recurrent cell whose matrices are perceptrons."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_encoders() -> Mapping[str, type | str]:
    """Gives the encoder ``mlp-rnn``."""
    return {"mlp-rnn": "s2s_mlp_rnn.encoder:MLPRNNEncoder"}


@hookimpl
def s2s_decoders() -> Mapping[str, type | str]:
    """Gives the decoder ``mlp-rnn``."""
    return {"mlp-rnn": "s2s_mlp_rnn.decoder:MLPRNNDecoder"}
