"""Surveys texts: counts their characters and words, from which follows which tokenizer suits them."""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Self

import attrs

MOST_TEXTS = 10_000
"""The maximum number of texts that are counted, the first ones; more would take long and hardly change a share."""

LONG = 50
"""The number of characters above which texts are long, as sentences are."""

LONG_WORD = 20
"""The number of characters above which a text without spaces is hardly a single word."""

MOST_SYMBOLS = 200
"""The maximum number of different words of a closed set, such as phones or the words of commands."""

LEAST_REPEATS = 10
"""How often each word of a closed set occurs at least, on average."""

LARGEST_DECOMPOSED = 1 / 2
"""The share of different characters that decomposing them (NFD) leaves at most, for it to be worthwhile."""

LONGEST_SYMBOLS = 3.0
"""The mean number of characters of symbols, such as phones, is at most this; that of most languages' words is above."""


@attrs.frozen
class TextSurvey:
    """Counts of texts. A word is what stands between spaces (U+0020), as for the tokenizer ``words``.

    If there are no texts, everything is 0.

    Attributes:
        texts: The number of texts.
        with_spaces: The share of the texts that have a space, from 0 to 1.
        median_characters: The median number of characters of a text; of two middle ones, the lower.
        median_words: The median number of words of a text, in the same way.
        distinct_characters: The number of different characters, spaces included.
        distinct_decomposed: The same after Unicode's canonical decomposition (NFD), which splits letters from their
            accents and Hangul syllables into their letters.
        recomposable: The share of the texts that decomposing and composing again (NFC) leaves as they are.
        words: The number of words, repeated ones included.
        distinct_words: The number of different words.
        words_seen_once: The number of words that occur once, divided by ``words``. It estimates the share of words in
            further texts that these texts lack (Good 1953, "The population frequencies of species and the estimation
            of population parameters").
        characters_per_word: The mean number of characters of a word, each occurrence counted.
    """

    texts: int
    with_spaces: float
    median_characters: int
    median_words: int
    distinct_characters: int
    distinct_decomposed: int
    recomposable: float
    words: int
    distinct_words: int
    words_seen_once: float
    characters_per_word: float

    @classmethod
    def of(cls, texts: Iterable[str], most: int = MOST_TEXTS) -> Self:
        """Counts the first ``most`` texts, which need not be in memory."""
        characters, words = Counter[str](), Counter[str]()
        lengths: list[int] = []
        counts: list[int] = []
        with_spaces = recomposable = 0
        for text in itertools.islice(texts, most):
            own = [word for word in text.split(" ") if word]
            characters.update(text)
            words.update(own)
            lengths.append(len(text))
            counts.append(len(own))
            with_spaces += " " in text
            recomposable += unicodedata.is_normalized("NFC", text)
        return cls(
            texts=len(lengths),
            with_spaces=with_spaces / max(len(lengths), 1),
            median_characters=_median(lengths),
            median_words=_median(counts),
            distinct_characters=len(characters),
            distinct_decomposed=len(set(unicodedata.normalize("NFD", "".join(characters)))),
            recomposable=recomposable / max(len(lengths), 1),
            words=words.total(),
            distinct_words=len(words),
            words_seen_once=sum(count == 1 for count in words.values()) / max(words.total(), 1),
            characters_per_word=(characters.total() - characters[" "]) / max(words.total(), 1),
        )

    @property
    def is_long(self) -> bool:
        """Whether half of the texts have more than ``LONG`` characters."""
        return self.median_characters > LONG

    @property
    def is_spaced(self) -> bool:
        """Whether half of the texts have a space."""
        return self.with_spaces >= 1 / 2

    @property
    def is_unspaced(self) -> bool:
        """Whether no text has a space, though half of them have more than ``LONG_WORD`` characters."""
        return not self.with_spaces and self.median_characters > LONG_WORD

    @property
    def is_closed(self) -> bool:
        """Whether the words are few and each occurs often, as those of commands do."""
        return 0 < self.distinct_words <= MOST_SYMBOLS and self.words >= LEAST_REPEATS * self.distinct_words

    @property
    def is_composed(self) -> bool:
        """Whether decomposing the characters leaves so few that each occurs far more often, and can be undone."""
        few = 0 < self.distinct_decomposed <= LARGEST_DECOMPOSED * self.distinct_characters
        return few and self.recomposable == 1

    @property
    def is_symbols(self) -> bool:
        """Whether the texts are few, short symbols that are separated by spaces and often repeated, such as phones."""
        return self.is_spaced and self.is_closed and self.characters_per_word <= LONGEST_SYMBOLS


def _median(numbers: list[int]) -> int:
    return sorted(numbers)[(len(numbers) - 1) // 2] if numbers else 0
