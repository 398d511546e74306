"""A decoder may give several candidates in a step, alone or in a chain; a model mixes what they say of the tokens."""

import itertools
import math

import attrs
import pytest
import torch
from candidate_decoders import CANDIDATES, Chains, Mixes
from torch import Tensor

from s2s_core import Output
from s2s_core.data.task import Example
from s2s_core.decoding import BeamSearch
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.decoding.translate import Translator
from s2s_core.exporting.exporter import export
from s2s_core.model.ensemble import Ensemble
from s2s_core.text.vocabulary import BOS, EOS, PAD, UNK
from s2s_core.training.loss import token_loss

SOURCE, SOURCE_LENGTHS = torch.tensor([[4, 6, 5, EOS], [5, EOS, PAD, PAD]]), torch.tensor([4, 2])
TARGET, TARGET_LENGTHS = torch.tensor([[5, 4, 7, EOS], [4, EOS, PAD, PAD]]), torch.tensor([4, 2])
REAL = TARGET != PAD
BEFORE = torch.tensor([[BOS, 5, 4, 7], [BOS, 4, EOS, PAD]])

both = pytest.mark.parametrize("decoder", [Mixes, Chains])


@pytest.fixture
def answer(make_model):
    """Returns the logits [N, V] of a new model with a decoder."""

    def answered(decoder):
        return make_model(decoder=decoder)(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)

    return answered


def decoded(model) -> tuple[Output, Tensor]:
    """Returns a decoder's output for the targets, and each candidate's distribution in each step, [B, T, C, V]."""
    memory = model.encode(SOURCE, SOURCE_LENGTHS)
    output = model.decoder(model.embed_target(BEFORE), TARGET_LENGTHS, memory)
    return output, model.projection(output.vectors).softmax(-1)


@torch.no_grad()
def test_a_step_mixes_the_distributions_of_its_candidates(make_model):
    """The probability of a token is the mean of those that the candidates give it, by their weights."""
    model = make_model(decoder=Mixes)
    output, each = decoded(model)
    expected = (output.weights.exp()[..., None] * each).sum(2)[REAL]  # [N, V]
    logits = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    torch.testing.assert_close(logits.exp(), expected)
    assert (each[:, :, 0] - each[:, :, 1]).abs().max() > 0.1  # or there would be nothing to mix


@torch.no_grad()
def test_a_chain_sums_over_all_paths(make_model):
    """The likelihood of a target is that of all sequences of candidates, one after the other."""
    model = make_model(decoder=Chains)
    output, each = decoded(model)
    logits = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    scores = logits.log_softmax(1).gather(1, TARGET[REAL][:, None])[:, 0].split(TARGET_LENGTHS.tolist())
    for row, length in enumerate(TARGET_LENGTHS.tolist()):
        total = 0.0
        for path in itertools.product(range(CANDIDATES), repeat=length):
            probability, before = 1.0, 0
            for step, candidate in enumerate(path):
                probability *= float(output.transitions[row, step, before, candidate].exp())
                probability *= float(each[row, step, candidate, TARGET[row, step]])
                before = candidate
            total += probability
        assert pytest.approx(math.log(total), abs=1e-5) == float(scores[row].sum())


