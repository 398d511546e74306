"""Samples are distributed as they should be, and depend on nothing but the text, the seed and their number."""

import math
from collections import Counter

import pytest
import torch

from s2s_core.config.decoding import MOST_BEAMS
from s2s_core.decoding import BeamSearch, sampling
from s2s_core.text.vocabulary import BOS, EOS, PAD

SOURCES = [[4, 5, 6, EOS], [7, EOS], [EOS], [8, 8, 3, 5, 4, 6, EOS], [5, EOS]]
PROBABILITIES = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04]
COUNT = 20_000


def pad(sources):
    lengths = torch.tensor([len(ids) for ids in sources])
    ids = torch.full((len(sources), int(lengths.max())), PAD)
    for row, source in zip(ids, sources, strict=True):
        row[: len(source)] = torch.tensor(source)
    return ids, lengths


def samples(model, sources, **settings):
    """Returns the samples of each source, and their scores."""
    found, scores = BeamSearch(model)(*pad(sources), sampling=True, **{"max_length": 8, **settings})
    stripped = [[[token for token in ids if token != PAD] for ids in row] for row in found.tolist()]
    return stripped, scores


def keys(seed=0, count=COUNT, source=(4, 5, EOS)):
    """Returns the keys of many samples of one source."""
    lengths = torch.tensor([len(source)])
    return sampling.beam_keys(torch.tensor([source]), lengths, torch.arange(count), torch.tensor(seed))[0]


def draw(probabilities, *, temperature=1.0, top_k=0, top_p=1.0, seed=0, step=0):
    """Returns how often each token came."""
    rows = torch.tensor(probabilities).log().expand(COUNT, -1)
    numbers = [torch.tensor(value).expand(COUNT) for value in (temperature, top_k, top_p)]
    noise = sampling.gumbel(keys(seed), torch.tensor(step), len(probabilities))
    counted = Counter(sampling.pick(rows, *numbers, noise).tolist())
    return [counted[token] for token in range(len(probabilities))]


def assert_distributed(expected, counts):
    """Fails if a fair draw would differ as much less than once in a hundred thousand times, by the χ² statistic."""
    assert {count for count, share in zip(counts, expected, strict=True) if share == 0} <= {0}
    statistic = sum((n - COUNT * p) ** 2 / (COUNT * p) for n, p in zip(counts, expected, strict=True) if p)
    assert statistic < 31  # 5 degrees of freedom


def normal(weights):
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize(("seed", "step"), [(0, 0), (1, 0), (0, 1), (2**32 - 1, 7)])
def test_tokens_come_as_often_as_they_are_likely(seed, step):
    """The frequencies are the probabilities, with any seed and at any step."""
    assert_distributed(PROBABILITIES, draw(PROBABILITIES, seed=seed, step=step))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_temperature_sharpens_or_flattens(temperature):
    """The probabilities are raised to its inverse."""
    expected = normal([probability ** (1 / temperature) for probability in PROBABILITIES])
    assert_distributed(expected, draw(PROBABILITIES, temperature=temperature))


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"top_k": 1}, 1),
        ({"top_k": 3}, 3),
        ({"top_k": 9}, 6),
        ({"top_p": 0.0}, 1),
        ({"top_p": 0.39}, 1),
        ({"top_p": 0.41}, 2),
        ({"top_p": 0.79}, 3),
        ({"top_p": 0.97}, 6),
        ({"top_k": 2, "top_p": 0.6}, 1),  # of the two, the best has 0.4 / 0.65
        ({"top_k": 2, "top_p": 0.62}, 2),
        ({"top_p": 0.41, "temperature": 0.5}, 1),
    ],
)
def test_only_the_best_are_left(settings, left):
    """The others never come, and these as often as they are likely among themselves."""
    sharp = [probability ** (1 / settings.get("temperature", 1.0)) for probability in PROBABILITIES]
    expected = normal([share if token < left else 0.0 for token, share in enumerate(sharp)])
    assert_distributed(expected, draw(PROBABILITIES, **settings))


def test_the_order_of_tokens_does_not_matter():
    """What is the best is found wherever it stands."""
    shuffled = [0.06, 0.4, 0.1, 0.25, 0.04, 0.15]
    assert_distributed([0, 0.5, 0, 0.3125, 0, 0.1875], draw(shuffled, top_k=3))


def test_the_noise_is_gumbel_and_independent():
    """It has the right mean and variance, and that of tokens, steps, samples, seeds and texts doesn't go together."""
    first = sampling.gumbel(keys(), torch.tensor(0), 8)
    assert pytest.approx(0.5772, abs=0.02) == float(first.mean())
    assert pytest.approx(math.pi**2 / 6, abs=0.05) == float(first.var())
    assert torch.isfinite(first).all()
    others = [
        sampling.gumbel(keys(), torch.tensor(1), 8),
        sampling.gumbel(keys(seed=1), torch.tensor(0), 8),
        sampling.gumbel(keys(source=(5, 4, EOS)), torch.tensor(0), 8),
        first.roll(1, 0),
        first.roll(1, 1),
    ]
    for other in others:
        together = torch.corrcoef(torch.stack([first.flatten(), other.flatten()]))
        assert abs(float(together[0, 1])) < 0.015


