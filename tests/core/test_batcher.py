"""Texts of several requests are answered together, and what happens to one of them is no other's concern."""

import asyncio
import threading

import numpy as np
import pytest

from s2s_core.errors import ModelError
from s2s_core.runtime.file import Answers
from s2s_core.serving.batcher import Batcher
from s2s_core.serving.limits import Limits
from s2s_core.serving.query import Query
from s2s_core.serving.request_error import RequestError


class Upper:
    """Answers in upper case, notes each batch, and waits while it is told to. Some texts are errors."""

    def __init__(self):
        self.batches = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.stops = []

    def answers(self, texts, *, stop, prefix=None, **search):
        self.batches.append((texts, prefix, search))
        self.stops.append(stop)
        while not self.may_go.wait(0.001):
            if stop.options.terminate:
                raise ModelError("stopped")
        for text, error in ERRORS.items():
            if text in texts:
                raise error
        hypotheses = [[first + text.upper()] for first, text in zip(prefix or [""] * len(texts), texts, strict=True)]
        return Answers(np.array(hypotheses, object), np.zeros((len(texts), 1), np.float32))


ERRORS = {"huge": MemoryError("no room"), "odd": ModelError("it can't"), "bug": ZeroDivisionError("a bug")}


@pytest.fixture
def model():
    return Upper()


@pytest.fixture
def run(model):
    """Runs a test with a batcher of limits, and closes it."""

    def with_limits(test, **limits):
        async def inside():
            batcher = Batcher(model, Limits(**limits), lambda *_: None)
            async with asyncio.timeout(60):
                result = await test(batcher)
                await batcher.close()
            return result

        return asyncio.run(inside())

    return with_limits


async def gathered(batcher, *queries):
    """Returns the best answers to each of several queries at once, or its error."""
    found = await asyncio.gather(*map(batcher.answers, queries), return_exceptions=True)
    return [one if isinstance(one, Exception) else [answer.hypotheses[0] for answer in one] for one in found]


def test_queries_are_answered_in_one_batch(model, run):
    """Each gets its own answers, in order."""
    answers = run(lambda batcher: gathered(batcher, Query(["a", "b"]), Query([]), Query(["c"])), wait=5.0, batch_size=3)
    assert answers == [["A", "B"], [], ["C"]]
    assert [texts for texts, _, _ in model.batches] == [["a", "b", "c"]]


def test_a_large_query_is_answered_in_parts(model, run):
    """None is larger than a batch may be."""
    (answers,) = run(lambda batcher: gathered(batcher, Query(list("abcde"))), batch_size=2)
    assert answers == list("ABCDE")
    assert [len(texts) for texts, _, _ in model.batches] == [2, 2, 1]


def test_other_settings_are_another_batch(model, run):
    """So are prefixes beside none; prefixes may differ within a batch."""
    queries = [
        Query(["a"], search={"beam_size": 2}),
        Query(["b"]),
        Query(["c"], ["x"]),
        Query(["d"], ["y"]),
        Query(["e"], search={"beam_size": 2}),
    ]
    answers = run(lambda batcher: gathered(batcher, *queries))
    assert answers == [["A"], ["B"], ["xC"], ["yD"], ["E"]]
    assert model.batches == [
        (["a", "e"], None, {"beam_size": 2}),
        (["b"], None, {}),
        (["c", "d"], ["x", "y"], {}),
    ]


@pytest.mark.parametrize("text", ERRORS)
def test_a_text_that_fails_fails_alone(run, text):
    """The others of its batch are answered."""
    queries = [Query(["a", "b"]), Query(["c", text]), Query(["d"])]
    first, error, last = run(lambda batcher: gathered(batcher, *queries))
    assert (first, last) == (["A", "B"], ["D"])
    if text == "bug":
        assert isinstance(error, ZeroDivisionError)
    else:
        assert isinstance(error, RequestError)
        assert (str(error), error.status) == {
            "huge": ("text 1 of 4 characters needs more memory than there is", 400),
            "odd": ("the model can't answer text 1", 422),
        }[text]


def test_a_full_queue_refuses(model, run):
    """What it holds is answered all the same, and then there is room again."""

    async def test(batcher):
        model.may_go.clear()
        held = asyncio.ensure_future(gathered(batcher, Query(["a", "b"])))
        await asyncio.sleep(0.05)
        with pytest.raises(RequestError) as refused:
            await batcher.answers(Query(["c", "d"]))
        model.may_go.set()
        return refused.value, await held, await gathered(batcher, Query(["c", "d"]))

    error, held, later = run(test, queue=3)
    assert (error.status, error.headers) == (503, {"Retry-After": "1"})
    assert (held, later) == ([["A", "B"]], [["C", "D"]])


def test_what_nobody_waits_for_is_not_computed(model, run):
    """A batch is stopped when the last who waits for it is gone; what still waits in the queue is left out."""

    async def test(batcher):
        model.may_go.clear()
        computed = asyncio.ensure_future(gathered(batcher, Query(["a"])))
        await asyncio.sleep(0.05)
        queued, kept = (asyncio.ensure_future(gathered(batcher, Query([text]))) for text in "bc")
        await asyncio.sleep(0.05)
        queued.cancel()
        computed.cancel()
        await asyncio.sleep(0.05)
        model.may_go.set()
        return await kept, batcher.pending

    assert run(test) == ([["C"]], 0)
    assert [texts for texts, _, _ in model.batches] == [["a"], ["c"]]
    assert [stop.options.terminate for stop in model.stops] == [True, False]


def test_closing_waits_for_all_answers(run):
    """None is lost."""

    async def test(batcher):
        held = asyncio.ensure_future(gathered(batcher, Query(["a"]), Query(["b"])))
        await asyncio.sleep(0.05)
        await batcher.close()
        return await held

    assert run(test, batch_size=1) == [["A"], ["B"]]
