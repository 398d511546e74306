"""The unit, and what the encoder and the decoder make of it."""

import numpy as np
import pytest
import torch
from s2s_minimal_gated.decoder import MinimalGatedDecoder, MinimalGatedDecoderConfig
from s2s_minimal_gated.encoder import MinimalGatedEncoder, MinimalGatedEncoderConfig
from s2s_minimal_gated.unit import MinimalGatedUnit

from s2s_core import BadValueError, Memory, MemorySizes

E, H = 5, 4


@pytest.fixture(autouse=True)
def seed():
    """Starts every test with the same chance."""
    torch.manual_seed(0)


def by_the_paper(unit, inputs, state):
    """Returns the states after every position [S, E] of one row, by the equations of the paper, in NumPy."""
    (read, bias), gate, candidate = (
        [tensor.detach().numpy() for tensor in tensors]
        for tensors in (unit.read.parameters(), unit.gate.parameters(), unit.candidate.parameters())
    )
    size = len(state)
    weight_f, weight_h = np.hstack([*gate, read[:size]]), np.hstack([*candidate, read[size:]])
    states = []
    for position in inputs.numpy():
        forget = 1 / (1 + np.exp(-(weight_f @ np.concatenate([state, position]) + bias[:size])))
        new = np.tanh(weight_h @ np.concatenate([forget * state, position]) + bias[size:])
        state = (1 - forget) * state + forget * new
        states.append(state)
    return np.array(states)


def test_unit():
    """One step is what the paper says."""
    unit = MinimalGatedUnit(E, H)
    inputs, state = torch.randn(1, E), torch.randn(1, H)
    expected = by_the_paper(unit, inputs, state[0].numpy())
    np.testing.assert_allclose(expected, unit(unit.read(inputs), state).detach().numpy(), atol=1e-6)


def test_encoder():
    """The states of a row are those of a unit from its first position, and of another from its last real one."""
    encoder = MinimalGatedEncoder(MinimalGatedEncoderConfig(2 * H), E)
    inputs, lengths = torch.randn(3, 6, E), [6, 2, 1]
    memory = encoder(inputs, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        real = inputs[row, :length]
        ahead = by_the_paper(encoder.forward_unit, real, np.zeros(H))
        back = by_the_paper(encoder.backward_unit, real.flip(0), np.zeros(H))[::-1]
        states, summary = memory.states[row, :length].detach().numpy(), memory.summary[row].detach().numpy()
        np.testing.assert_allclose(np.hstack([ahead, back]), states, atol=1e-6)
        np.testing.assert_allclose(np.hstack([ahead[-1], back[0]]), summary, atol=1e-6)


def test_decoder():
    """A whole target is decoded as the paper says, from the summary."""
    decoder = MinimalGatedDecoder(MinimalGatedDecoderConfig(H), E, MemorySizes(3, H))
    inputs, summary = torch.randn(1, 6, E), torch.randn(1, H)
    memory = Memory(torch.zeros(1, 1, 3), torch.ones(1, 1, dtype=torch.bool), summary)
    expected = by_the_paper(decoder.unit, inputs[0], summary[0].numpy())
    output = decoder(inputs, torch.tensor([6]), memory)
    np.testing.assert_allclose(expected, output.vectors[0].detach().numpy(), atol=1e-6)


def test_encoder_and_decoder_of_one_width_need_no_bridge():
    """The encoder's last states are the decoder's first one."""
    encoder = MinimalGatedEncoder(MinimalGatedEncoderConfig(8), E)
    sizes = MemorySizes(encoder.states_size, encoder.summary_size)
    decoder = MinimalGatedDecoder(MinimalGatedDecoderConfig(8), E, sizes)
    memory = encoder(torch.randn(2, 3, E), torch.tensor([3, 1]))
    assert torch.equal(memory.summary, decoder.start(memory))


def test_an_odd_width_is_refused():
    """Two directions share the width."""
    with pytest.raises(BadValueError) as caught:
        MinimalGatedEncoderConfig(7)
    assert "hidden_size must be even, as two directions share it (got 7)" == str(caught.value)
