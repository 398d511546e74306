"""The decoders with hard attention sum over all alignments, as enumerating every one of them does."""

import itertools
import math

import pytest
import torch
from s2s_monotonic.decoder import HardAttentionDecoder, MonotonicDecoder
from torch import Tensor

from s2s_core import Decoder, NoConfig
from s2s_core.decoding import BeamSearch
from s2s_core.model.ensemble import Ensemble
from s2s_core.model.interfaces import MemorySizes
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.testing.counterparts import PlainEncoder
from s2s_core.text.vocabulary import BOS, EOS, PAD

E, TOKENS = 6, 7
SOURCE = torch.tensor([[4, 6, 5, EOS], [5, EOS, PAD, PAD], [6, 4, EOS, PAD]])
SOURCE_LENGTHS = torch.tensor([4, 2, 3])
TARGET = torch.tensor([[5, 4, EOS, PAD], [4, EOS, PAD, PAD], [4, 4, 6, EOS]])
TARGET_LENGTHS = torch.tensor([3, 2, 4])

DECODERS = {"hard-attention-lstm": HardAttentionDecoder, "monotonic-lstm": MonotonicDecoder}
every_decoder = pytest.mark.parametrize("name", DECODERS)


def make_model(name: str) -> Seq2Seq:
    """Returns a model of random weights that never writes PAD or BOS."""
    encoder, component = PlainEncoder(NoConfig(), E), DECODERS[name]
    sizes = MemorySizes(encoder.states_size, encoder.summary_size)
    model = Seq2Seq(encoder, component(component.Config(hidden_size=8), E, sizes), TOKENS, TOKENS)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    model.projection.bias.data[[PAD, BOS]] = -60.0
    return model.double().eval()


def alignments(decoder: Decoder, positions: int, steps: int) -> list[tuple[int, ...]]:
    """Returns every sequence of positions, or every one that never moves left."""
    if isinstance(decoder, MonotonicDecoder):
        return list(itertools.combinations_with_replacement(range(positions), steps))
    return list(itertools.product(range(positions), repeat=steps))


@torch.no_grad()
def enumerated(model: Seq2Seq, source: list[int], target: list[int]) -> float:
    """Computes the log-likelihood of a target from the equations, one alignment after the other."""
    decoder, memory = model.decoder, model.encode(torch.tensor([source]), torch.tensor([len(source)]))
    hidden, cell = decoder.bridge(memory.summary).chunk(2, 1)  # [1, H]
    inputs = model.target_embedding(torch.tensor([[BOS, *target[:-1]]]))
    states, _ = decoder.layers(inputs, (hidden[None], cell[None]))  # [1, T, H]
    scores = [[float(state @ decoder.keys(place)) for place in memory.states[0]] for state in states[0]]
    emissions = [[emitted(model, state, place) for place in memory.states[0]] for state in states[0]]
    total = 0.0
    for alignment in alignments(decoder, len(source), len(target)):
        probability, before = 1.0, 0
        for step, place in enumerate(alignment):
            first = before if isinstance(decoder, MonotonicDecoder) else 0
            reachable = sum(math.exp(score) for score in scores[step][first:])
            probability *= math.exp(scores[step][place]) / reachable * float(emissions[step][place][target[step]])
            before = place
        total += probability
    return math.log(total)


def emitted(model: Seq2Seq, state: Tensor, place: Tensor) -> Tensor:
    """Returns the probabilities of the tokens, [V], for a state of the decoder and a position of the memory."""
    decoder = model.decoder
    mixed = torch.tanh(decoder.combine(state) + decoder.values(place))
    return model.projection(mixed).softmax(0)


