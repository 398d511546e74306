"""Chooses the tokenizer that suits texts, for the setting ``tokenizer = "auto"``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from s2s_core.text.survey import TextSurvey

MOST_WORDS = 1_000
MOST_UNSEEN = 0.02
"""Words are tokens if they are few, and hardly any word of a further text is expected to be new."""

SENTENCE = 8
"""Texts whose median length is at least so many words are sentences."""

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
    """Chooses by the first rule that applies.

    1. Fewer than half of the texts have spaces: ``characters``.
    2. The texts have at most ``MOST_WORDS`` different words, and at most ``MOST_UNSEEN`` of the words of further texts
       are expected to be new, as with phones and commands: ``words``.
    3. The median length is below ``SENTENCE`` words, as with names and dates: ``characters``.
    4. All others are sentences: ``bpe``, with half as many tokens as there are different words.
    """
    if survey.with_spaces < 0.5:
        return TokenizerChoice("characters", {}, f"{survey.with_spaces:.0%} of the texts have spaces")
    if survey.distinct_words <= MOST_WORDS and survey.words_seen_once <= MOST_UNSEEN:
        return TokenizerChoice("words", {}, f"the texts consist of only {survey.distinct_words:,} different words")
    if survey.median_words < SENTENCE:
        reason = f"the texts are short and have {survey.distinct_words:,} different words"
        return TokenizerChoice("characters", {}, reason)
    size = min(max(survey.distinct_words // 2, FEWEST_SUBWORDS), MOST_SUBWORDS)
    return TokenizerChoice("bpe", {"vocabulary_size": size}, f"the median text has {survey.median_words} words")
