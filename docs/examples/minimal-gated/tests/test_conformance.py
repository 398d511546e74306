"""Whether the encoder and the decoder keep what every encoder and decoder promises."""

from s2s_core.testing import conformance

test_encoder = conformance("encoder", "minimal-gated")
test_decoder = conformance("decoder", "minimal-gated")
