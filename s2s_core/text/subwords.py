"""What the tokenizers of subwords share: where words begin, which characters are known, and a store of words."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import attrs

from s2s_core.config.fields import BadValueError, at_least, between, setting
from s2s_core.text.normalization import NormalizationConfig, Normalizer
from s2s_core.text.tokenizer import Tokenizer, require_frequent
from s2s_core.text.vocabulary import UNK, Vocabulary

UNKNOWN = "  "
"""How the library calls the unknown token: two spaces are in no word."""

MOST_WORDS = 200_000
"""How many words' ids are remembered."""

LONGEST_WORD = 40
"""How many characters a word may have whose ids are remembered."""

_words = re.compile(" [^ ]*|[^ ]+").findall


@attrs.frozen
class SubwordsConfig(NormalizationConfig):
    """What can be set of a tokenizer of subwords."""

    vocabulary_size: int = setting(8000, "most tokens, single characters among them", between(1, 1_000_000))
    minimum_count: int = setting(1, "how often a character must occur in the training texts to be known", at_least(1))


class Subwords(Tokenizer):
    """Cuts words into tokens that were learnt, by a model of the library ``tokenizers``.

    A space begins a word, so that a token has none but as its first character. Joined, the tokens are the text again.
    """

    Config: ClassVar[type] = SubwordsConfig

    def __init__(self, config: Any, vocabulary: Vocabulary) -> None:
        super().__init__(config, vocabulary)
        self._known: dict[str, list[int]] = {}
        self._model: Any = None

    def make_model(self) -> Any:
        """Makes the library's model, with ``UNKNOWN`` as number 0 and the vocabulary's tokens from 1 on."""
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Returns a text's ids; see ``Tokenizer.encode``."""
        return self._encode(self.normalize(text))

    def split(self, text: str) -> list[str]:
        """Returns the tokens; each unknown character is one, too."""
        surfaces = self.vocabulary.surfaces
        tokens: list[str] = []
        position = 0
        for number in self._encode(text):
            tokens.append(text[position] if number == UNK else surfaces[number])
            position += len(tokens[-1])
        return tokens

    def _encode(self, text: str) -> list[int]:
        known = self._known
        ids: list[int] = []
        for word in _words(text):
            found = known.get(word)
            ids += self._encode_word(word) if found is None else found
        return ids

    def _encode_word(self, word: str) -> list[int]:
        if self._model is None:
            self._model = self.make_model()
        ids: list[int] = []
        for token in self._model.tokenize(word):
            # A row of unknown characters may come as one token. It's given by its bytes.
            count = 1 if token.id else len(word.encode()[slice(*token.offsets)].decode())
            ids += [token.id + UNK] * count
        if len(word) <= LONGEST_WORD and len(self._known) < MOST_WORDS:
            self._known[word] = ids
        return ids


def characters(config: SubwordsConfig, texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns the characters that occur often enough, and the others, each sorted; a space is always known.

    Raises:
        BadValueError: None occurs often enough, or more than the vocabulary may have.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    require_frequent(
        {character: count for character, count in counts.items() if character != " "}, config.minimum_count
    )
    known = sorted(
        character for character, count in counts.items() if count >= config.minimum_count or character == " "
    )
    if len(known) > config.vocabulary_size:
        expected = f"at least {len(known)}, the number of characters to know; or raise minimum_count"
        raise BadValueError("vocabulary_size", expected, config.vocabulary_size)
    return known, sorted(counts.keys() - set(known))


def normalized(config: SubwordsConfig, texts: Iterable[str]) -> Iterator[str]:
    """Yields the texts as they are encoded."""
    return map(Normalizer(config), texts)


def learn(model: Any, trainer: Any, texts: Iterable[str], unknown: Sequence[str]) -> dict[str, Any]:
    """Trains a model of the library on words without unknown characters, and returns what the library saves of it."""
    import tokenizers  # noqa: PLC0415  # s2s starts without it

    pattern = " [^ ]*|[^ ]+"
    if unknown:
        mark = unknown[0]  # stands for all of them, and belongs to no word
        table = dict.fromkeys(map(ord, unknown), mark)
        texts = (text.translate(table) for text in texts)
        pattern = pattern.replace("[^ ", rf"[^ \x{{{ord(mark):X}}}")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "removed", invert=True)
    tokenizer.train_from_iterator(texts, trainer)
    learnt: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return learnt
