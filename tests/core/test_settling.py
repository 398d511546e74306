"""What a recipe leaves to the data: the tokenizers, the number of updates, and how often to validate."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from s2s_core import ConfigError
from s2s_core.config.amount import with_amount
from s2s_core.config.overrides import read_toml
from s2s_core.config.resolve import resolve
from s2s_core.config.training import TrainingConfig
from s2s_core.pipeline.recipe import open_run
from s2s_core.pipeline.train import train
from s2s_core.plugins.registry import Plugins
from s2s_core.text.choice import choose_tokenizer
from s2s_core.text.survey import TextSurvey

SMALL = {
    "encoder": {"name": "gru", "hidden_size": 8},
    "decoder": {"name": "attention-gru", "hidden_size": 8},
    "source": {"embedding_size": 8},
    "target": {"embedding_size": 8},
    "training": {"steps": 2, "batch_size": 4, "validate_every": 50},
}

SENTENCES = [f"the {n} people {n * 7} went to a large town{n} and came back{n * 3}" for n in range(60)]


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["hello", "world", "New York"] * 5, "characters"),
        (["HH AH L OW", "W ER L D", "HH ER"] * 10, "words"),
        (["walk", "jump twice", "turn left", "run around right"] * 10, "words"),
        ([f"{day} May {1900 + day}" for day in range(1, 32)], "characters"),
        (SENTENCES, "bpe"),
        (["", ""], "characters"),
        ([], "characters"),
    ],
)
def test_the_tokenizer_follows_from_the_texts(texts, name):
    """Words for phones and commands, characters for names and dates, subwords for sentences."""
    assert name == choose_tokenizer(TextSurvey.of(texts)).name


def test_characters_are_decomposed_where_that_leaves_few():
    """As with Hangul, whose 11,172 syllables have 67 letters; a few accents are left alone, as is what a user set."""
    hangul = TextSurvey.of([chr(0xAC00 + 29 * number) for number in range(380)])
    choice = choose_tokenizer(hangul)
    assert ("characters", {"normalization": "nfd"}) == choice[:2]
    assert (
        "0% of the texts have spaces; normalization = nfd, as it leaves 67 of 380 different characters" == choice.reason
    )
    assert {} == choose_tokenizer(hangul, normalized=True).settings
    vietnamese = TextSurvey.of(["aáàảãạ", "ăắằẳẵặ", "âấầẩẫậ"])
    assert {"normalization": "nfd"} == choose_tokenizer(vietnamese).settings
    assert {} == choose_tokenizer(TextSurvey.of(["façade", "naïve", "Ångström"])).settings


def test_characters_that_would_compose_to_others_are_left_whole():
    """Such as U+1F71, which becomes U+03AC; a model couldn't write it any more."""
    syllables = [chr(0xAC00 + 29 * number) for number in range(380)]
    assert TextSurvey.of(syllables).is_composed
    assert not TextSurvey.of([*syllables, "\u1f71"]).is_composed


@given(
    some.lists(some.lists(some.sampled_from(["a", "bc", "sixty-three", "x" * 30, "y" * 60]), max_size=9)),
    some.integers(1, 20),
)
def test_what_is_chosen_is_no_misfit(texts, times):
    """A run would warn of its own choice."""
    survey = TextSurvey.of([" ".join(words) for words in texts] * times)
    chosen_class = Plugins().component("tokenizer", choose_tokenizer(survey).name)
    assert chosen_class.misfit(survey) is None


def test_subwords_are_half_as_many_as_words():
    """Within bounds, which keep a small vocabulary useful and a large one learnable."""
    words = [f"word{number}" for number in range(4000)]
    texts = [" ".join(words[start : start + 10]) for start in range(0, 4000, 10)]
    assert {"vocabulary_size": 2000} == choose_tokenizer(TextSurvey.of(texts)).settings
    assert {"vocabulary_size": 500} == choose_tokenizer(TextSurvey.of(SENTENCES)).settings


