"""Asks for the answers to many texts at once, and where that fails to one half of them after the other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_halves(
    ask: Callable[[Sequence[Item]], Sequence[Answer]],
    items: Sequence[Item],
    errors: tuple[type[Exception], ...] = (MemoryError,),
) -> list[Answer | Exception]:
    """Returns the answer to each item, or the error that it gives when it is alone.

    Args:
        ask: Returns an answer to each of some items, or raises an error.
        items: What is asked for.
        errors: Those that may be the fault of some items only; any other is raised.
    """
    try:
        return list(ask(items)) if items else []
    except errors as error:
        if len(items) == 1:
            return [error]
        middle = len(items) // 2
        return [*in_halves(ask, items[:middle], errors), *in_halves(ask, items[middle:], errors)]
