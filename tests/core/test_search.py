"""Beam search finds what a search over plain lists finds, one sentence at a time."""

import math

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding import BeamSearch, Start
from s2s_core.errors import ConfigError
from s2s_core.text.vocabulary import BOS, EOS, PAD, UNK

SOURCES = [[4, 5, 6, EOS], [7, EOS], [EOS], [8, 8, 3, 5, 4, 6, EOS], [5, EOS]]
SEEDS = [0, 3, 4, 7]
PENALTIES = [0.0, 0.6, 1.0, -0.5]


class Hypothesis:
    """One beam of the reference."""

    def __init__(self, ids, log_probability, state, coverage, *, ended):
        self.ids, self.log_probability, self.state, self.ended = ids, log_probability, state, ended
        self.coverage = coverage

    def score(self, length_penalty, coverage_penalty):
        covered = sum(math.log(min(max(share, 1e-9), 1.0)) for share in self.coverage)
        return self.log_probability / ((5 + len(self.ids)) / 6) ** length_penalty + coverage_penalty * covered


def log_probabilities(logits):
    """Returns what each token that may be picked adds, from the logits of one step."""
    allowed = {token: logit for token, logit in enumerate(logits) if token not in {PAD, BOS} and logit > -math.inf}
    total = math.log(sum(math.exp(logit) for logit in allowed.values()))
    return {token: logit - total for token, logit in allowed.items()}


def repeats(ids, size):
    """Returns whether the last tokens of a row came before."""
    rows = [tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)]
    return size > 0 and bool(rows) and rows[-1] in rows[:-1]


def limit(number, ratio, source):
    return number + math.floor(np.float32(ratio) * np.float32(len(source)))


@torch.no_grad()
def reference(
    model,
    source,
    *,
    max_length,
    beam_size,
    length_penalty=0.0,
    max_length_ratio=0.0,
    min_length=0,
    min_length_ratio=0.0,
    coverage_penalty=0.0,
    no_repeat_ngram=0,
    prefix=(),
):
    """Returns the hypotheses of one source, best first: their tokens and scores."""
    start = model.start(torch.tensor([source]), torch.tensor([len(source)]), copies_of(model, [source]))
    beams = [Hypothesis([], 0.0, start, [0.0] * len(source), ended=False)]
    for step in range(limit(max_length, max_length_ratio, source)):
        candidates = [beam for beam in beams if beam.ended]
        for beam in beams:
            if not beam.ended:
                last = beam.ids[-1] if beam.ids else BOS
                logits, attention, state = model.attentive_step(torch.tensor([last]), beam.state)
                seen = [0.0] * len(source) if attention is None else attention[0].tolist()
                coverage = [before + more for before, more in zip(beam.coverage, seen, strict=True)]
                for token, added in log_probabilities(logits[0].tolist()).items():
                    extended = [*beam.ids, token]
                    early = token == EOS and step + 1 < limit(min_length, min_length_ratio, source)
                    free = step >= len(prefix)
                    if (free and not early and not repeats(extended, no_repeat_ngram)) or extended[step:] == prefix[
                        step : step + 1
                    ]:
                        total = beam.log_probability + added
                        candidates.append(Hypothesis(extended, total, state, coverage, ended=token == EOS))
        beams = sorted(candidates, key=lambda beam: -beam.log_probability)[:beam_size]
        if all(beam.ended for beam in beams):
            break
    scores = [(beam.ids, beam.score(length_penalty, coverage_penalty)) for beam in beams]
    return [(ids, pytest.approx(score, abs=1e-4)) for ids, score in sorted(scores, key=lambda pair: -pair[1])]


def copies_of(model, sources):
    """Returns what the tokens of sources are in the target of a model that copies, which knows only some of them."""
    if not model.copies:
        return None
    size = model.target_size
    rows = [[token if token in {EOS, 4, 5} else size + source.index(token) for token in source] for source in sources]
    return pad(rows)[0]


def pad(sources):
    lengths = torch.tensor([len(ids) for ids in sources])
    ids = torch.full((len(sources), int(lengths.max())), PAD)
    for row, source in zip(ids, sources, strict=True):
        row[: len(source)] = torch.tensor(source)
    return ids, lengths


def strip(ids):
    return [token for token in ids if token != PAD]


