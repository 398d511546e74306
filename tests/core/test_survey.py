"""A survey counts the characters and words of texts."""

import itertools

import attrs
import pytest

from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.survey import MOST_TEXTS, TextSurvey
from s2s_core.text.words import Words


def test_what_a_survey_counts():
    """Counted by hand: shares, medians, different characters and words, and words seen once."""
    survey = TextSurvey.of(["a cat", "a dog", "ant"])
    assert survey == TextSurvey(
        texts=3,
        with_spaces=2 / 3,
        median_characters=5,
        median_words=2,
        distinct_characters=8,  # a, c, t, d, o, g, n and the space
        distinct_decomposed=8,
        recomposable=1.0,
        words=5,
        distinct_words=4,
        words_seen_once=3 / 5,  # cat, dog and ant, of five
        characters_per_word=11 / 5,
    )


def test_words_are_those_of_the_tokenizer_words():
    """Several spaces separate as one does, spaces at the ends separate nothing, and a tab is part of a word."""
    survey = TextSurvey.of(["  one   two ", "three\tfour"])
    assert (survey.words, survey.median_words, survey.with_spaces) == (3, 1, 1 / 2)
    assert survey.characters_per_word == (3 + 3 + 10) / 3


def test_medians_are_those_of_the_lower_middle_text():
    """So that they are whole numbers of an existing text."""
    assert TextSurvey.of(["a", "bbb", "ccccc", "ddddddd"]).median_characters == 3


def test_no_texts_and_empty_texts():
    """Nothing is divided by 0."""
    assert set(attrs.astuple(TextSurvey.of([]))) == {0}
    assert TextSurvey.of(["", " "]) == TextSurvey(2, 1 / 2, 0, 0, 1, 1, 1.0, 0, 0, 0.0, 0.0)


def test_only_the_first_texts_count():
    """A survey of an endless stream ends."""
    survey = TextSurvey.of(map(str, itertools.count()))
    assert (survey.texts, survey.distinct_words) == (MOST_TEXTS, MOST_TEXTS)
    assert TextSurvey.of(["a", "bb"], most=1) == TextSurvey.of(["a"])


def test_a_survey_does_not_depend_on_chance():
    """The same texts give the same counts, in whatever order."""
    texts = ["you", "and you", "and I"]
    assert len({TextSurvey.of(order) for order in itertools.permutations(texts)}) == 1


SENTENCE = "a sentence of {} words that {} and {} have said to a {} more than once"
TEXTS = {
    "names": [f"name{number}" for number in range(50)],
    "phones": ["HH AH L OW", "W ER L D", "OW L D", "HH ER D", "L OW"] * 30,
    "digits": [" ".join(str(number)) for number in range(1000, 1100)],
    "numbers": ["two thousand and nineteen", "nine thousand and seven", "two thousand and seven"] * 20,
    "commands": ["turn left and jump twice after you walk opposite right and look around left thrice"] * 50,
    "sentences": [SENTENCE.format(*(f"{step}-{number % step}" for step in (7, 70, 80, 90))) for number in range(99)],
    "unspaced": [sentence.replace(" ", "") for sentence in ["a long line of text without any space"] * 9],
    "new words": [f"this{number} is{number} new{number}" for number in range(50)],
    "nothing": [],
    "empty": [""] * 9,
}


@pytest.mark.parametrize(
    ("texts", "kind", "better", "reason"),
    [
        ("names", Words, "characters", "100% of their words are seen once, and so most words of new ones are unknown"),
        ("new words", Words, "characters", "100% of their words are seen once, and"),
        ("unspaced", Words, "characters", "none of them has a space, and so each is a single word"),
        ("phones", Characters, "words", "they consist of 7 symbols separated by spaces, and each space is a token too"),
        ("digits", Characters, "words", "they consist of 10 symbols separated by spaces, and each space is"),
        ("commands", Characters, "words", "half of them have more than 50 characters, each of which is a token"),
        ("sentences", Characters, "bpe", "half of them have more than 50 characters, each of which is a token"),
    ],
)
def test_texts_that_do_not_suit_a_tokenizer(texts, kind, better, reason):
    """The finding says why, and which tokenizer suits them better; that one is content."""
    found = kind.misfit(TextSurvey.of(TEXTS[texts]))
    assert found.better == better
    assert found.reason.startswith(reason)
    others = {"words": Words, "characters": Characters, "bpe": BPE}
    assert others[better].misfit(TextSurvey.of(TEXTS[texts])) is None


@pytest.mark.parametrize(
    ("kind", "suited"),
    [
        (Words, ["phones", "digits", "numbers", "commands", "sentences", "nothing", "empty"]),
        (Characters, ["names", "numbers", "unspaced", "new words", "nothing", "empty"]),
        (BPE, TEXTS),
        (Bytes, TEXTS),
    ],
)
def test_texts_that_suit_a_tokenizer(kind, suited):
    """Nothing is found where nothing is clearly wrong."""
    assert [name for name in suited if kind.misfit(TextSurvey.of(TEXTS[name]))] == []


def test_half_of_the_words_seen_once_are_not_yet_too_many():
    """More than half are."""
    half = ["one", "two", "three", "three"]
    assert Words.misfit(TextSurvey.of(half)) is None
    assert Words.misfit(TextSurvey.of([*half, "four"])).reason.startswith("60% of their words are seen once")
