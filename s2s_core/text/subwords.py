"""The base of subword tokenizers: splitting into words, the alphabet, training, and a cache of words."""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import attrs

from s2s_core.config.fields import BadValueError, at_least, between, setting
from s2s_core.config.normalization import NormalizationConfig
from s2s_core.text import tags
from s2s_core.text.nodes import Op, Value
from s2s_core.text.normalization import Normalizer
from s2s_core.text.tokenizer import Tokenizer, require_frequent
from s2s_core.text.vocabulary import UNK, Vocabulary

UNKNOWN = "  "
"""The library's name for the unknown token; no word contains two spaces, so no token can have the same text."""

MOST_WORDS = 200_000
"""The maximum number of words whose ids are cached, which bounds the memory."""

LONGEST_WORD = 40
"""The maximum number of characters of a word whose ids are cached, which bounds the memory as well."""

_WORD = " [^ ]*|[^ ]+"
_words = re.compile(_WORD).findall


@attrs.frozen
class SubwordsConfig(NormalizationConfig):
    """The settings of a subword tokenizer."""

    vocabulary_size: int = setting(8000, "maximum number of tokens, single characters included", between(1, 1_000_000))
    minimum_count: int = setting(
        1, "minimum count of a character in the training texts; rarer ones are unknown", at_least(1)
    )


class Subwords(Tokenizer):
    """Splits words into learnt tokens, with a model of the library ``tokenizers``.

    A space begins a word, so that a token can contain a space only as its first character. The concatenated tokens are
    the text again.
    """

    Config: ClassVar[type] = SubwordsConfig

    def __init__(self, config: Any, vocabulary: Vocabulary) -> None:
        super().__init__(config, vocabulary)
        self._ids_of_words: dict[str, list[int]] = {}
        self._model: Any = None

    def make_model(self) -> Any:
        """Returns the library's model, in which ``UNKNOWN`` is number 0 and the vocabulary's tokens start at 1."""
        raise NotImplementedError

    @functools.cached_property
    def subwords(self) -> Sequence[str]:
        """The tokens of the vocabulary that the model knows, which come first; tags follow."""
        return [token for token in self.vocabulary.tokens if not (self.has_tags and tags.is_tag(token))]

    def split(self, text: str) -> list[str]:
        """Returns the tokens; each unknown character is a token too."""
        surfaces = self.vocabulary.surfaces
        tokens: list[str] = []
        position = 0
        for number in self.ids(text):
            tokens.append(text[position] if number == UNK else surfaces[number])
            position += len(tokens[-1])
        return tokens

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that do what ``split`` does: a token is its id's text, or the character that is unknown."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        ids, tokens = self.onnx_ids(op, texts), self.vocabulary.tokens
        sizes = op.Gather(onnx_text.numbers(op, [0, 0, 0, 1, *map(len, tokens)]), ids)  # [N, S]
        characters = onnx_text.column(op, onnx_text.characters(op, texts), onnx_text.strings(op, [""]))
        first = op.GatherElements(characters, op.CumSum(sizes, 1, exclusive=1), axis=1)
        return op.Where(op.Equal(ids, UNK), first, op.Gather(onnx_text.strings(op, ["", "", "", "", *tokens]), ids))

    def ids(self, text: str) -> list[int]:
        """Returns the ids of a normalised text without tags; see ``Tokenizer.ids``."""
        remembered = self._ids_of_words
        ids: list[int] = []
        for word in _words(text):
            ids_of_word = remembered.get(word)
            ids += self._encode_word(word) if ids_of_word is None else ids_of_word
        return ids

    def _encode_word(self, word: str) -> list[int]:
        if self._model is None:
            self._model = self.make_model()
        ids: list[int] = []
        for token in self._model.tokenize(word):
            # A run of unknown characters may come as one token, whose offsets count bytes.
            count = 1 if token.id else len(word.encode()[slice(*token.offsets)].decode())
            ids += [token.id + UNK] * count
        if len(word) <= LONGEST_WORD and len(self._ids_of_words) < MOST_WORDS:
            self._ids_of_words[word] = ids
        return ids


def characters(config: SubwordsConfig, texts: Iterable[str], room: int) -> tuple[list[str], list[str]]:
    """Returns the characters that occur often enough, which always include the space, and the others, both sorted.

    Args:
        config: The tokenizer's settings.
        texts: The training texts, normalised and without tags.
        room: The maximum number of characters.

    Raises:
        BadValueError: No character occurs often enough, or more do than there is room for.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    require_frequent(
        {character: count for character, count in counts.items() if character != " "}, config.minimum_count
    )
    frequent = sorted(
        character for character, count in counts.items() if count >= config.minimum_count or character == " "
    )
    if len(frequent) > room:
        tag_count = config.vocabulary_size - room
        what = "characters and tags" if tag_count else "characters"
        expected = f"at least {len(frequent) + tag_count}, the number of {what} to include; or raise minimum_count"
        raise BadValueError("vocabulary_size", expected, config.vocabulary_size)
    return frequent, sorted(counts.keys() - set(frequent))


def frequent_tags(config: SubwordsConfig, texts: Iterable[str]) -> list[str]:
    """Returns the tags that occur often enough in texts, sorted; none if tags are text like any other."""
    if not config.tags:
        return []
    counts = Counter(tag for text in map(Normalizer(config), texts) for tag in tags.pieces(text)[1::2])
    return sorted(tag for tag, count in counts.items() if count >= config.minimum_count)


def normalized(config: SubwordsConfig, texts: Iterable[str]) -> Iterator[str]:
    """Yields the normalised texts, or what stands between their tags."""
    for text in map(Normalizer(config), texts):
        yield from tags.pieces(text)[::2] if config.tags else [text]


def learn(
    config: SubwordsConfig, texts: Iterable[str], model: Any, trainer: Any, room: int
) -> tuple[list[str], dict[str, Any]]:
    """Trains a model of the library on the words of texts, without the characters that are too rare.

    Args:
        config: The tokenizer's settings.
        texts: The training texts, which can be iterated more than once.
        model: An untrained model of the library.
        trainer: The library's trainer for it.
        room: The maximum number of tokens.

    Returns:
        The alphabet, and the library's serialisation of the trained model, which is empty if the alphabet is.

    Raises:
        BadValueError: No character occurs often enough, or more do than there is room for.
    """
    alphabet, rare = characters(config, normalized(config, texts), room)
    return alphabet, _trained(model, trainer, normalized(config, texts), rare) if alphabet else {}


def _trained(model: Any, trainer: Any, texts: Iterable[str], rare: Sequence[str]) -> dict[str, Any]:
    import tokenizers  # noqa: PLC0415  # s2s starts without it

    pattern = _WORD
    if rare:
        mark = rare[0]  # stands for all rare characters, and belongs to no word
        table = dict.fromkeys(map(ord, rare), mark)
        texts = (text.translate(table) for text in texts)
        pattern = pattern.replace("[^ ", rf"[^ \x{{{ord(mark):X}}}")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "removed", invert=True)
    tokenizer.train_from_iterator(texts, trainer)
    serialized: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return serialized