def search(model, sources, prefixes=None, **settings):
    """Returns each source's hypotheses, without padding and without beams that stand for none."""
    prefix = None if prefixes is None else pad([[*begin, PAD] for begin in prefixes])[0]
    found, scores = BeamSearch(model)(*pad(sources), prefix, copies_of(model, sources), **settings)
    return [
        [(strip(ids), score) for ids, score in zip(*row, strict=True) if score > -math.inf]
        for row in zip(found.tolist(), scores.tolist(), strict=True)
    ]


@pytest.fixture(params=["cache", "tensor"])
def random_model(request, make_model, third_party):
    """Makes a random model of either decoder, so tuned that answers end at different lengths."""

    def make(seed, target_size=9):
        decoder = {"cache": third_party.caching_decoder, "tensor": third_party.gru_decoder}[request.param]
        return make_model(target_size=target_size, seed=seed, decoder=decoder, spread=1.0)

    make.attends = request.param == "cache"
    return make


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("beam_size", [1, 2, 3, 4, 5])
def test_it_finds_what_the_reference_finds(random_model, beam_size, seed):
    """Tokens, order and scores are the reference's, for any beam, penalty, longest answer and source."""
    model = random_model(seed)
    for max_length, penalty in [(1, 0.0), (2, 0.6), (5, 1.0), (9, -0.5), (9, 0.6)]:
        settings = {"max_length": max_length, "beam_size": beam_size, "length_penalty": penalty}
        expected = [reference(model, source, **settings) for source in SOURCES]
        assert expected == search(model, SOURCES, **settings)


PREFIX = st.lists(st.integers(UNK, 8), max_size=4)


@hypothesis.settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    seed=st.sampled_from(SEEDS),
    beam_size=st.integers(1, 5),
    max_length=st.integers(1, 8),
    max_length_ratio=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    min_length=st.integers(0, 6),
    min_length_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    length_penalty=st.sampled_from(PENALTIES),
    coverage_penalty=st.sampled_from([0.0, 0.3, 2.0]),
    no_repeat_ngram=st.integers(0, 4),
    prefixes=st.none() | st.lists(PREFIX, min_size=len(SOURCES), max_size=len(SOURCES)),
)
def test_every_setting_does_what_the_reference_does(random_model, seed, prefixes, **settings):
    """Limits, coverage, repeats and prefixes, in any combination, are those of the search over lists."""
    model = random_model(seed)
    settings["min_length"] = min(settings["min_length"], settings["max_length"])
    if not random_model.attends:
        settings["coverage_penalty"] = 0.0
    expected = [
        reference(model, source, prefix=begin, **settings)
        for source, begin in zip(SOURCES, prefixes or [[]] * len(SOURCES), strict=True)
    ]
    assert expected == search(model, SOURCES, prefixes, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"beam_size": 1, "no_repeat_ngram": 1},
        {"beam_size": 3, "length_penalty": 0.6, "coverage_penalty": 0.3},
        {"beam_size": 3, "no_repeat_ngram": 2, "prefixes": [[11, 5], [9], [], [9, 14], [4]]},
        {"beam_size": 20, "max_length": 2},
    ],
)
def test_a_model_that_copies_is_searched_alike(make_model, settings):
    """Every setting does to copied tokens what it does to others, also to those of a prefix."""
    settings = {"max_length": 5, **settings}
    prefixes = settings.pop("prefixes", None)
    copied = set()
    for seed in SEEDS[:2]:
        model = make_model(seed=seed, copy=True)
        expected = [
            reference(model, source, prefix=begin, **settings)
            for source, begin in zip(SOURCES, prefixes or [[]] * len(SOURCES), strict=True)
        ]
        found = search(model, SOURCES, prefixes, **settings)
        assert expected == found
        copied |= {token for row in found for ids, _ in row for token in ids if token >= model.target_size}
    assert len(copied) > 1


def test_the_settings_above_matter(random_model):
    """Each of them changes some answer of some model."""
    usual = {"max_length": 9, "beam_size": 3}
    models = [random_model(seed) for seed in SEEDS]
    before = [search(model, SOURCES, **usual) for model in models]
    changes = [
        {"max_length": 3, "max_length_ratio": 0.5},
        {"min_length": 5},
        {"min_length_ratio": 1.0},
        {"no_repeat_ngram": 1},
    ]
    changes += [{"no_repeat_ngram": 2}, {"prefixes": [[5, 6]] * len(SOURCES)}]
    changes += [{"coverage_penalty": 3.0}] if random_model.attends else []
    for change in changes:
        assert before != [search(model, SOURCES, **usual | change) for model in models], change


