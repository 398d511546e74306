"""The vocabulary: which token has which id."""

from collections.abc import Iterable

PAD, BOS, EOS, UNK = range(4)
"""The ids of padding, of the beginning and the end of a sequence, and of tokens that the vocabulary lacks."""

SPECIALS = 4
"""The number of special ids, which come before the ids of tokens."""

UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"
"""The text of ``UNK`` in an answer."""


class Vocabulary:
    """The tokens of a tokenizer, in the order of their ids.

    The special ids have no tokens, so that no text can be mistaken for one of them.

    Args:
        tokens: Distinct strings, none of them empty; the first one gets the id ``SPECIALS``.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = tuple(tokens)
        if not all(isinstance(token, str) for token in self._tokens):
            raise TypeError("a vocabulary's tokens must be strings")
        self._ids = {token: number for number, token in enumerate(self._tokens, SPECIALS)}
        if "" in self._ids or len(self._ids) != len(self._tokens):
            raise ValueError("a vocabulary's tokens must be distinct and not empty")

    def __len__(self) -> int:
        """Returns the number of ids, special ids included."""
        return SPECIALS + len(self._tokens)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens, without the special ids."""
        return self._tokens

    @property
    def surfaces(self) -> tuple[str, ...]:
        """The text of each id in an answer."""
        return ("", "", "", UNKNOWN_TEXT, *self._tokens)

    def table(self) -> dict[str, int]:
        """Returns the id of every token, and ``PAD`` for the empty string, which pads rows of tokens in a graph."""
        return {"": PAD} | self._ids

    def id_of(self, token: str) -> int:
        """Returns the token's id, or ``UNK`` if the vocabulary lacks it."""
        return self._ids.get(token, UNK)

    def ids_of(self, tokens: Iterable[str]) -> list[int]:
        """Returns the tokens' ids, ``UNK`` for each token that the vocabulary lacks."""
        find = self._ids.get
        return [find(token, UNK) for token in tokens]
