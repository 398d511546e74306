"""The recurrent plugins compute their equations, whatever stands around a sequence, in PyTorch and when exported."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from s2s_recurrent.attention import SCORES, Attention
from s2s_recurrent.attention_decoder import AttentionGRUDecoder, AttentionLSTMDecoder
from s2s_recurrent.decoder import GRUDecoder, LSTMDecoder
from s2s_recurrent.encoder import GRUEncoder, LSTMEncoder
from torch import Tensor, nn

from s2s_core.model.interfaces import Decoder, Encoder, Memory, MemorySizes, padding_mask
from s2s_core.model.seq2seq import Seq2Seq

E, H, M, Z = 5, 6, 7, 9
LONGEST = 5

deterministic = settings(max_examples=15, derandomize=True, database=None, deadline=None)
lengths_of_rows = st.lists(st.integers(0, LONGEST), min_size=1, max_size=4)

ENCODERS = {"lstm": LSTMEncoder, "gru": GRUEncoder}
DECODERS: dict[str, tuple[type[Decoder], dict[str, Any]]] = {
    "lstm": (LSTMDecoder, {"layers": 2}),
    "gru": (GRUDecoder, {}),
    "attention-lstm": (AttentionLSTMDecoder, {"score": "additive"}),
    "attention-gru": (AttentionGRUDecoder, {"score": "dot", "layers": 2}),
    "fed attention-lstm": (AttentionLSTMDecoder, {"input_feeding": True, "layers": 2}),
    "fed attention-gru": (AttentionGRUDecoder, {"input_feeding": True, "score": "additive"}),
}
every_encoder = pytest.mark.parametrize("name", ENCODERS)
every_decoder = pytest.mark.parametrize("name", DECODERS)


def make_encoder(name: str, **config: Any) -> Encoder:
    component = ENCODERS[name]
    return component(component.Config(hidden_size=H, **config), E).double().eval()


def make_decoder(name: str, memory: MemorySizes = MemorySizes(M, Z)) -> Decoder:  # noqa: B008  # immutable
    component, config = DECODERS[name]
    return component(component.Config(hidden_size=H, **config), E, memory).double().eval()


def random_memory(lengths: Tensor, size: int = LONGEST) -> Memory:
    """Returns a memory whose arbitrary states, past a row's length, are large."""
    mask = padding_mask(lengths, size)
    states = torch.randn(len(lengths), size, M, dtype=torch.float64).masked_fill(~mask[:, :, None], 1e3)
    return Memory(states, mask, torch.randn(len(lengths), Z, dtype=torch.float64))