@every_decoder
@torch.no_grad()
def test_a_likelihood_is_the_sum_over_all_alignments(name):
    """For rows of different lengths in one batch."""
    model = make_model(name)
    logits = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    real = TARGET[torch.arange(4) < TARGET_LENGTHS[:, None]]
    of_tokens = logits.log_softmax(1).gather(1, real[:, None])[:, 0]
    for row, scores in enumerate(of_tokens.split(TARGET_LENGTHS.tolist())):
        source = SOURCE[row, : SOURCE_LENGTHS[row]].tolist()
        target = TARGET[row, : TARGET_LENGTHS[row]].tolist()
        assert pytest.approx(enumerated(model, source, target), abs=1e-7) == float(scores.sum())


@every_decoder
def test_a_search_scores_its_answers_by_all_alignments(name):
    """Whatever beams it took to find them."""
    model = make_model(name)
    hypotheses, scores = BeamSearch(model)(SOURCE, SOURCE_LENGTHS, beam_size=4, max_length=4)
    compared = 0
    for row, (answers, found) in enumerate(zip(hypotheses.tolist(), scores.tolist(), strict=True)):
        source = SOURCE[row, : SOURCE_LENGTHS[row]].tolist()
        for answer, score in zip(answers, found, strict=True):
            target = [token for token in answer if token != PAD]
            assert pytest.approx(enumerated(model, source, target), abs=1e-5) == score
            compared += 1
    assert compared == 12


def test_all_answers_together_are_certain():
    """A beam that holds every answer of up to two tokens: their probabilities have the sum 1."""
    model = make_model("monotonic-lstm")
    model.projection.bias.data[PAD] = -200.0
    _, scores = BeamSearch(model)(SOURCE, SOURCE_LENGTHS, beam_size=1 + 4 * 5, max_length=2)
    torch.testing.assert_close(scores.double().exp().sum(1), torch.ones(3, dtype=torch.float64), atol=1e-5, rtol=0.0)


def test_attention_moves_right_only():
    """Each step's distribution of positions stands to the right of the one given the token before."""
    model = make_model("monotonic-lstm")
    state, tokens = model.start(SOURCE, SOURCE_LENGTHS), torch.full((3,), BOS)
    for step in range(4):
        given = state.joint.gather(2, tokens[:, None, None].expand(-1, 4, 1))[:, :, 0].softmax(1)  # [B, S]
        _, attention, state = model.attentive_step(tokens, state)  # [B, S]
        torch.testing.assert_close(attention.sum(1), torch.ones(3, dtype=torch.float64))
        assert not attention[SOURCE == PAD].any()
        assert (attention.cumsum(1) <= given.cumsum(1) + 1e-9).all()
        assert (attention[:, 0] < given[:, 0]).all()
        tokens = TARGET[:, step]


def test_an_ensemble_mixes_it_with_others():
    """The members' probabilities are averaged, those of a chain of candidates too."""
    torch.manual_seed(1)
    members = [make_model("monotonic-lstm"), make_model("hard-attention-lstm")]
    logits = Ensemble(members)(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    alone = [member(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS).softmax(1) for member in members]
    torch.testing.assert_close(logits.softmax(1), torch.stack(alone).mean(0).float(), atol=1e-6, rtol=0.0)
    _, scores = BeamSearch(Ensemble(members))(SOURCE, SOURCE_LENGTHS, beam_size=2, max_length=4)
    assert scores.isfinite().all()


@every_decoder
def test_it_trains_in_mixed_precision(name):
    """Logarithms are added up in single precision, so nothing overflows and every gradient is finite."""
    model = make_model(name).float().train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    assert logits.dtype == torch.float32
    logits.logsumexp(1).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_all_positions_lose_the_same_numbers_in_dropout():
    """So that drawing costs as much as without candidates."""
    model = make_model("hard-attention-lstm").float()
    model.decoder.dropout.p = 0.5
    model.decoder.train()
    memory = model.encode(SOURCE, SOURCE_LENGTHS)
    dropped = model.decoder(torch.randn(3, 4, E), TARGET_LENGTHS, memory).vectors == 0  # [B, T, S, H]
    assert torch.equal(dropped, dropped[:, :, :1].expand_as(dropped))
    assert 0 < int(dropped[:, :, 0].sum()) < dropped[:, :, 0].numel()
