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


def choose_tokenizer(survey: TextSurvey) -> TokenizerChoice:
    """Chooses by the first rule that applies, so that no tokenizer which is chosen is a ``misfit``.

    1. Fewer than half of the texts have a space: ``characters``.
    2. The words are few and each occurs often, as phones and commands do: ``words``.
    3. Fewer than half of the texts are long, as with names and dates: ``characters``.
    4. All others are sentences: ``bpe``, with half as many tokens as there are different words.
    """
    if not survey.is_spaced:
        return TokenizerChoice("characters", {}, f"{survey.with_spaces:.0%} of the texts have spaces")
    if survey.is_closed:
        return TokenizerChoice("words", {}, f"the texts consist of only {survey.distinct_words:,} different words")
    if not survey.is_long:
        reason = f"the texts are short and have {survey.distinct_words:,} different words"
        return TokenizerChoice("characters", {}, reason)
    size = min(max(survey.distinct_words // 2, FEWEST_SUBWORDS), MOST_SUBWORDS)
    return TokenizerChoice("bpe", {"vocabulary_size": size}, f"the median text has {survey.median_words} words")