def lstm_by_hand(module: nn.LSTM, inputs: list[Tensor], suffix: str) -> tuple[list[Tensor], Tensor, Tensor]:
    """Computes one layer and direction from its equations, one position after the other."""
    weights = (getattr(module, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    read, keep, read_bias, keep_bias = weights
    hidden = cell = torch.zeros(module.hidden_size, dtype=torch.float64)
    states = []
    for vector in inputs:
        i, f, g, o = (read @ vector + read_bias + keep @ hidden + keep_bias).chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        states.append(hidden)
    return states, hidden, cell


def test_the_lstm_encoder_reads_both_ways():
    """States are those of the last layer in both directions; the summary is every layer's last h, then every c."""
    encoder = make_encoder("lstm", layers=2)
    inputs = torch.randn(1, 4, E, dtype=torch.float64)
    memory = encoder(inputs, torch.tensor([4]))
    vectors, hidden, cells = list(inputs[0]), [], []
    for layer in range(2):
        forth, *last = lstm_by_hand(encoder.layers, vectors, f"l{layer}")
        back, *first = lstm_by_hand(encoder.layers, vectors[::-1], f"l{layer}_reverse")
        vectors = [torch.cat(pair) for pair in zip(forth, back[::-1], strict=True)]
        hidden += [last[0], first[0]]
        cells += [last[1], first[1]]
    torch.testing.assert_close(memory.states[0], torch.stack(vectors))
    torch.testing.assert_close(memory.summary[0], torch.cat(hidden + cells))


@pytest.mark.parametrize(("encoder", "decoder"), [("lstm", LSTMDecoder), ("gru", GRUDecoder)])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_decoder_of_the_same_shape_goes_on_where_the_encoder_ends(encoder, decoder, bidirectional):
    """Every layer starts from the state in which the encoder's layer ended; nothing is learnt in between."""
    made = make_encoder(encoder, layers=3, bidirectional=bidirectional)
    sizes = MemorySizes(made.states_size, made.summary_size)
    answering = decoder(decoder.Config(hidden_size=H, layers=3), E, sizes).double()
    inputs = torch.randn(2, 4, E, dtype=torch.float64)
    _, final = made.layers(inputs)
    expected = [state.transpose(0, 1).reshape(2, 3, H) for state in (final if encoder == "lstm" else (final,))]
    for found, state in zip(answering.start(made(inputs, torch.tensor([4, 4]))), expected, strict=True):
        torch.testing.assert_close(found, state)
    assert [] == list(answering.bridge.parameters())


@pytest.mark.parametrize("score", SCORES)
def test_attention_is_its_equation(score):
    """It is the mean of the real states, weighted by the softmax of their scores."""
    attention = Attention(score, H, M).double()
    memory = random_memory(torch.tensor([3]))
    query = torch.randn(1, 1, H, dtype=torch.float64)
    found, weights = attention(query, attention.attend(memory))
    if score == "additive":
        keys = (torch.tanh(attention.keys.weight @ state + attention.query(query[0, 0])) for state in memory.states[0])
        scores = [attention.weight.weight[0] @ key for key in keys]
    else:
        scores = [query[0, 0] @ attention.keys(state) for state in memory.states[0]]
    expected = torch.stack(scores[:3]).softmax(0)
    torch.testing.assert_close(weights[0, 0, :3], expected)
    assert not weights[0, 0, 3:].any()
    torch.testing.assert_close(found[0, 0], expected @ memory.states[0, :3])


def test_a_dot_of_equal_widths_learns_nothing():
    """Queries meet the memory's states themselves."""
    assert [] == list(Attention("dot", M, M).parameters())


@every_encoder
@deterministic
@given(lengths=lengths_of_rows)
def test_a_source_is_read_alone_as_in_a_batch(name, lengths):
    """Neither padding nor other rows change a memory, and an empty source has the summary 0."""
    encoder = make_encoder(name, layers=2)
    inputs = torch.randn(len(lengths), LONGEST + 1, E, dtype=torch.float64)
    memory = encoder(inputs, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = encoder(inputs[row : row + 1, : max(length, 1)], torch.tensor([length]))
        torch.testing.assert_close(memory.states[row, :length], alone.states[0, :length])
        torch.testing.assert_close(memory.summary[row], alone.summary[0])
        assert bool(memory.summary[row].any()) == bool(length)


@every_decoder
@deterministic
@given(lengths=lengths_of_rows, data=st.data())
def test_a_whole_target_is_its_steps(name, lengths, data):
    """``forward`` gives what ``start`` and ``step`` give one after the other, alone and in a batch."""
    decoder = make_decoder(name)
    sources = torch.tensor(data.draw(st.lists(st.integers(0, LONGEST), min_size=len(lengths), max_size=len(lengths))))
    targets = torch.tensor(lengths)
    memory = random_memory(sources)
    inputs = torch.randn(len(lengths), LONGEST, E, dtype=torch.float64)
    whole = decoder(inputs, targets, memory)
    for row, length in enumerate(lengths):
        source = max(int(sources[row]), 1)
        state = decoder.start(Memory(*(part[row : row + 1, :source] for part in memory[:2]), memory.summary[row][None]))
        for time in range(length):
            output, state = decoder.step(inputs[row : row + 1, time], state)
            torch.testing.assert_close(whole.vectors[row, time], output.vectors[0])
            if output.attention is not None:
                torch.testing.assert_close(whole.attention[row, time, :source], output.attention[0])


@pytest.mark.parametrize("name", [name for name in DECODERS if "attention" in name])
def test_attention_looks_at_the_source(name):
    """Another source with the same summary gives another answer, and an empty one gives a number."""
    decoder = make_decoder(name)
    one, other = random_memory(torch.tensor([4])), random_memory(torch.tensor([4]))
    vectors = [
        decoder.step(torch.ones(1, E, dtype=torch.float64), decoder.start(memory._replace(summary=one.summary)))[0]
        for memory in (one, other, random_memory(torch.tensor([0])))
    ]
    assert not torch.allclose(vectors[0].vectors, vectors[1].vectors)
    assert vectors[2].vectors.isfinite().all()


@every_encoder
def test_dropout_is_for_training(name):
    """It changes the states while a model is trained, and nothing afterwards."""
    encoder = make_encoder(name, layers=2, dropout=0.5)
    inputs, lengths = torch.randn(2, 4, E, dtype=torch.float64), torch.tensor([4, 2])
    assert torch.equal(encoder(inputs, lengths).states, encoder(inputs, lengths).states)
    assert not torch.equal(encoder.train()(inputs, lengths).states, encoder(inputs, lengths).states)


def test_two_directions_share_an_even_width():
    """An odd one is refused where there are two."""
    with pytest.raises(ValueError, match="hidden_size must be even"):
        LSTMEncoder.Config(hidden_size=5)
    assert LSTMEncoder.Config(hidden_size=5, bidirectional=False).hidden_size == 5


@every_decoder
def test_mixed_precision_trains(name):
    """Under bfloat16 autocast the gradient points where the full one points."""
    encoder = make_encoder("gru" if "gru" in name else "lstm", layers=2)
    decoder = make_decoder(name, MemorySizes(encoder.states_size, encoder.summary_size))
    model = Seq2Seq(encoder, decoder, 9, 9).float()
    ids, lengths = torch.randint(4, 9, (3, 5)), torch.tensor([5, 2, 4])
    gradients = []
    for mixed in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits = model(ids, lengths, ids, lengths)
        assert logits.dtype == (torch.bfloat16 if mixed else torch.float32)
        logits.float().log_softmax(-1)[:, 4].sum().backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert nn.functional.cosine_similarity(*gradients, dim=0) > 0.995