def mixed(number):
    """Returns the hash of one number, in Python's integers."""
    number = (number ^ number >> 16) * 0x21F0AAAD % 2**32
    number = (number ^ number >> 15) * 0xD35A2D97 % 2**32
    return number ^ number >> 15


def test_the_hash_does_not_overflow():
    """It is the one of arithmetic without limits, at both ends of its range too."""
    numbers = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, *range(10**6, 10**9, 10**7)]
    assert list(map(mixed, numbers)) == sampling._mix(torch.tensor(numbers)).tolist()


@pytest.mark.parametrize("settings", [{}, {"temperature": 2.0, "top_k": 5, "min_length": 3, "no_repeat_ngram": 2}])
def test_a_sample_does_not_depend_on_its_batch(make_model, settings):
    """A text is answered alike alone, in a batch and wherever it stands there; equal texts have equal samples."""
    model = make_model(seed=3)
    together, scores = samples(model, SOURCES, beam_size=3, **settings)
    backwards, _ = samples(model, SOURCES[::-1], beam_size=3, **settings)
    assert together == backwards[::-1]
    for source, expected, score in zip(SOURCES, together, scores, strict=True):
        (alone, again), alone_scores = samples(model, [source, source], beam_size=3, **settings)
        assert expected == alone == again
        torch.testing.assert_close(score, alone_scores[0])


def test_the_seed_and_the_number_of_a_sample_matter(make_model):
    """The same seed gives the same samples, another seed others; more samples are the same ones and others."""
    model = make_model(seed=3)
    settings = {"temperature": 5.0, "beam_size": 4}
    first, _ = samples(model, SOURCES, **settings)
    assert first == samples(model, SOURCES, **settings, seed=0)[0]
    assert first != samples(model, SOURCES, **settings, seed=1)[0]
    more, _ = samples(model, SOURCES, **{**settings, "beam_size": 9})
    for few, many in zip(first, more, strict=True):
        assert len({tuple(ids) for ids in few}) > 1
        assert {tuple(ids) for ids in few} <= {tuple(ids) for ids in many}


def test_samples_are_distributed_as_whole_answers_are(make_model):
    """Of many samples of one source, each answer's share is its probability, which is its score."""
    model = make_model(seed=4, target_size=6)
    counts: Counter[tuple[int, ...]] = Counter()
    probabilities = {}
    for seed in range(COUNT // MOST_BEAMS):
        (found,), scores = samples(model, SOURCES[:1], beam_size=MOST_BEAMS, max_length=2, seed=seed)
        answers = list(map(tuple, found))
        counts.update(answers)
        probabilities |= zip(answers, scores[0].exp().tolist(), strict=True)
    assert len(counts) >= 5
    for ids, probability in probabilities.items():
        deviation = math.sqrt(COUNT * probability * (1 - probability)) + 1e-9
        assert abs(counts[ids] - COUNT * probability) < 5 * deviation + 3


def test_a_score_is_the_models_own_log_probability(make_model):
    """Temperature and filters steer the choice, not the score; and samples come best first."""
    model = make_model(seed=3)
    found, scores = samples(model, SOURCES, beam_size=3, temperature=3.0, top_k=4)
    assert (scores[:, :-1] >= scores[:, 1:]).all()
    for source, answers, values in zip(SOURCES, found, scores, strict=True):
        for ids, score in zip(answers, values, strict=True):
            forced = torch.tensor([[*ids, PAD]])
            _, expected = BeamSearch(model)(*pad([source]), forced, max_length=8)
            torch.testing.assert_close(expected[0, 0], score)


def test_no_temperature_is_greedy(make_model):
    """As it goes to 0, the best token is picked at each step; the same with the best token alone."""
    model = make_model(seed=3)
    greedy = [row[0] for row in BeamSearch(model)(*pad(SOURCES), max_length=8)[0].tolist()]
    for settings in ({"temperature": 1e-9}, {"top_k": 1}, {"top_p": 0.0}):
        found, _ = samples(model, SOURCES, **settings)
        assert [[token for token in ids if token != PAD] for ids in greedy] == [row[0] for row in found]


def test_a_sample_keeps_the_limits(make_model):
    """It holds neither BOS nor padding, has its least length, repeats nothing and begins with its prefix."""
    model = make_model(seed=3)
    prefix = torch.tensor([[5, PAD]] * len(SOURCES))
    settings = {"min_length": 4, "no_repeat_ngram": 1, "max_length": 6, "beam_size": 5, "temperature": 5.0}
    found, scores = BeamSearch(model)(*pad(SOURCES), prefix, sampling=True, **settings)
    assert torch.isfinite(scores).all()
    for ids in found.flatten(0, 1).tolist():
        real = [token for token in ids if token != PAD]
        assert 5 == real[0]
        assert BOS not in real
        assert 4 <= len(real) == len(set(real)) <= 6
        assert EOS not in real[:-1]
