"""Source and target may have one vocabulary and one embedding."""

import tracemalloc

import pytest

from s2s_core import ConfigError, Example, ModelError
from s2s_core.config.resolve import resolve
from s2s_core.model.build import build_model
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import load_tokenizer, train_tokenizers
from s2s_core.text.vocabulary import UNK

PLUGINS = Plugins(environment={"S2S_PLUGINS": "s2s_core,s2s_synthetic,s2s_mlp_rnn"})
EXAMPLES = [Example("ab", "cd"), Example("b", "aab")]
SHARED = {"share_vocabulary": True}


def run(**tables):
    return resolve([{"task": "copy", "decoder": {"feed_previous": True}, **tables}], PLUGINS)


def test_one_tokenizer_knows_both_sides():
    """It is one object, trained on sources and targets together."""
    source, target = train_tokenizers(run(target=SHARED), EXAMPLES, PLUGINS)
    assert source is target
    assert ("a", "b", "c", "d") == source.vocabulary.tokens


def test_each_side_knows_its_own():
    """Without being asked, nothing is shared."""
    source, target = train_tokenizers(run(), EXAMPLES, PLUGINS)
    assert ("a", "b") == source.vocabulary.tokens
    assert ("a", "b", "c", "d") == target.vocabulary.tokens


class Many:
    """Examples that are made whenever they are gone through. A list of them takes 6 MB."""

    def __iter__(self):
        return (Example(f"{n % 97} {n % 91}", f"a{n % 83} \u2603" + "\u2604" * (n == 9)) for n in range(30_000))


@pytest.mark.parametrize(
    ("tokenizer", "shared"),
    [("characters", False), ("words", False), ("bpe", False), ("unigram", False), ("bpe", True)],
)
def test_texts_are_not_held_in_memory(tokenizer, shared):
    """Tokenizers take them one by one, each side by itself or both."""
    side = {"tokenizer": {"name": tokenizer, "minimum_count": 2}}
    config = run(source=side, target={**side, "share_vocabulary": shared})
    tracemalloc.start()
    try:
        source, target = train_tokenizers(config, Many(), PLUGINS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1e6
    assert UNK not in source.encode("12 34")
    assert 1 == target.encode("a12 \u2603\u2604").count(UNK)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {"source": {"tokenizer": "bytes"}, "target": SHARED},
            (
                "target.share_vocabulary: source.tokenizer and target.tokenizer must have the same name and settings "
                "(got 'bytes' with normalization = 'none', fold_case = False, tags = False and 'characters' with "
            ),
        ),
        (
            {"source": {"tokenizer": {"minimum_count": 2}}, "target": SHARED},
            "target.share_vocabulary: source.tokenizer and target.tokenizer must have the same name and settings",
        ),
        ({"target": {"tie_embeddings": True}}, "target.tie_embeddings needs target.share_vocabulary = true"),
        (
            {"source": {"embedding_size": 7}, "target": {**SHARED, "tie_embeddings": True}},
            "target.tie_embeddings: source.embedding_size and target.embedding_size must be the same (got 7 and 64)",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tables, expected):
    """Before anything is trained."""
    with pytest.raises(ConfigError) as refused:
        run(**tables)
    assert str(refused.value).startswith(expected)


def test_a_decoder_that_reads_no_inputs_has_nothing_to_tie():
    """The message names it."""
    config = run(decoder={"feed_previous": False}, target={**SHARED, "tie_embeddings": True})
    with pytest.raises(ConfigError, match=r"^target.tie_embeddings: decoder 'mlp-rnn' has no target embedding"):
        build_model(config, 9, 9, PLUGINS)


def test_tied_embeddings_are_one_weight():
    """And are counted once."""
    tied = build_model(run(target={**SHARED, "tie_embeddings": True}), 9, 9, PLUGINS)
    apart = build_model(run(target=SHARED), 9, 9, PLUGINS)
    assert tied.source_embedding.weight is tied.target_embedding.weight
    assert apart.parameter_count() - tied.parameter_count() == 9 * 64


def test_a_vocabulary_too_small_names_the_setting_in_full():
    """The side, the setting, and how large it must be."""
    config = run(target={"tokenizer": {"name": "bpe", "vocabulary_size": 3}})
    with pytest.raises(ConfigError, match=r"^target.tokenizer.vocabulary_size must be at least 4, .* \(got 3\)"):
        train_tokenizers(config, EXAMPLES, PLUGINS)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("characters", {}),
        ("words", {"tokens": ["a", "a"]}),
        ("bpe", {"tokens": ["a"]}),
        ("bpe", {"tokens": ["a", "b"], "merges": ["a b"]}),
        ("unigram", {"tokens": ["a"], "scores": []}),
        ("unigram", {"tokens": ["a"], "scores": ["high"]}),
    ],
)
def test_a_damaged_tokenizer_is_refused(name, saved):
    """Whatever is missing from what was saved, or doesn't fit."""
    config = run(source={"tokenizer": name})
    with pytest.raises(ModelError, match=f"the saved tokenizer {name!r} is damaged"):
        load_tokenizer(config.source.tokenizer, saved, PLUGINS)


def test_a_vocabulary_of_one_side_does_not_become_that_of_both():
    """A run that starts from an earlier one takes its tokenizers only if both shared, or both didn't."""
    from s2s_core.model.checkpoint import TextModel
    from s2s_core.training.initial import same_tokenizer

    apart, shared = run(), run(target=SHARED)
    for earlier, later, same in ((apart, apart, True), (apart, shared, False), (shared, apart, False)):
        initial = TextModel(earlier, *train_tokenizers(earlier, EXAMPLES, PLUGINS), None, [])
        for side in ("source", "target"):
            assert same == (same_tokenizer(side, later, initial) is not None)
