"""``s2s predict`` answers files: Parquet, JSON lines and lines of text, on all cores, in jobs that can be resumed."""

import json
import os
import pty
import signal
import subprocess
import time

import pyarrow as pa
import pytest
from pyarrow import parquet

from s2s_core.runtime.file import load

TEXTS = ["abc", "cab", "", "bb b", "a", "b\u00e4c", "ccc"] * 30


@pytest.fixture(scope="module")
def file(export_once):
    """An exported file."""
    return export_once("characters").path


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The current folder, with the texts as Parquet, as JSON lines, and as lines."""
    table = {"id": range(len(TEXTS)), "text": TEXTS, "list": [[text] for text in TEXTS], "word": TEXTS}
    schema = pa.schema(
        {
            "id": pa.int32(),
            "text": pa.string(),
            "list": pa.list_(pa.large_string()),
            "word": pa.dictionary(pa.int8(), pa.string()),
        }
    )
    parquet.write_table(pa.table(table, schema), tmp_path / "in.parquet", row_group_size=50)
    lines = [f'{{"id": {number}.50, "text":{json.dumps(text)} }}' for number, text in enumerate(TEXTS)]
    (tmp_path / "in.jsonl").write_text("".join(f"{line} \n" for line in lines))
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("column", ["text", "word"])
def test_parquet_keeps_its_columns(here, file, tables, column):
    """With their types and values; the answers are one column more."""
    ended = here("predict", file, "in.parquet", "--column", column, "-o", "out.parquet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    before, after = parquet.read_table("in.parquet"), parquet.read_table("out.parquet")
    assert after.drop_columns("answer").equals(before)
    assert after.schema.field("answer").type == pa.string()
    assert after["answer"].to_pylist() == load(file)(TEXTS)


def test_json_lines_stay_as_they_are(here, file, tables):
    """Each field as it was written; the answer comes behind them."""
    assert here("predict", file, "in.jsonl", "--column", "text", "-o", "out.ndjson").code == 0
    read = [line.removesuffix(" } ") for line in (tables / "in.jsonl").read_text().splitlines()]
    written = [line.rpartition(', "answer": ') for line in (tables / "out.ndjson").read_text().splitlines()]
    assert [before for before, _, _ in written] == read
    assert [json.loads(answer.removesuffix("}")) for _, _, answer in written] == load(file)(TEXTS)


@pytest.mark.parametrize("options", [(), ("--scores", "--n-best", 3), ("--batch-size", 7)])
def test_lines_are_answered_as_on_standard_output(here, file, tables, options):
    """To the byte."""
    printed = here("predict", file, "in.txt", *options)
    assert here("predict", file, "in.txt", *options, "-o", "out.txt").code == 0
    assert (tables / "out.txt").read_text() == printed.out


def test_the_number_of_workers_changes_nothing(here, file, tables):
    """Not a byte."""
    written = []
    for workers in (1, 2, 5):
        path = tables / f"{workers}.jsonl"
        options = ("--column", "text", "--workers", workers, "--batch-size", 8)
        assert here("predict", file, "in.jsonl", *options, "-o", path).code == 0
        written.append(path.read_bytes())
    assert written == [written[0]] * 3


def test_another_name_for_the_answers(here, file, tables):
    """For files that have a column ``answer`` already, such as one that another model has written."""
    assert here("predict", file, "in.jsonl", "--column", "text", "-o", "one.jsonl").code == 0
    again = ("predict", file, "one.jsonl", "--column", "text", "-o", "two.jsonl")
    assert here(*again).error() == "one.jsonl, line 1 has a field 'answer' already: name another with --answer-column"
    assert here(*again, "--answer-column", "second").code == 0
    rows = [json.loads(line) for line in (tables / "two.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in rows] == [row["second"] for row in rows] == load(file)(TEXTS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["txt", "jsonl", "parquet"])
def test_a_stopped_job_goes_on(here, command, file, tables, kind, number):
    """Whatever stopped it; the result is that of a job which nothing stopped."""
    columns = () if kind == "txt" else ("--column", "text")
    arguments = ["predict", str(file), f"in.{kind}", *columns, "--batch-size", "1", "--beam-size", "4", "-o"]
    part = tables / f"out.{kind}.part"
    with subprocess.Popen([*command, *arguments, f"out.{kind}"], stderr=subprocess.PIPE, text=True) as process:
        while not (part.exists() and part.read_bytes().count(b"\n") > 3):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert told.startswith("error: interrupted after ")
        assert told.endswith(f" rows, which out.{kind}.part holds: --resume goes on\n")
    assert not (tables / f"out.{kind}").exists()
    refused = here(*arguments, f"out.{kind}").error()
    assert refused == (
        f"out.{kind}.part is of an interrupted job: go on with --resume, or start again with --overwrite"
    )
    assert here(*arguments, f"out.{kind}", "--resume", "--workers", 2).code == 0
    assert here(*arguments, f"whole.{kind}").code == 0
    assert not part.exists()
    if kind == "parquet":
        assert parquet.read_table("out.parquet").equals(parquet.read_table("whole.parquet"))
    else:
        assert (tables / f"out.{kind}").read_bytes() == (tables / f"whole.{kind}").read_bytes()


def test_another_model_or_input_does_not_go_on(here, command, file, export_once, tables):
    """The error says which of them is another."""
    part = tables / "out.txt.part"
    arguments = [str(file), "in.txt", "--batch-size", "1", "-o", "out.txt"]
    with subprocess.Popen([*command, "predict", *arguments]) as process:
        while not part.exists():
            time.sleep(0.001)
        process.kill()
    way_out = "go on with the same, or start again with --overwrite"
    for changed, name in (
        ([str(export_once("words").path), *arguments[1:]], "model"),
        ([*arguments, "--beam-size", "3"], "--beam-size"),
    ):
        assert here("predict", *changed, "--resume").error() == f"out.txt.part was begun with another {name}: {way_out}"
    (tables / "in.txt").write_text("a\n")
    refused = here("predict", *arguments, "--resume").error()
    assert refused == f"out.txt.part was begun with another input: {way_out}"
    assert here("predict", *arguments, "--overwrite").code == 0
    assert len((tables / "out.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["in.txt", "--resume"], "--resume needs --output"),
        (["in.txt", "--workers", "2"], "--workers needs --output"),
        (["in.jsonl", "--column", "text"], "--column needs --output"),
        (["in.parquet"], "in.parquet is a Parquet file, which needs --column and --output"),
        (["-", "-o", "out.txt"], "--output needs a file to answer; the lines of standard input are answered with >"),
        (["in.parquet", "-o", "out.parquet"], "in.parquet is a Parquet file: name its column of sources by --column"),
        (["in.jsonl", "-o", "out.jsonl"], "in.jsonl is a file of JSON lines: name its column of sources by --column"),
        (
            ["in.parquet", "--column", "text", "-o", "out.txt"],
            "in.parquet is a Parquet file, and so must be --output, by its name (got 'out.txt')",
        ),
        (
            ["in.txt", "-o", "out.jsonl"],
            "in.txt is a file of lines, and so must be --output, by its name (got 'out.jsonl')",
        ),
        (["in.txt", "--column", "text", "-o", "out.txt"], "--column needs a file whose name ends with .parquet or "),
        (["in.jsonl", "--column", "text", "--scores", "-o", "out.jsonl"], "--scores is for lines; with --column, "),
        (["in.jsonl", "--column", "text", "--n-best", "2", "-o", "out.jsonl"], "--n-best is for lines; with --column"),
        (["in.txt", "-o", ""], "--output names no file"),
        (["in.txt", "-o", "out.txt", "--resume", "--overwrite"], "--resume and --overwrite exclude each other"),
    ],
)
def test_options_that_do_not_fit_are_refused(here, file, tables, arguments, expected):
    """With the way out."""
    ended = here("predict", file, *arguments)
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(f"Error: {expected}")
    assert not list(tables.glob("out*"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nowhere.jsonl", "can't read nowhere.jsonl: No such file or directory"),
        ("nowhere.parquet", "can't read nowhere.parquet: No such file or directory"),
        ("folder.jsonl", "can't read folder.jsonl: it is no regular file"),
        (
            "text.parquet",
            "can't read text.parquet: Parquet magic bytes not found in footer. Either",
        ),
        ("empty.parquet", "can't read empty.parquet: Parquet file size is 0 bytes"),
        ("cut.parquet", "can't read cut.parquet: "),
        ("other.parquet", "other.parquet has no column 'text' (did you mean 'texts'?); it has: texts"),
        ("number.parquet", "column 'text' of number.parquet is no text, but int64"),
        ("bytes.parquet", "column 'text' of bytes.parquet is no text, but binary"),
        ("null.parquet", "null.parquet, row 2 has null in 'text': fill it or leave the row out"),
        ("answered.parquet", "answered.parquet has a column 'answer' already: name another with --answer-column"),
        ("twice.parquet", "twice.parquet has 2 columns 'text'"),
        ("other.jsonl", "other.jsonl, line 2 has no field 'text' (did you mean 'texts'?); it has: texts"),
        ("number.jsonl", "number.jsonl, line 1 has no text in 'text' (got 5)"),
        ("null.jsonl", "null.jsonl, line 1 has null in 'text': fill it or leave the line out"),
        ("list.jsonl", "list.jsonl, line 1 is not a JSON object"),
        ("blank.jsonl", "blank.jsonl, line 2 is not JSON: "),
        ("deep.jsonl", "deep.jsonl, line 1 is not JSON: "),
        ("half.jsonl", "half.jsonl, line 1 names half of a surrogate pair in 'text', which UTF-8 can't hold"),
        ("latin.jsonl", "latin.jsonl, line 1 is not UTF-8: byte 0xe4 at position 12"),
    ],
)
def test_files_that_can_not_be_answered_are_refused(here, file, tables, name, expected):
    """Before the first row is answered; one line says where the fault is, and nothing is written."""
    write_bad(tables)
    output = f"out{name[name.rindex('.') :]}"
    assert here("predict", file, name, "--column", "text", "-o", output).error().startswith(expected)
    assert not list(tables.glob("*out*"))


def write_bad(folder):
    """Writes files that can't be answered."""
    (folder / "folder.jsonl").mkdir()
    for name, content in {
        "text.parquet": b"not Parquet, but text\n",
        "empty.parquet": b"",
        "cut.parquet": (folder / "in.parquet").read_bytes()[-1500:],
        "other.jsonl": b'{"text": "a"}\n{"texts": "a"}\n',
        "number.jsonl": b'{"text": 5}\n',
        "null.jsonl": b'{"text": null}\n',
        "list.jsonl": b'["text"]\n',
        "blank.jsonl": b'{"text": "a"}\n\n',
        "deep.jsonl": b"[" * 100_000,
        "half.jsonl": b'{"text": "\\ud800"}\n',
        "latin.jsonl": '{"text": "bä"}\n'.encode("latin-1"),
    }.items():
        (folder / name).write_bytes(content)
    for name, table in {
        "other": {"texts": ["a"]},
        "number": {"text": [5]},
        "bytes": {"text": [b"a"]},
        "null": {"text": ["a", None]},
        "answered": {"text": ["a"], "answer": ["b"]},
    }.items():
        parquet.write_table(pa.table(table), folder / f"{name}.parquet")
    twice = pa.table([["a"], ["b"]], names=["text", "text"])
    parquet.write_table(twice, folder / "twice.parquet")


