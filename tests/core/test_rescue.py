"""Lines that are too long, or need too much memory, cost no other line its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.cli.rescue import Rescue
from s2s_core.errors import DataError
from s2s_core.pipeline.evaluate import Answering
from s2s_core.runtime import memory
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


def test_a_file_is_scored_within_its_memory(export_once):
    """On sources that don't fit together; one that doesn't fit alone is told."""
    path = export_once("characters").path
    limited, free = Answering(load(path, memory=30_000_000)), Answering(load(path))
    texts = ["ab" * 1000, "abc"] * 100
    with pytest.raises(MemoryError):
        load(path, memory=30_000_000)(texts)
    assert limited(texts) == free(texts)
    with pytest.raises(DataError, match=r"needs more memory than there is for it: a source has 1,000,000 characters"):
        limited(["abc", "ab" * 500_000])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"meminfo": "MemTotal: 9 kB\nMemAvailable:    1000 kB\n"}, 0.8 * 1000 * 1024),
        ({"meminfo": "MemAvailable: 1000 kB\n", "memory.max": "max\n"}, 0.8 * 1000 * 1024),
        (
            {
                "meminfo": "MemAvailable: 1000 kB\n",
                "memory.max": "5000",
                "memory.current": "4500",
                "memory.stat": "a 1\n",
            },
            0.8 * 500,
        ),
        (
            {
                "meminfo": "MemAvailable: 1000 kB\n",
                "memory.max": "5000",
                "memory.current": "5000",
                "memory.stat": "anon 9\ninactive_file 1000\n",
            },
            0.8 * 1000,
        ),
        (
            {"meminfo": "MemAvailable: 1 kB\n", "memory.max": "5", "memory.current": "9", "memory.stat": "a 1\n"},
            1,
        ),
    ],
)
def test_free_memory_is_what_the_system_tells(tmp_path, monkeypatch, files, expected):
    """Of the machine and of a container, whose cached files count as free; it is never none."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    assert affordable_memory() == int(expected)


def test_thousands_of_lines_are_answered_in_parts():
    """By ever smaller batches, and no more of them than it takes."""
    calls = []

    def ask(batch):
        calls.append(len(batch))
        if len(batch) > 500:
            raise MemoryError
        return batch

    texts = [str(number) for number in range(3000)]
    assert Rescue(ask, 0)(texts) == texts
    assert len(calls) < 20
