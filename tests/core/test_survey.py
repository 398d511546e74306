"""A survey counts the characters and words of texts."""

import itertools

import attrs

from s2s_core.text.survey import MOST_TEXTS, TextSurvey


def test_what_a_survey_counts():
    """Counted by hand: shares, medians, different characters and words, and words seen once."""
    survey = TextSurvey.of(["a cat", "a dog", "ant"])
    assert survey == TextSurvey(
        texts=3,
        with_spaces=2 / 3,
        median_characters=5,
        median_words=2,
        distinct_characters=8,  # a, c, t, d, o, g, n and the space
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
    assert TextSurvey.of(["", " "]) == TextSurvey(2, 1 / 2, 0, 0, 1, 0, 0, 0.0, 0.0)


def test_only_the_first_texts_count():
    """A survey of an endless stream ends."""
    survey = TextSurvey.of(map(str, itertools.count()))
    assert (survey.texts, survey.distinct_words) == (MOST_TEXTS, MOST_TEXTS)
    assert TextSurvey.of(["a", "bb"], most=1) == TextSurvey.of(["a"])


def test_a_survey_does_not_depend_on_chance():
    """The same texts give the same counts, in whatever order."""
    texts = ["you", "and you", "and I"]
    assert len({TextSurvey.of(order) for order in itertools.permutations(texts)}) == 1
