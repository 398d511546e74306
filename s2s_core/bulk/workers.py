"""Answers batches by several threads, in order, whatever the number of threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import attrs

from s2s_core.halves import in_halves

Ask = Callable[[list[str]], list[str]]
"""Returns the answers to a batch; several threads call it at the same time."""

_AHEAD = 2
"""How many batches wait for each thread, so that none waits for the file."""


@attrs.frozen
class Unanswered:
    """Stands for the answer to a text that gets none.

    Attributes:
        reason: Why.
    """

    reason: str


class Workers:
    """Threads that answer batches.

    ONNX Runtime computes outside Python's global lock, so threads use as many cores as processes would, with one model
    in memory.

    Args:
        ask: Returns the answers to a batch, or raises ``MemoryError``.
        count: The number of threads.
        longest: The most characters of a text; 0 sets no limit.
    """

    def __init__(self, ask: Ask, count: int, longest: int = 0) -> None:
        self._ask, self._count, self._longest = ask, count, longest

    def answers(self, batches: Iterable[list[str]]) -> Iterator[tuple[list[str], list[str | Unanswered]]]:
        """Yields each batch with its answers."""
        pool = ThreadPoolExecutor(self._count)
        waiting: deque[tuple[list[str], Future[list[str]]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(self._ask_all, batch)))
                if len(waiting) > _AHEAD * self._count:
                    yield self._first(waiting)
            while waiting:
                yield self._first(waiting)
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask_all(self, batch: list[str]) -> list[str]:
        """Returns the answers to all texts of a batch that aren't too long."""
        short = self._short(batch)
        return self._ask(short) if short else []

    def _first(self, waiting: deque[tuple[list[str], Future[list[str]]]]) -> tuple[list[str], list[str | Unanswered]]:
        """Returns the batch that has waited longest, with its answers.

        If it needs too much memory beside others, it is asked again when they have ended, so that the number of threads
        doesn't decide what is answered.
        """
        batch, answered = waiting.popleft()
        answers: Sequence[str | Exception]
        try:
            answers = answered.result()
        except MemoryError:
            wait([other for _, other in waiting])
            answers = in_halves(lambda part: self._ask([*part]), self._short(batch))
        return batch, self._for_all(batch, answers)

    def _for_all(self, batch: list[str], answers: Sequence[str | Exception]) -> list[str | Unanswered]:
        """Returns what each text of a batch is answered, given the answers to those that aren't too long."""
        left = iter(answers)
        too_long = Unanswered(f"that is more than --max-source-length {self._longest:,}")
        asked = [next(left) if self._fits(text) else too_long for text in batch]
        return [Unanswered(str(answer)) if isinstance(answer, Exception) else answer for answer in asked]

    def _short(self, batch: list[str]) -> list[str]:
        return [text for text in batch if self._fits(text)]

    def _fits(self, text: str) -> bool:
        return not self._longest or len(text) <= self._longest
