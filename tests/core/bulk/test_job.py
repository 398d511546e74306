"""A job answers all rows of a file in order, and an interrupted one ends as if nothing had been."""

import errno
import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.bulk.job import Job, JobInterruptedError
from s2s_core.bulk.journal import Journal
from s2s_core.bulk.json_lines import JSONLines
from s2s_core.bulk.lines import Lines
from s2s_core.bulk.workers import Unanswered, Workers
from s2s_core.data.lines import read_batches
from s2s_core.errors import DataError


class Heard:
    """Remembers the course of a job, and may press Ctrl-C when so many rows are answered."""

    def __init__(self, interrupted_at=None):
        self.interrupted_at, self.said = interrupted_at, []

    def began(self, done, rows):
        self.said.append((done, rows))

    def advanced(self, done):
        if self.interrupted_at is not None and done >= self.interrupted_at:
            raise KeyboardInterrupt

    def unanswered(self, number, characters, reason):
        self.said.append((number, characters, reason))


def upper(batch):
    return [text.upper() for text in batch]


def make_job(folder, *, ask=upper, workers=1, batch_size=3, longest=0, settings=None, course=None):
    """Returns a job that answers ``in.txt``, or ``in.jsonl`` if that is there."""
    source = next(path for path in (folder / "in.jsonl", folder / "in.txt") if path.exists())
    columns = source.suffix == ".jsonl"
    rows = JSONLines(str(source), "text", "answer") if columns else Lines(lambda: read_batches(str(source), 100))
    output = folder / f"out{source.suffix}"
    workers = Workers(ask, workers, longest)
    return Job(rows, source, output, workers, batch_size, settings or {}, course or Heard())


def write_lines(folder, count=10):
    (folder / "in.txt").write_text("".join(f"text {number}\n" for number in range(count)))


