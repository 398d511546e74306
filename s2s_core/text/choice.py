"""Chooses the tokenizer that suits texts, for the setting ``tokenizer = "auto"``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from s2s_core.text.survey import TextSurvey

FEWEST_SUBWORDS, MOST_SUBWORDS = 500, 8_000


class TokenizerChoice(NamedTuple):
    """A tokenizer that suits some texts.

    Attributes:
        name: The tokenizer's name.
        settings: The settings that follow from the texts.
        reason: Why it suits, as a clause.
    """

    name: str
    settings: Mapping[str, Any]
    reason: str


def choose_tokenizer(survey: TextSurvey, *, normalized: bool = False) -> TokenizerChoice:
    """Chooses by the first rule that applies, so that no tokenizer which is chosen is a ``misfit``.

    1. Fewer than half of the texts have a space: ``characters``.
    2. The words are few and each occurs often, as phones and commands do: ``words``.
    3. Fewer than half of the texts are long, as with names and dates: ``characters``.
    4. All others are sentences: ``bpe``, with half as many tokens as there are different words.

    Characters are decomposed (NFD) if that leaves at most half of the different ones, as with Hangul and Vietnamese.

    Args:
        survey: Of training texts.
        normalized: Whether a normalization is set already, which then stays.
    """
    if not survey.is_spaced:
        return _characters(survey, normalized=normalized, because=f"{survey.with_spaces:.0%} of the texts have spaces")
    if survey.is_closed:
        return TokenizerChoice("words", {}, f"the texts consist of only {survey.distinct_words:,} different words")
    if not survey.is_long:
        because = f"the texts are short and have {survey.distinct_words:,} different words"
        return _characters(survey, normalized=normalized, because=because)
    size = min(max(survey.distinct_words // 2, FEWEST_SUBWORDS), MOST_SUBWORDS)
    return TokenizerChoice("bpe", {"vocabulary_size": size}, f"the median text has {survey.median_words} words")


def _characters(survey: TextSurvey, *, normalized: bool, because: str) -> TokenizerChoice:
    """Returns the choice of characters, decomposed or not."""
    if normalized or not survey.is_composed:
        return TokenizerChoice("characters", {}, because)
    counts = f"{survey.distinct_decomposed:,} of {survey.distinct_characters:,} different characters"
    reason = f"{because}; normalization = nfd, as it leaves {counts}"
    return TokenizerChoice("characters", {"normalization": "nfd"}, reason)
