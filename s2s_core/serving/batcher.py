"""Dynamic batching: the texts of several requests are answered together.

    requests ─► queries ─► items ─► a queue for each way to search ─► batches ─► a thread that runs the model
                             ▲                                                               │
                             └───────────────── the answer, or the error, of each ◄──────────┘

While the thread computes, the next batch gathers. An item that fails is tried without its batch.
"""

import asyncio
import contextlib
import functools
import itertools
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import attrs

from s2s_core.errors import ModelError
from s2s_core.halves import in_halves
from s2s_core.runtime.file import ExportedModel
from s2s_core.runtime.session import Stop
from s2s_core.serving.limits import Limits
from s2s_core.serving.query import Query
from s2s_core.serving.request_error import RequestError


class Answer(NamedTuple):
    """The answers to a text, best first.

    Attributes:
        hypotheses: As many texts as there are beams; the last are empty if fewer were found.
        scores: Their scores; minus infinity where there is none.
        confidence: How probable it is that the best one is right, if the file tells it.
        origin: Where the best one is from, if the file tells it.
    """

    hypotheses: list[str]
    scores: list[float]
    confidence: float | None = None
    origin: str | None = None


@attrs.frozen(eq=False)
class _Item:
    """One text of a query.

    Attributes:
        query: The query.
        number: Of the text.
        arrived: When, by the clock of the event loop.
        answer: Its answer, in the future.
    """

    query: Query
    number: int
    arrived: float
    answer: asyncio.Future[Answer]

    @property
    def text(self) -> str:
        return self.query.texts[self.number]


class Batcher:
    """Gathers texts of queries and answers them with a model, a batch at a time, in a thread of its own.

    It is made in an event loop.

    Args:
        model: The model.
        limits: The size of a batch and of the queue, and how long a text waits.
        measure: Is told how many texts a batch had and how many seconds it took.
    """

    def __init__(self, model: ExportedModel, limits: Limits, measure: Callable[[int, float], None]) -> None:
        self._model, self._limits, self._measure = model, limits, measure
        self._groups: dict[Hashable, deque[_Item]] = {}
        self._computed: Sequence[_Item] = ()
        self._stop = Stop()
        self._arrived, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.pending = 0
        """How many texts have no answer yet."""
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.get_running_loop()
        self._work = self._loop.create_task(self._answer_batches())

    async def answers(self, query: Query) -> list[Answer]:
        """Returns the answer to each text. Whoever stops waiting for it takes the texts out of the queue.

        Raises:
            RequestError: The queue is full, or a text can't be answered.
        """
        if self.pending + len(query.texts) > self._limits.queue:
            raise RequestError("the queue is full; try again later", 503, {"Retry-After": "1"})
        answers = [self._add(query, number) for number in range(len(query.texts))]
        try:
            return await asyncio.gather(*answers)
        finally:
            for answer in answers:
                answer.cancel()

    async def close(self) -> None:
        """Waits until every text is answered, and ends the thread."""
        await self._idle.wait()
        self._work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._work
        self._thread.shutdown(wait=False)

    def _add(self, query: Query, number: int) -> asyncio.Future[Answer]:
        """Puts a text into the queue and returns its answer in the future."""
        answer = self._loop.create_future()
        self._groups.setdefault(query.group, deque()).append(_Item(query, number, self._loop.time(), answer))
        self.pending += 1
        self._idle.clear()
        self._arrived.set()
        answer.add_done_callback(self._settled)
        return answer

    def _settled(self, _: asyncio.Future[Answer]) -> None:
        """Counts an answer that came or is no longer wanted; stops the model if it computes for nobody."""
        self.pending -= 1
        if not self.pending:
            self._idle.set()
        if self._computed and all(item.answer.done() for item in self._computed):
            self._stop()

    async def _answer_batches(self) -> None:
        """Answers one batch after the other, until it is cancelled."""
        while True:
            batch = await self._next_batch()
            self._computed, self._stop = batch, Stop()
            began = time.perf_counter()
            ask = functools.partial(self._ask, self._stop)
            answers = await self._loop.run_in_executor(self._thread, in_halves, ask, batch, (Exception,))
            self._computed = ()
            self._measure(len(batch), time.perf_counter() - began)
            for item, answer in zip(batch, answers, strict=True):
                _settle(item, answer)

    async def _next_batch(self) -> list[_Item]:
        """Waits for texts, and for others that can be answered with the first of them, but not for long."""
        while True:
            while not self._groups:
                await self._more()
            key = min(self._groups, key=lambda group: self._groups[group][0].arrived)
            end = self._groups[key][0].arrived + self._limits.wait
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    while len(self._groups[key]) < self._limits.batch_size and self._loop.time() < end:
                        await self._more()
            if batch := self._taken(key):
                return batch

    async def _more(self) -> None:
        """Waits until a text arrives."""
        self._arrived.clear()
        await self._arrived.wait()

    def _taken(self, key: Hashable) -> list[_Item]:
        """Takes a batch out of a queue, without what nobody waits for any more."""
        group = self._groups[key]
        batch: list[_Item] = []
        while group and len(batch) < self._limits.batch_size:
            item = group.popleft()
            if not item.answer.done():
                batch.append(item)
        if not group:
            del self._groups[key]
        return batch

    def _ask(self, stop: Stop, items: Sequence[_Item]) -> list[Answer]:
        """Computes the answers, in the thread."""
        query = items[0].query
        prefixes = None if query.prefixes is None else [item.query.prefixes[item.number] for item in items]  # type: ignore[index]  # all of a group have prefixes, or none
        found = self._model.answers([item.text for item in items], stop=stop, prefix=prefixes, **query.search)
        nothing = itertools.repeat(None)
        confidence = nothing if found.confidence is None else found.confidence.tolist()
        origin = nothing if found.origin is None else found.origin.tolist()
        return list(map(Answer, found.hypotheses.tolist(), found.scores.tolist(), confidence, origin))


def _settle(item: _Item, answer: Answer | Exception) -> None:
    """Tells who waits for an item its answer, or why there is none."""
    if item.answer.done():
        return
    if isinstance(answer, Answer):
        item.answer.set_result(answer)
    else:
        item.answer.set_exception(_reason(item, answer))


def _reason(item: _Item, error: Exception) -> Exception:
    """Returns what to tell about an error; any other than those that a text may cause is a bug."""
    if isinstance(error, MemoryError):
        return RequestError(f"text {item.number} of {len(item.text):,} characters needs more memory than there is")
    if isinstance(error, ModelError):
        return RequestError(f"the model can't answer text {item.number}", 422)
    return error