def test_an_answer_is_as_long_as_it_must_be(random_model):
    """None ends before its minimum, and each is cut at its own maximum, whatever the others of its batch need."""
    settings = {"min_length": 2, "min_length_ratio": 0.5, "max_length": 3, "max_length_ratio": 1.0, "beam_size": 4}
    for seed in SEEDS:
        for source, found in zip(SOURCES, search(random_model(seed), SOURCES, **settings), strict=True):
            for ids, _ in found:
                assert 2 + len(source) // 2 <= len(ids) <= 3 + len(source)
                assert EOS in ids or len(ids) == 3 + len(source)


@pytest.mark.parametrize("ratio", [2.0**31, 1e30, math.inf])
def test_a_limit_that_no_integer_holds_is_no_limit(random_model, ratio):
    """It must not come out as a small one, nor as less than nothing."""
    start = Start(random_model(0), SearchFeatures())
    sources, lengths = pad([[4, 3, EOS], [EOS]])
    for most in (1, 2**63 - 1):
        settings = {
            f"{name}{part}": torch.tensor(value)
            for name in ("min_length", "max_length")
            for part, value in (("", most), ("_ratio", ratio))
        }
        extras = start(sources, lengths, torch.arange(1), settings).extras
        assert (extras["longest"] > 2**29).all()
        assert (extras["shortest"] > 2**29).all()


def test_a_prefix_may_hold_a_whole_answer(random_model):
    """With its end in it nothing is left to search, and the score is that of the answer."""
    model = random_model(0)
    ((ids, score), *_), *_ = search(model, SOURCES[:1], max_length=9, beam_size=3)
    assert [[(ids, pytest.approx(score, abs=1e-5))]] == search(model, SOURCES[:1], [ids], max_length=9)


def test_what_may_not_be_said_may_leave_nothing(random_model):
    """If every token is ruled out there is no hypothesis: the score is minus infinity, and the search ends."""
    model = random_model(0, target_size=5)
    settings = {"max_length": 9, "min_length": 9, "no_repeat_ngram": 1}
    found, scores = BeamSearch(model)(*pad(SOURCES), **settings, beam_size=2)
    assert not found.any()
    assert {-math.inf} == set(scores.flatten().tolist())


