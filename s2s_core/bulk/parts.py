"""Answers a batch in parts where there isn't enough memory for all of it."""

from collections.abc import Callable, Sequence


def in_parts(ask: Callable[[list[str]], list[str]], texts: Sequence[str]) -> list[str | MemoryError]:
    """Returns the answers to texts; where they need too much memory, to one half of them after the other.

    Args:
        ask: Returns the answers to a batch, or raises ``MemoryError``.
        texts: Any number of texts. One that needs too much memory alone has that error instead of an answer.
    """
    if not texts:
        return []
    try:
        return [*ask([*texts])]
    except MemoryError as error:
        if len(texts) == 1:
            return [error]
        middle = len(texts) // 2
        return [*in_parts(ask, texts[:middle]), *in_parts(ask, texts[middle:])]
