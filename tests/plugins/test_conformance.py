"""Our encoders and decoders keep every promise, as a third party's must; with other settings too."""

import pytest

from s2s_core.plugins.registry import Plugins
from s2s_core.testing import Subject, conformance, promises
from s2s_core.testing.kit import examine_promise

OURS = Plugins(environment={"S2S_PLUGINS": "s2s_mlp_rnn,s2s_monotonic,s2s_recurrent,s2s_transformer"})

test_gru_decoder = conformance("decoder", "gru")
test_gru_encoder = conformance("encoder", "gru")
test_lstm_decoder = conformance("decoder", "lstm")
test_lstm_encoder = conformance("encoder", "lstm")
test_attention_gru_decoder = conformance("decoder", "attention-gru")
test_attention_lstm_decoder = conformance("decoder", "attention-lstm")
test_hard_attention_lstm_decoder = conformance("decoder", "hard-attention-lstm")
test_monotonic_lstm_decoder = conformance("decoder", "monotonic-lstm")
test_mlp_rnn_decoder = conformance("decoder", "mlp-rnn")
test_mlp_rnn_encoder = conformance("encoder", "mlp-rnn")
test_transformer_decoder = conformance("decoder", "transformer")
test_transformer_encoder = conformance("encoder", "transformer")

OTHERWISE = [
    ("decoder", "mlp-rnn", {"feed_previous": True}),
    ("encoder", "lstm", {"bidirectional": False, "dropout": 0.3}),
    ("decoder", "attention-lstm", {"score": "additive", "layers": 1}),
    ("decoder", "attention-gru", {"score": "dot", "dropout": 0.3}),
    ("decoder", "attention-lstm", {"input_feeding": True}),
    ("decoder", "attention-gru", {"input_feeding": True, "score": "additive"}),
    *(
        (kind, "transformer", {"positions": positions, "maximum_positions": 3, "maximum_distance": 2})
        for kind in ("encoder", "decoder")
        for positions in ("learned", "rotary", "relative")
    ),
]
"""Settings that lead through other code than the small ones."""


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_none_of_ours_is_left_out(kind):
    """Every name that our plugins offer has a line above."""
    tested = {name for name in globals() if name.startswith("test_") and name.endswith(f"_{kind}")}
    assert {f"test_{name.replace('-', '_')}_{kind}" for name in OURS.names(kind)} == tested


@pytest.mark.parametrize(("kind", "name", "settings"), OTHERWISE, ids=str)
def test_promises_are_kept_with_other_settings(kind, name, settings):
    """All but parity, for which other tests export some of them together."""
    subject = Subject.installed(kind, name, settings, OURS)
    findings = [examine_promise(subject, promise) for promise in promises(kind) if promise.name != "onnx"]
    assert [] == [finding.message for finding in findings if finding.outcome != "kept"]