def test_a_coverage_penalty_needs_attention(make_model, third_party):
    """The message says what to do."""
    model = make_model(decoder=third_party.gru_decoder)
    with pytest.raises(ConfigError, match=r"^decoding\.coverage_penalty needs a decoder with attention"):
        BeamSearch(model)(*pad(SOURCES), coverage_penalty=0.1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("beam_size", [4, 5, 6, 40])
def test_more_beams_than_the_vocabulary_offers(random_model, beam_size, seed):
    """Beams that no hypothesis is left for score minus infinity and hold no token."""
    model = random_model(seed, target_size=5)  # EOS, unknown, and one token
    for max_length in (1, 2, 6):
        settings = {"max_length": max_length, "beam_size": beam_size, "length_penalty": 0.6}
        expected = [reference(model, source, **settings) for source in SOURCES]
        assert expected == search(model, SOURCES, **settings)
        found, scores = BeamSearch(model)(*pad(SOURCES), **settings)
        assert (len(SOURCES), beam_size) == scores.shape == found.shape[:2]
        assert not found[scores == -math.inf].any()
        assert not torch.isnan(scores).any()
    found, scores = BeamSearch(model)(*pad(SOURCES), max_length=1, beam_size=beam_size)
    assert [3] * len(SOURCES) == (scores > -math.inf).sum(1).tolist()


@torch.no_grad()
def greedy(model, source, max_length):
    state = model.start(torch.tensor([source]), torch.tensor([len(source)]))
    ids = [BOS]
    while len(ids) <= max_length and ids[-1] != EOS:
        logits, state = model.step(torch.tensor(ids[-1:]), state)
        allowed = logits[0].tolist()
        ids.append(max((token for token in range(len(allowed)) if token not in {PAD, BOS}), key=allowed.__getitem__))
    return ids[1:]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_beam_is_greedy(random_model, seed):
    """One beam picks the best token of each step."""
    model = random_model(seed)
    expected = [greedy(model, source, 8) for source in SOURCES]
    assert expected == [ids for ((ids, _),) in search(model, SOURCES, max_length=8)]


def test_the_random_models_are_not_trivial(random_model):
    """Answers of the models above have several lengths, some end, some don't, and beams beat greedy search."""
    answers = [ids for seed in SEEDS for ((ids, _),) in search(random_model(seed), SOURCES, max_length=9)]
    best = [found[0][0] for seed in SEEDS for found in search(random_model(seed), SOURCES, max_length=9, beam_size=5)]
    assert len({len(ids) for ids in answers}) >= 3
    assert {True, False} == {ids[-1] == EOS for ids in answers}
    assert answers != best


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_source_is_answered_alike_alone_and_in_a_batch(random_model, beam_size):
    """Neither padding nor neighbours change an answer, though they may keep the search going."""
    model = random_model(7)
    settings = {"max_length": 9, "beam_size": beam_size, "length_penalty": 0.6}
    together = search(model, SOURCES, **settings)
    for source, expected in zip(SOURCES, together, strict=True):
        (alone,) = search(model, [source], **settings)
        assert [(ids, pytest.approx(score, abs=1e-5)) for ids, score in expected] == alone


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_hypotheses_are_well_formed(random_model, seed, penalty):
    """They are distinct, best first, and hold neither BOS nor padding before their end, and only padding after it."""
    found, scores = BeamSearch(random_model(seed))(*pad(SOURCES), max_length=9, beam_size=5, length_penalty=penalty)
    assert (scores[:, :-1] >= scores[:, 1:]).all()
    assert not (found == BOS).any()
    for hypotheses in found.tolist():
        assert 5 == len({tuple(ids) for ids in hypotheses})
        for ids in hypotheses:
            end = ids.index(EOS) + 1 if EOS in ids else len(ids)
            assert PAD not in ids[:end]
            assert set(ids[end:]) <= {PAD}


def ended(model, source, max_length):
    """Returns the scores of the hypotheses that end within some steps."""
    (found,) = search(model, [source], max_length=max_length, beam_size=5)
    return {tuple(ids): score for ids, score in found if ids[-1] == EOS}


def test_a_finished_hypothesis_keeps_its_score(random_model):
    """What ended early has the same score however long others go on."""
    pairs = []
    for seed in SEEDS:
        model = random_model(seed)
        for source in SOURCES:
            short, long = ended(model, source, 4), ended(model, source, 9)
            pairs += [(short[ids], long[ids]) for ids in short.keys() & long.keys()]
    assert pairs
    for before, after in pairs:
        assert pytest.approx(before, abs=1e-6) == after


def test_a_higher_penalty_prefers_longer_hypotheses(random_model):
    """Among the same hypotheses the best is never shorter, and somewhere longer."""
    differences = []
    for seed in SEEDS:
        model = random_model(seed)
        low, high = (
            [len(found[0][0]) for found in search(model, SOURCES, max_length=9, beam_size=5, length_penalty=penalty)]
            for penalty in (-2.0, 2.0)
        )
        differences += [longer - shorter for shorter, longer in zip(low, high, strict=True)]
    assert min(differences) >= 0
    assert max(differences) > 0


@pytest.mark.parametrize("beam_size", [1, 3])
def test_the_search_ends_when_all_beams_have(random_model, beam_size):
    """No step is made for nothing, nor for beams that stand for nothing, as the width of what comes back shows."""
    model = random_model(0)
    with torch.no_grad():
        model.projection.weight.zero_()
        model.projection.bias.fill_(-math.inf)
        model.projection.bias[EOS] = 0.0
    found, _ = BeamSearch(model)(*pad(SOURCES), max_length=50, beam_size=beam_size)
    assert [[[EOS], [PAD], [PAD]][:beam_size]] * len(SOURCES) == found.tolist()


@pytest.mark.parametrize("beam_size", [1, 3])
def test_an_empty_batch_has_no_answers(random_model, beam_size):
    """No sources give no hypotheses."""
    nothing = torch.zeros(0, 1, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    found, scores = BeamSearch(random_model(0))(*nothing, max_length=4, beam_size=beam_size)
    assert (0, beam_size) == scores.shape == found.shape[:2]