def make(tmp_path, *tables):
    """Trains a run on pairs, of which some are held out."""
    rows = [f"{'ab'[number % 2]}{'cd'[number // 2 % 2]}{number}\tA B{number % 3}" for number in range(60)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{row}\n" for row in rows))
    recipe = {"task": {"name": "pairs", "train": str(tmp_path / "pairs.tsv"), "held_out": 2}}
    return train(recipe, [SMALL, *tables], output=tmp_path / "run")


def test_the_choice_is_written_into_the_runs_settings(tmp_path):
    """With the settings of ``auto`` that the chosen tokenizer takes over."""
    automatic = {side: {"tokenizer": {"name": "auto", "fold_case": True}} for side in ("source", "target")}
    run = make(tmp_path, automatic)
    saved = read_toml(run.settings_path)
    assert ("characters", True) == tuple(saved["source"]["tokenizer"][key] for key in ("name", "fold_case"))
    assert saved["target"]["tokenizer"] == {
        "name": "words",
        "normalization": "none",
        "fold_case": True,
        "tags": False,
        "minimum_count": 1,
        "maximum_size": 0,
    }


HANGUL = [chr(0xAC00 + 29 * number) for number in range(380)]


def tokenizers_of_hangul(tmp_path, *tables):
    """Trains a run on syllables, and returns the tokenizers in its settings."""
    (tmp_path / "pairs.tsv").write_text("".join(f"{each}\ta\n" for each in HANGUL), encoding="utf-8")
    recipe = {"task": {"name": "pairs", "train": str(tmp_path / "pairs.tsv"), "held_out": 2}}
    saved = read_toml(train(recipe, [SMALL, *tables], output=tmp_path / "run").settings_path)
    return saved["source"]["tokenizer"], saved["target"]["tokenizer"]


def test_hangul_is_decomposed(tmp_path):
    """As ``run.toml`` says afterwards."""
    source, target = tokenizers_of_hangul(tmp_path)
    assert ("characters", "nfd", "none") == (source["name"], source["normalization"], target["normalization"])


def test_another_normalization_stays(tmp_path):
    """The user has decided."""
    source, _ = tokenizers_of_hangul(tmp_path, {"source": {"tokenizer": {"name": "auto", "normalization": "nfkc"}}})
    assert source["normalization"] == "nfkc"


def test_both_sides_of_a_model_that_copies_are_decomposed_or_neither(tmp_path):
    """Or no token of the source would be one of the target."""
    source, target = tokenizers_of_hangul(tmp_path, {"target": {"copy": True}})
    assert source["normalization"] == target["normalization"] == "nfd"


def test_a_run_with_open_settings_resumes_by_its_recipe(tmp_path):
    """What was left open counts as what was chosen."""
    run = make(tmp_path, {"source": {"tokenizer": "auto"}, "training": {"epochs": 1.0}})
    recipe = {"task": {"name": "pairs", "train": str(tmp_path / "pairs.tsv"), "held_out": 2}}
    wanted = [SMALL, {"source": {"tokenizer": "auto"}, "training": {"epochs": 1.0}}]
    again = train(recipe, wanted, output=run.folder, resume=True)
    assert run.config == again.config
    with pytest.raises(ConfigError, match="other settings"):
        open_run(recipe, [*wanted, {"training": {"seed": 5}}], Plugins(), output=run.folder, resume=True)


def test_a_shared_vocabulary_is_chosen_from_both_sides(tmp_path):
    """Sources alone would be characters and targets alone words."""
    sides = {side: {"tokenizer": "auto"} for side in ("source", "target")}
    run = make(tmp_path, sides, {"target": {"share_vocabulary": True}})
    assert run.config.source.tokenizer == run.config.target.tokenizer


def test_tokenizers_follow_the_run_that_training_starts_from(tmp_path):
    """Or its embeddings would be lost."""
    first = make(tmp_path, {"source": {"tokenizer": "bytes"}, "target": {"tokenizer": "bytes"}})
    recipe = {"task": {"name": "pairs", "train": str(tmp_path / "pairs.tsv"), "held_out": 2}}
    automatic = {side: {"tokenizer": "auto"} for side in ("source", "target")}
    second = train(
        recipe, [SMALL, automatic, {"training": {"initial_run": str(first.folder)}}], output=tmp_path / "second"
    )
    assert (first.config.source, first.config.target) == (second.config.source, second.config.target)


@given(epochs=some.floats(0.1, 50), per_epoch=some.floats(0.01, 10_000))
def test_epochs_decide_the_number_of_updates(epochs, per_epoch):
    """They are the smallest number of updates that see each pair so often, whatever the steps are."""
    steps = with_amount(TrainingConfig(epochs=epochs, steps=7), per_epoch).steps
    assert steps - 1 < epochs * per_epoch <= steps


@pytest.mark.parametrize(
    ("pairs", "steps"),
    [(1, 4_000), (500, 4_000), (8_000, 5_000), (100_000, 62_500), (200_000, 80_000), (1_000_000, 156_250)],
)
def test_without_a_number_the_updates_follow_the_pairs(pairs, steps):
    """20 epochs of 8,000 pairs, more of few pairs, fewer of many, but never less than 5."""
    settled = with_amount(TrainingConfig(steps=0, validate_every=0, batch_size=32), pairs / 32)
    assert (steps, steps // 20, 0) == (settled.steps, settled.validate_every, settled.epochs)


def test_settings_that_leave_nothing_open_stay_as_they_are():
    """Even for a task whose examples never end."""
    config = TrainingConfig()
    assert config == with_amount(config, None) == with_amount(config, 3.0)


@pytest.mark.parametrize("amount", [{"steps": 0}, {"epochs": 2.0}])
def test_endless_examples_need_a_number_of_updates(amount, tmp_path):
    """A task that generates its pairs has no size that they could follow."""
    with pytest.raises(ConfigError, match=r"never end: set training\.steps"):
        train({"task": "reverse"}, [SMALL, {"training": amount}], output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_later_steps_override_earlier_epochs():
    """So that a recipe with epochs can be tried with a few steps; epochs in the same place count."""
    plugins = Plugins()
    recipe = {"task": "reverse", "training": {"epochs": 3.0}}
    assert 0 == resolve([recipe, {"training": {"steps": 10}}], plugins).training.epochs
    both = resolve([recipe, {"training": {"steps": 10, "epochs": 2.0}}], plugins).training
    assert (10, 2.0) == (both.steps, both.epochs)


def test_batches_by_tokens_count_pairs_too(tmp_path):
    """So many updates that two epochs' ids fit into them."""
    run = make(tmp_path, {"training": {"batch_size": 54, "batch_tokens": 40, "bucket_batches": 1, "epochs": 2.0}})
    sizes = [len(source) + len(target.split()) + 2 for source, target in run.splits.train(None)]
    assert math.ceil(2 * sum(sizes) / 40) <= run.config.training.steps