@given(
    count=st.integers(0, 20),
    interruptions=st.lists(st.integers(0, 20), max_size=3),
    batch_size=st.integers(1, 5),
    workers=st.integers(1, 3),
    columns=st.booleans(),
)
def test_an_interrupted_job_ends_as_an_uninterrupted_one(
    tmp_path_factory, count, interruptions, batch_size, workers, columns
):
    """Byte for byte, whatever the number of threads, and however often it is interrupted."""
    folder = tmp_path_factory.mktemp("job")
    texts = [f"text {number} ä\u2028" for number in range(count)]
    if columns:
        (folder / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        (folder / "in.txt").write_text("".join(text + "\n" for text in texts))
    for place in interruptions:
        job = make_job(folder, batch_size=batch_size, workers=workers, course=Heard(place))
        job.output.unlink(missing_ok=True)
        try:
            job.run(resume=True)
        except JobInterruptedError:
            assert not job.output.exists()
    job = make_job(folder, batch_size=batch_size, workers=workers)
    job.run(resume=True)
    lines = job.output.read_text().splitlines() if not columns else job.output.read_text().split("\n")[:-1]
    answers = [json.loads(line)["answer"] for line in lines] if columns else job.output.read_text().split("\n")[:-1]
    assert answers == upper(texts)
    assert sorted(path.name for path in folder.iterdir()) == sorted({job.source.name, job.output.name})


def test_an_interruption_tells_what_was_kept(tmp_path):
    """And the rest alone is answered after it."""
    write_lines(tmp_path)
    with pytest.raises(JobInterruptedError) as error:
        make_job(tmp_path, course=Heard(6)).run()
    part = tmp_path / "out.txt.part"
    assert str(error.value) == f"interrupted after 6 of 10 rows, which {part} holds: --resume goes on"
    assert error.value.exit_code == 130
    asked, course = [], Heard()
    make_job(tmp_path, ask=lambda batch: asked.extend(batch) or upper(batch), course=course).run(resume=True)
    assert asked == ["text 6", "text 7", "text 8", "text 9"]
    assert course.said == [(6, 10)]


@pytest.mark.parametrize("end", [b'"TEX', b"\0\0\0\0\n", b'"TEXT 6"\n', b"{]\n", b"5\n" * 3, b"[" * 5000 + b"\n"])
def test_what_a_crash_left_half_written_is_answered_again(tmp_path, end):
    """Half a line, half a batch, or what a power cut makes of a file."""
    write_lines(tmp_path)
    with pytest.raises(JobInterruptedError):
        make_job(tmp_path, course=Heard(6)).run()
    with (tmp_path / "out.txt.part").open("ab") as part:
        part.write(end)
    make_job(tmp_path).run(resume=True)
    assert (tmp_path / "out.txt").read_text() == "".join(f"TEXT {number}\n" for number in range(10))


def test_another_job_is_not_resumed(tmp_path):
    """The message says what differs; the journal stays."""
    write_lines(tmp_path)
    with pytest.raises(JobInterruptedError):
        make_job(tmp_path, settings={"model": "a", "--beam-size": "1"}, course=Heard(3)).run()
    for settings, name in (
        ({"model": "b", "--beam-size": "1"}, "model"),
        ({"model": "a", "--beam-size": "2"}, "--beam-size"),
        ({"model": "a"}, "--beam-size"),
    ):
        with pytest.raises(DataError, match=rf"out\.txt\.part was begun with another {name}: "):
            make_job(tmp_path, settings=settings).run(resume=True)
    write_lines(tmp_path, 11)
    with pytest.raises(DataError, match=r"out\.txt\.part was begun with another input: "):
        make_job(tmp_path, settings={"model": "a", "--beam-size": "1"}).run(resume=True)


@pytest.mark.parametrize("content", ["", "text\n", "{}\n", "[1]\n", "\0\n"])
def test_a_file_of_something_else_is_not_resumed(tmp_path, content):
    """It is left as it is."""
    write_lines(tmp_path)
    (tmp_path / "out.txt.part").write_text(content)
    with pytest.raises(DataError, match=r"out\.txt\.part is no file of an interrupted job"):
        make_job(tmp_path).run(resume=True)
    assert (tmp_path / "out.txt.part").read_text() == content


def test_an_input_that_changes_is_told(tmp_path):
    """Rather than that rows get the answers of others."""
    write_lines(tmp_path)

    def ask(batch):
        write_lines(tmp_path, 7)
        return upper(batch)

    with pytest.raises(DataError, match=r"in\.txt was changed while it was answered: start again with --overwrite$"):
        make_job(tmp_path, ask=ask).run()
    assert not (tmp_path / "out.txt").exists()


def test_a_job_has_its_journal_alone(tmp_path):
    """A second process is refused, whether it would go on or start again."""
    write_lines(tmp_path)
    journal = Journal.begin(tmp_path / "out.txt.part", {}, 10)
    for resume in (True, False):
        with pytest.raises(DataError, match=r"^another process writes to .*out\.txt\.part$"):
            make_job(tmp_path).run(resume=resume)
    journal.close()
    make_job(tmp_path).run()


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    """Which says what to do; nothing of the output is there."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_lines(tmp_path)
    with monkeypatch.context() as context:
        context.setattr(Lines, "write", full)
        with pytest.raises(DataError, match=r"^can't write .*out\.txt: No space left on device; the answers are in "):
            make_job(tmp_path).run()
    assert not (tmp_path / "out.txt").exists()
    make_job(tmp_path, ask=None).run(resume=True)
    assert (tmp_path / "out.txt").read_text().startswith("TEXT 0\n")


def test_rows_without_an_answer_are_named_and_counted(tmp_path):
    """By their number, also after an interruption; the others are answered."""
    (tmp_path / "in.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in ("a", "bbbb", "c", "dd", "eeee")))
    course = Heard(3)
    with pytest.raises(JobInterruptedError):
        make_job(tmp_path, longest=3, course=course).run()
    reason = "that is more than --max-source-length 3"
    assert course.said == [(0, 5), (2, 4, reason)]
    with pytest.raises(DataError, match=r"^2 of 5 rows without an answer$"):
        make_job(tmp_path, longest=3).run(resume=True)
    answers = [json.loads(line)["answer"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert answers == ["A", None, "C", "DD", None]


@pytest.mark.parametrize("workers", [1, 4])
def test_memory_is_shared_but_decides_nothing(workers):
    """A batch that finds no room beside others is answered when it is alone; in parts if it must."""
    free = threading.Semaphore(8)

    def ask(batch):
        if any(len(text) > 5 for text in batch):
            raise MemoryError("no room")
        taken = [free.acquire(blocking=False) for _ in batch]
        time.sleep(0.001)
        for one in taken:
            if one:
                free.release()
        if not all(taken):
            raise MemoryError("no room")
        return upper(batch)

    batches = [[f"t{number}"] * 6 for number in range(20)] + [["a", "longer", "b"], []]
    found = [*Workers(ask, workers).answers(batches)]
    assert [batch for batch, _ in found] == batches
    assert [answers for _, answers in found] == [*map(upper, batches[:-2]), ["A", Unanswered("no room"), "B"], []]


def test_an_error_ends_the_threads(tmp_path):
    """It is raised once, and what waits isn't asked any more."""
    asked, before = [], threading.active_count()

    def ask(batch):
        asked.append(batch)
        raise DataError("no")

    with pytest.raises(DataError, match=r"^no$"):
        [*Workers(ask, 2).answers([[str(number)] for number in range(100)])]
    assert len(asked) < 10
    assert threading.active_count() == before