@both
@torch.no_grad()
def test_steps_say_what_the_whole_target_says(make_model, decoder):
    """Token by token, as a search asks; what stands in padding or in another row doesn't matter."""
    model = make_model(decoder=decoder)
    state, logits, weights = model.start(SOURCE, SOURCE_LENGTHS), [], []
    for tokens in BEFORE.unbind(1):
        step_logits, attention, state = model.attentive_step(tokens, state)
        logits.append(step_logits)
        weights.append(attention)
    whole = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    torch.testing.assert_close(torch.stack(logits, 1)[REAL], whole, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(torch.stack(weights, 1).sum(2), torch.ones(2, 4))
    alone = model(SOURCE[1:, :2], SOURCE_LENGTHS[1:], TARGET[1:, :2], TARGET_LENGTHS[1:])
    torch.testing.assert_close(alone, whole[-2:], atol=1e-5, rtol=0.0)


@torch.no_grad()
def test_attention_is_the_mean_of_the_candidates(make_model):
    """By the weights that they have before the token is known."""
    model = make_model(decoder=Mixes)
    output, _ = model.decoder.step(
        model.embed_target(BEFORE[:, 0]), model.decoder.start(model.encode(SOURCE, SOURCE_LENGTHS))
    )
    _, attention, _ = model.attentive_step(BEFORE[:, 0], model.start(SOURCE, SOURCE_LENGTHS))
    expected = sum(output.weights[:, c, None].exp() * output.attention[:, c] for c in range(CANDIDATES))
    torch.testing.assert_close(attention, expected)


@both
def test_a_search_adds_up_likelihoods(make_model, checkpoints, decoder):
    """Its scores are what the model says of its answers, each token given the ones before."""
    checkpoint = checkpoints["characters"]
    sizes = [len(tokenizer.vocabulary) for tokenizer in (checkpoint.source_tokenizer, checkpoint.target_tokenizer)]
    model = make_model(*sizes, decoder=decoder)
    model.projection.bias.data[EOS], model.projection.bias.data[UNK] = 6.0, -20.0  # answers end, and are their texts
    checkpoint = attrs.evolve(checkpoint, model=model)
    decoding = attrs.evolve(checkpoint.config.decoding, beam_size=3, length_penalty=0.0, max_length=30)
    translator = Translator(checkpoint, decoding)
    found = translator.hypotheses(["ab", "c"])
    ended = [(row, beam) for row, beam in itertools.product(range(2), range(3)) if EOS in found.ids[row, beam]]
    assert len(ended) >= 4
    texts = translator.texts(found, ["ab", "c"])
    scores = [found.scores[place] for place in ended]
    examples = [Example(("ab", "c")[row], texts[row][beam]) for row, beam in ended]
    likelihoods = [likelihood.log_probability for likelihood in Likelihoods(checkpoint)(examples)]
    assert pytest.approx(likelihoods, abs=1e-3) == scores


class Refuses(Mixes):
    """One of its candidates is impossible."""

    far = 0.0

    def answer(self, output, hidden):
        scores = self.weights(hidden).masked_fill(torch.arange(CANDIDATES) == 1, float("-inf"))
        vectors = output.vectors + self.far * (torch.arange(CANDIDATES) == 1)[:, None]
        return output._replace(vectors=vectors, weights=scores.log_softmax(1))


class RefusesFar(Refuses):
    """What this one would say is quite another thing."""

    far = 100.0


def test_an_impossible_candidate_says_nothing(answer):
    """Whatever its vector, tokens are as likely, and no gradient is NaN."""
    torch.testing.assert_close(answer(Refuses), answer(RefusesFar))


@both
def test_every_gradient_is_finite(make_model, decoder):
    """With label smoothing, which reads all logits; where the logarithm of a probability is minus infinity, too."""
    model = make_model(decoder=Refuses if decoder is Mixes else decoder).train()
    logits = model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS)
    token_loss(logits, TARGET[REAL], 0.1).objective.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_candidates_may_have_no_attention(make_model):
    """Attention is as optional as without candidates."""

    class Blind(Chains):
        def answer(self, output, hidden):
            return super().answer(output._replace(attention=None), hidden)

    model = make_model(decoder=Blind)
    _, attention, _ = model.attentive_step(BEFORE[:, 0], model.start(SOURCE, SOURCE_LENGTHS))
    assert attention is None
    assert model(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS).isfinite().all()


def test_only_a_chain_carries_what_it_needs(make_model):
    """One number for each candidate and token, beside the decoder's own state."""
    mixed, chained = (make_model(decoder=decoder).start(SOURCE, SOURCE_LENGTHS) for decoder in (Mixes, Chains))
    assert 3 == len(mixed)
    assert 3 == len(chained.decoder)
    assert (2, CANDIDATES, 9) == chained.joint.shape


@pytest.mark.parametrize("beam_size", [1, 3])
def test_an_empty_batch_has_no_answers(make_model, beam_size):
    """As without candidates."""
    none = torch.zeros(0, 2, dtype=torch.int64)
    for decoder in (Mixes, Chains):
        _, scores = BeamSearch(make_model(decoder=decoder))(none, none[:, 0], beam_size=beam_size, max_length=3)
        assert (0, beam_size) == scores.shape


def test_a_file_mixes_as_the_model_does(make_model, checkpoints, tmp_path):
    """The export of both together, with a coverage penalty, which reads the mean attention, is proved."""
    checkpoint = checkpoints["characters"]
    sizes = [len(tokenizer.vocabulary) for tokenizer in (checkpoint.source_tokenizer, checkpoint.target_tokenizer)]
    members = [make_model(*sizes, decoder=decoder, seed=seed) for seed, decoder in enumerate((Mixes, Chains))]
    decoding = attrs.evolve(checkpoint.config.decoding, coverage_penalty=0.4)
    config = attrs.evolve(checkpoint.config, decoding=decoding)
    checkpoint = attrs.evolve(checkpoint, config=config, model=Ensemble(members))
    parity = export(checkpoint, ["abc", "cab", "b"], tmp_path / "model.onnx")
    assert parity.hypotheses > 100