def test_what_is_there_is_not_replaced(here, file, tables):
    """Unless it's asked for; the file to answer never is."""
    (tables / "out.txt").write_text("mine\n")
    refused = "out.txt exists: --overwrite replaces it"
    assert here("predict", file, "in.txt", "-o", "out.txt").error() == refused
    assert here("predict", file, "in.txt", "-o", "out.txt", "--resume").error() == refused
    assert (tables / "out.txt").read_text() == "mine\n"
    assert here("predict", file, "in.txt", "-o", "out.txt", "--overwrite").code == 0
    refused = here("predict", file, "in.txt", "-o", "in.txt", "--overwrite").error()
    assert refused == "in.txt is the file to answer: name another one for --output"
    assert here("predict", file, "in.txt", "-o", "no/out.txt").error() == "no/out.txt: there is no folder no"
    (tables / "out.txt").unlink()
    os.mkfifo(tables / "out.txt")
    refused = here("predict", file, "in.txt", "-o", "out.txt", "--overwrite").error()
    assert refused == "can't write out.txt: it is no regular file"


def test_rows_without_an_answer_are_null(here, file, tables):
    """They are named, and the others are answered."""
    options = ("--column", "text", "--max-source-length", 3)
    for name in ("out.parquet", "out.jsonl"):
        ended = here("predict", file, f"in{name[3:]}", *options, "-o", name)
        assert ended.code == 1
        assert ended.err.startswith("warning: row 4 has 4 characters and no answer: that is more than --max-source-l")
        assert ended.err.endswith("error: 30 of 210 rows without an answer\n")
    answers = [json.loads(line)["answer"] for line in (tables / "out.jsonl").read_text().splitlines()]
    assert answers == [None if len(text) > 3 else answer for text, answer in zip(TEXTS, load(file)(TEXTS), strict=True)]
    assert parquet.read_table("out.parquet")["answer"].to_pylist() == answers


