"""The whole model: source reversal, dropout, first weights, and several models as one."""

import pytest
import torch
from torch import nn

from s2s_core.config.resolve import resolve
from s2s_core.decoding import BeamSearch
from s2s_core.model.build import build_model
from s2s_core.model.ensemble import Ensemble
from s2s_core.model.interfaces import MemorySizes
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.plugins.registry import Plugins
from s2s_core.text.vocabulary import BOS, EOS, PAD

IDS = 9


@pytest.fixture
def model(make_model):
    return make_model(IDS, IDS)


def same_weights(model, **options):
    """Returns a model of the same parts with other options."""
    other = Seq2Seq(model.encoder, model.decoder, IDS, IDS, **options)
    other.load_state_dict(model.state_dict())
    return other.eval()


SOURCE = torch.tensor([[4, 5, 6, 7, EOS], [8, 4, EOS, PAD, PAD], [EOS, PAD, PAD, PAD, PAD]])
TURNED = torch.tensor([[7, 6, 5, 4, EOS], [4, 8, EOS, PAD, PAD], [EOS, PAD, PAD, PAD, PAD]])
LENGTHS = torch.tensor([5, 3, 1])


def test_a_reversed_source_is_read_from_its_last_token(model):
    """EOS stays last; the summary is that of the turned source, and the states stand in the order of the source."""
    memory = same_weights(model, reverse_source=True).encode(SOURCE, LENGTHS)
    turned = model.encode(TURNED, LENGTHS)
    assert torch.equal(turned.summary, memory.summary)
    assert torch.equal(turned.states[0, [3, 2, 1, 0, 4]], memory.states[0])
    assert torch.equal(turned.states[1, [1, 0, 2]], memory.states[1, :3])
    assert torch.equal(turned.mask, memory.mask)


def test_vectors_are_dropped_in_training_alone(model):
    """Source and target have shares of their own."""
    for shares, dropped in (((0.5, 0.0), (True, False)), ((0.0, 0.5), (False, True))):
        other = same_weights(model, dropouts=shares)
        still = model.encode(SOURCE, LENGTHS).summary, model.embed_target(SOURCE)
        assert all(map(torch.equal, still, (other.encode(SOURCE, LENGTHS).summary, other.embed_target(SOURCE))))
        other.train()
        found = other.encode(SOURCE, LENGTHS).summary, other.embed_target(SOURCE)
        assert dropped == tuple(not torch.equal(*pair) for pair in zip(still, found, strict=True))


def test_first_weights_may_be_uniform():
    """Every parameter is within the range and fills it; without one, components have their own."""
    plugins = Plugins()
    tables = {"task": "reverse", "encoder": "lstm", "decoder": "attention-lstm"}
    made = build_model(resolve([tables, {"training": {"initial_range": 0.08}}], plugins), IDS, IDS, plugins)
    for name, parameter in made.named_parameters():
        assert parameter.abs().max() <= 0.08, name
        assert parameter.numel() < 100 or parameter.abs().max() > 0.06, name
    own = build_model(resolve([tables], plugins), IDS, IDS, plugins)
    assert own.source_embedding.weight.abs().max() > 1


@pytest.fixture
def pair(make_model, third_party):
    """Two models that have nothing in common but their ids."""
    return [
        make_model(IDS, IDS, seed=1),
        make_model(IDS, IDS, seed=2, encoder=third_party.lstm_encoder, decoder=third_party.gru_decoder, spread=0.5),
    ]


def test_an_ensemble_says_the_mean_of_the_probabilities(pair):
    """At every step, as in training's form: the two agree, and both are the mean."""
    ensemble = Ensemble(pair)
    target = torch.tensor([[4, 5, EOS], [6, EOS, PAD], [EOS, PAD, PAD]])
    lengths = torch.tensor([3, 2, 1])
    batch = (SOURCE, LENGTHS, target, lengths)
    expected = sum(model(*batch).softmax(-1) for model in pair) / 2
    torch.testing.assert_close(ensemble(*batch).exp(), expected)
    state = ensemble.start(SOURCE, LENGTHS)
    tokens = torch.full((3,), BOS)
    for time in range(3):
        logits, state = ensemble.step(tokens, state)
        rows = lengths > time
        place = torch.tensor([0, 3, 5])[rows] + time
        torch.testing.assert_close(logits[rows].exp(), expected[place])
        tokens = target[:, time]


def test_an_ensemble_of_one_is_the_model(pair):
    """So are its answers, in a beam too."""
    for model in pair:
        alone, scores = BeamSearch(model)(SOURCE, LENGTHS, beam_size=3, max_length=6)
        together, mean_scores = BeamSearch(Ensemble([model]))(SOURCE, LENGTHS, beam_size=3, max_length=6)
        assert torch.equal(alone, together)
        torch.testing.assert_close(scores, mean_scores)


def test_an_ensemble_has_what_its_models_have(pair):
    """Their parameters and their ids."""
    ensemble = Ensemble(pair)
    assert ensemble.parameter_count() == sum(model.parameter_count() for model in pair)
    assert (IDS, pair[0].device) == (ensemble.source_size, ensemble.device)


def test_a_certain_model_leaves_numbers(make_model):
    """Where every model gives a token no probability at all, its logit is still finite."""
    model = make_model(IDS, IDS)
    nn.init.constant_(model.projection.bias, 0.0)
    with torch.no_grad():
        model.projection.bias[EOS] = 1e4
    logits, _ = Ensemble([model, model]).step(torch.full((3,), BOS), (model.start(SOURCE, LENGTHS),) * 2)
    assert logits.isfinite().all()
    assert (logits.argmax(1) == EOS).all()


def test_the_memory_keeps_its_sizes(model):
    """A decoder that attends is told of the encoder's widths, whether or not sources are reversed."""
    sizes = MemorySizes(model.encoder.states_size, model.encoder.summary_size)
    memory = same_weights(model, reverse_source=True).encode(SOURCE, LENGTHS)
    assert sizes == (memory.states.shape[2], memory.summary.shape[1])
