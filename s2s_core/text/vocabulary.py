"""Which token has which id."""

from collections.abc import Iterable

PAD, BOS, EOS, UNK = range(4)
"""The ids of padding, of the begin and the end of a sequence, and of every token that the vocabulary lacks."""

SPECIALS = 4
"""How many ids come before the first token's."""

UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"
"""How ``UNK`` reads in an answer."""


class Vocabulary:
    """The tokens of a tokenizer, in the order of their ids.

    The special ids have no token of their own, so no text can be mistaken for one of them.

    Args:
        tokens: Distinct and not empty; the first gets the id ``SPECIALS``.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = tuple(tokens)
        if not all(isinstance(token, str) for token in self._tokens):
            raise TypeError("a vocabulary's tokens are texts")
        self._ids = {token: number for number, token in enumerate(self._tokens, SPECIALS)}
        if "" in self._ids or len(self._ids) != len(self._tokens):
            raise ValueError("a vocabulary's tokens are distinct and not empty")

    def __len__(self) -> int:
        """Returns the number of ids, special ones included."""
        return SPECIALS + len(self._tokens)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens alone, without the special ids."""
        return self._tokens

    @property
    def surfaces(self) -> tuple[str, ...]:
        """What each id reads as in an answer."""
        return ("", "", "", UNKNOWN_TEXT, *self._tokens)

    def id_of(self, token: str) -> int:
        """Returns the token's id, or ``UNK``."""
        return self._ids.get(token, UNK)

    def ids_of(self, tokens: Iterable[str]) -> list[int]:
        """Returns the tokens' ids, with ``UNK`` for each that is unknown."""
        find = self._ids.get
        return [find(token, UNK) for token in tokens]
