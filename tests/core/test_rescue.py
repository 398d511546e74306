"""Lines that are too long, or need too much memory, cost no other line its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.cli.rescue import Rescue
from s2s_core.errors import DataError
from s2s_core.runtime.file import load
from s2s_core.runtime.memory import affordable_memory


def asking(capacity):
    """Returns a model with room for so many characters, padding included, as a rectangle of all sources has it."""

    def ask(batch):
        if len(batch) * max(map(len, batch)) > capacity:
            raise MemoryError("no room")
        return [text.upper() for text in batch]

    return ask


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=4), st.integers(1, 20), st.integers(0, 12))
def test_every_line_that_can_be_answered_is(batches, capacity, longest):
    """In order, whatever the batches, the room and the limit; the others are empty, and counted."""
    rescue = Rescue(asking(capacity), longest)
    sources = [["a" * length for length in lengths] for lengths in batches]
    answers = [rescue(batch) for batch in sources]
    allowed = min(capacity, longest or capacity)
    assert answers == [[text.upper() if len(text) <= allowed else "" for text in batch] for batch in sources]
    lost = sum(len(text) > allowed for batch in sources for text in batch)
    if not lost:
        rescue.require_all_answered()
        return
    with pytest.raises(DataError, match=rf"^{lost} lines? of {sum(map(len, sources))} without an answer$"):
        rescue.require_all_answered()


def test_lines_without_an_answer_are_named(capsys):
    """By their number in the file, whatever the batch, with the reason."""
    rescue = Rescue(asking(2000), 1500)
    rescue(["a", "b"])
    rescue(["c", "d" * 3000])
    assert capsys.readouterr().err == (
        "warning: line 4 has 3,000 characters and no answer: that is more than --max-source-length 1,500\n"
    )
    Rescue(asking(2000), 0)(["d" * 3000])
    assert capsys.readouterr().err == "warning: line 1 has 3,000 characters and no answer: no room\n"


def test_memory_is_limited(export_once):
    """A text that needs more is refused rather than let the system kill the process; the next one is answered."""
    path = export_once("characters").path
    limited, free = load(path, memory=30_000_000), load(path)
    assert limited(["abc"]) == free(["abc"])
    with pytest.raises(MemoryError, match=r"needs more memory than there is for it$"):
        limited(["ab" * 500_000])
    assert limited(["abc"]) == free(["abc"])
    assert 0 < affordable_memory() < 1 << 50