def test_no_rows_are_answered_with_none(here, file, tables):
    """An empty file is no mistake."""
    (tables / "none.txt").write_text("")
    (tables / "none.jsonl").write_text("")
    parquet.write_table(parquet.read_table("in.parquet").slice(0, 0), "none.parquet")
    for kind in ("txt", "jsonl", "parquet"):
        columns = () if kind == "txt" else ("--column", "text")
        assert here("predict", file, f"none.{kind}", *columns, "-o", f"out.{kind}").code == 0
    assert (tables / "out.txt").read_text() == (tables / "out.jsonl").read_text() == ""
    assert parquet.read_table("out.parquet").column_names == ["id", "text", "list", "word", "answer"]


def test_a_bar_is_shown_on_a_terminal(command, file, tables):
    """On standard error only."""
    ours, theirs = pty.openpty()
    arguments = [*command, "predict", str(file), "in.txt", "-o", "out.txt"]
    with subprocess.Popen(arguments, stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}) as run:
        os.close(theirs)
        shown = b""
        try:
            while read := os.read(ours, 1024):
                shown += read
        except OSError:  # Linux says so that the other end is closed
            pass
        assert run.stdout.read() == b""
    os.close(ours)
    assert run.returncode == 0
    assert b"predict" in shown
    assert b"210/210" in shown
