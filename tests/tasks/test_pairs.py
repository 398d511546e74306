"""The task ``pairs`` reads what people have, and says where it can't."""

import csv
import gc
import gzip
import io
import itertools
import json
import logging.handlers
import math
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import tracemalloc

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from s2s_pairs.config import PairsConfig
from s2s_pairs.files import LineFile
from s2s_pairs.pairs import Pairs

from s2s_core import MOST_LINE_BYTES
from s2s_core.config.fields import BadValueError
from s2s_core.errors import DataError

few = settings(max_examples=50, derandomize=True, database=None, deadline=None)

PAIRS = [("abc", "ABC"), ("b b", "B"), ("ä☃", '"quoted", twice'), ("b b", "BB"), (" c ", " C ")]

TSV = "".join(f"{source}\t{target}\n" for source, target in PAIRS)


def make(train, **options):
    return Pairs(PairsConfig(train=str(train), **options))


def read(task, split="train"):
    return [tuple(example) for example in task.examples(split, random.Random(0))]


def read_all(path, **options):
    """Returns the pairs of a file of which nothing is split off."""
    return read(make(path, validation=str(path), test=str(path), **options))


@pytest.fixture
def write(tmp_path):
    """Writes a file, and returns its path."""

    def written(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def many(count, start=0):
    """Returns the content of a file whose sources are all different."""
    return "".join(f"s{number}\tt{number}\n" for number in range(start, start + count))


def as_csv(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def as_jsonl(rows, names=("source", "target")):
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


# Formats


@pytest.mark.parametrize(
    "content",
    [
        TSV,
        TSV.rstrip("\n"),
        TSV.replace("\n", "\r\n"),
        TSV.replace("\n", "\r\n", 2),
        b"\xef\xbb\xbf" + TSV.encode(),
        2 * b"\xef\xbb\xbf" + TSV.encode(),
    ],
    ids=["LF", "no last LF", "CR LF", "mixed", "BOM", "two BOMs"],
)
def test_tsv_is_read_whatever_its_line_ends(write, content):
    """Quotes and spaces are text, and a byte order mark is none."""
    assert PAIRS == read_all(write("a.tsv", content))


@few
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t\0"), min_size=1)] * 2),
        min_size=1,
    )
)
def test_tsv_keeps_every_character_but_its_separators(tmp_path_factory, rows):
    """Line separators of Unicode, form feeds and no-break spaces stand within texts."""
    rows = [row for row in rows if not any(map(str.isspace, row))]
    assume(rows)
    path = tmp_path_factory.mktemp("tsv") / "a"
    path.write_bytes("".join("\t".join(row) + "\n" for row in rows).encode())
    assume(not rows[0][0].startswith("\ufeff"))
    assert rows == read_all(path)


def test_csv_may_have_quotes_commas_and_line_ends_in_its_fields(write):
    """A field may go over several lines."""
    rows = [*PAIRS, ("two\nlines", 'a "b", c')]
    assert rows == read_all(write("a.csv", as_csv(rows)))
    assert rows == read_all(write("a", as_csv(rows)), format="csv")


def test_jsonl_has_an_object_on_each_line(write):
    """By default the first two names of the first row are source and target, wherever they stand in later ones."""
    rows = [*PAIRS, ("two\nlines", "\u2028x")]
    assert rows == read_all(write("a.jsonl", as_jsonl(rows)))
    turned = '{"a": "1", "b": "2"}\n{"b": "4", "a": "3"}'
    assert [("1", "2"), ("3", "4")] == read_all(write("b.jsonl", turned))


def test_two_files_are_read_line_by_line(write):
    """Their tabs are text."""
    sources, targets = write("a.src", "a\tb\nc\r\n"), write("a.tgt", "A\nB\tC")
    task = make(
        sources,
        train_target=str(targets),
        validation=str(sources),
        validation_target=str(targets),
        test=str(sources),
        test_target=str(targets),
    )
    assert [("a\tb", "A"), ("c", "B\tC")] == read(task) == read(task, "validation") == read(task, "test")


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.csv.GZ", "a.jsonl.zst", "a"])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_compressed_files_are_known_by_their_content(write, name, compress):
    """Several compressed parts one after the other are one file; the name says what is in it."""
    as_format = {"a.csv.GZ": as_csv, "a.jsonl.zst": as_jsonl}.get(name, lambda _: TSV)
    content = as_format(PAIRS).encode()
    assert PAIRS == read_all(write(name, compress(content[:9]) + compress(content[9:])))


def test_parquet_and_data_sets_are_read_by_their_package(tmp_path, monkeypatch):
    """A dotted name leads into a record; a folder is a data set too; a number counts the names."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    rows = [{"id": str(number), "pair": {"a": source, "b": target}} for number, (source, target) in enumerate(PAIRS)]
    datasets.Dataset.from_list(rows).to_parquet(folder / "train-[0].parquet")
    names = {"source_column": "pair.a", "target_column": "pair.b"}
    assert PAIRS == read_all(folder / "train-[0].parquet", **names)
    assert PAIRS == read_all(f"hf:{folder}::train", **names)
    numbered = read_all(folder / "train-[0].parquet", source_column=1, target_column="pair.b")
    assert [(str(number), target) for number, (_, target) in enumerate(PAIRS)] == numbered
    task = make(f"hf:{folder}", held_out=1, **names)
    assert len(PAIRS) == len([*read(task), *read(task, "validation"), *read(task, "test")])
    assert task.fingerprint() == make(f"hf:{folder}", held_out=1, **names).fingerprint() is not None


def test_a_pipe_is_read_more_than_once(tmp_path):
    """As ``<(zcat a.gz)`` gives one. What is copied of it goes with the task."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(many(100),))
    writer.start()
    task = make(path)
    assert 90 == task.training_size() == len(read(task))
    assert task.fingerprint()
    writer.join()
    copy = task._readers["train"]._file.location
    assert copy.exists()
    del task
    gc.collect()
    assert not copy.exists()


def test_what_comes_once_is_not_for_several_processes(monkeypatch):
    """Each would get a part of it."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(DataError, match=r"^standard input can't be shared by several processes: write it to a file"):
        make("-").training_size()


# Columns


TABLE = "id\ttarget\tsource\n1\tA\ta\n2\tB\tb\n"


@pytest.mark.parametrize(
    "options",
    [
        {"source_column": "source", "target_column": "target"},
        {"source_column": 3, "target_column": "target"},
        {"source_column": 3, "target_column": 2, "header": True},
    ],
)
def test_columns_have_names_or_numbers(write, options):
    """A name is looked for in the first row, which then is no pair."""
    assert [("a", "A"), ("b", "B")] == read_all(write("a.tsv", TABLE), **options)
    rows = list(csv.reader(io.StringIO(TABLE), delimiter="\t"))
    assert [("a", "A"), ("b", "B")] == read_all(write("a.csv", as_csv(rows)), **options)


@pytest.mark.parametrize(
    ("name", "options", "column"),
    [
        ("a.tsv", {"source_column": 2}, "2"),
        ("a.tsv", {"source_column": "target"}, "2"),
        ("a.tsv", {"source_column": "source", "target_column": "source"}, "3"),
        ("a.jsonl", {"source_column": "target"}, "'target'"),
        ("a.jsonl", {"source_column": "target", "on_error": "skip"}, "'target'"),
    ],
)
def test_a_column_can_not_be_both_source_and_target(write, name, options, column):
    """As it is by mistake where only the source's is set."""
    path = write(name, TABLE if name == "a.tsv" else as_jsonl([("a", "A")]))
    with pytest.raises(DataError) as refused:
        read_all(path, **options)
    assert str(refused.value) == (
        f"the source and the target are both column {column} of {path}: set task.source_column and "
        "task.target_column to different ones; the task copy learns to copy"
    )


def test_a_name_of_two_columns_is_refused(write):
    """Only if it is asked for."""
    path = write("a.tsv", "a\ta\tb\n1\t2\t3\n")
    with pytest.raises(DataError) as refused:
        read_all(path, source_column="a", target_column="b")
    assert str(refused.value) == (f"task.source_column is 'a', but in {path} this is the name of the columns 1 and 2")
    assert [("2", "3")] == read_all(path, source_column=2, target_column="b")


@pytest.mark.parametrize("options", [{"header": True}, {"source_column": "a", "target_column": "b"}])
@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("a.tsv", b"a\tb\xff", "is not UTF-8: byte 0xff at position 4"),
        ("a.tsv", b"a\tb" * MOST_LINE_BYTES, "is longer than 1,048,576 bytes"),
        ("a.tsv", b"", "is empty"),
        ("a.csv", b"a,b,\xff", "is not UTF-8, or names half a surrogate pair"),
        ("a.csv", b'"a"b,c', "is not CSV: ',' expected after '\"'"),
        ("a.csv", b"", "is empty"),
    ],
)
def test_a_header_that_can_not_be_read_ends_the_run(write, options, on_error, name, header, expected):
    """No other row can be taken for it."""
    path = write(name, header + b"\n" + GOOD[name].encode())
    with pytest.raises(DataError) as refused:
        read_all(path, on_error=on_error, **options)
    assert str(refused.value) == f"{path}, line 1 {expected}; it must name the columns"


def test_a_header_may_have_no_nul_character(tmp_path, write):
    """Nor may any other line, however far from the begin of a compressed file."""
    path = write("a.tsv.gz", gzip.compress(b"a\tb" + b"b" * 500_000 + b"\0\nc\td\n"))
    with pytest.raises(DataError, match=f"^{path}, line 1 has a NUL character; it must name the columns$"):
        read_all(path, header=True)


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_first_row_that_looks_like_a_header_is_told(write, name):
    """It is read as a pair, until a setting says what it is."""
    separator = {"a.tsv": "\t", "a.csv": ","}[name]
    path = write(name, "Word,PRON\n".replace(",", separator) + many(30).replace("\t", separator))
    assert list(make(path).remarks()) == [
        f"warning: the first row of {path}, 'Word' → 'PRON', is read as a pair; task.header=true makes it the header"
    ]
    assert [] == list(make(path, header=True).remarks())


def test_names_of_languages_look_like_a_header(write):
    """As in a table of translations."""
    (warning,) = make(write("a.tsv", "English\tFrench\n" + many(30))).remarks()
    assert "'English' → 'French', is read as a pair" in warning


@pytest.mark.parametrize("rows", ["word\tVERT\n", "\tbad\nword\tpron\n"])
def test_another_first_row_is_not_told(write, rows):
    """One cell may be a word; a name in a later row is none."""
    assert not any("header" in line for line in make(write("a.tsv", rows + many(30)), on_error="skip").remarks())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"source_column": "src"}, "task.source_column is 'src', but {} has the columns: id, target, source"),
        ({"target_column": 4, "header": True}, "task.target_column is 4, but {} has 3 columns"),
        ({"target_column": 4}, "{}, line 1 has 3 columns, but task.target_column is 4; task.on_error=skip leaves "),
        (
            {"format": "csv"},
            "{}, line 1 has 1 column (a comma separates columns here; task.format sets another format), but task.targ",
        ),
        (
            {"format": "csv", "source_column": "id"},
            "task.source_column is 'id', but {} has the columns: id\ttarget\tsource (a comma separates columns here; ",
        ),
        (
            {"format": "csv", "header": True},
            "task.target_column is 2, but {} has 1 column (a comma separates columns here; task.format sets another ",
        ),
    ],
)
def test_a_column_that_is_not_there_is_refused(write, options, expected):
    """The message names the setting and what there is."""
    path = write("a.tsv", TABLE)
    with pytest.raises(DataError) as refused:
        read_all(path, **options)
    assert str(refused.value).startswith(expected.format(path))


def test_a_name_that_is_not_in_the_first_object_is_refused(write):
    """The message names the setting; where rows are skipped, another row may have it."""
    path = write("a.jsonl", as_jsonl([("a", "A")]) + as_jsonl([("b", "B")], ("source", "ipa")))
    with pytest.raises(DataError) as refused:
        read_all(path, target_column="ipa")
    assert str(refused.value) == (
        f"task.target_column is 'ipa', but the first row of {path} has no 'ipa'; it has: source, target"
    )
    assert [("b", "B")] == read_all(path, target_column="ipa", on_error="skip")


def test_an_object_without_fields_is_a_bad_row(write):
    """The next one then names the columns."""
    path = write("a.jsonl", "{}\n" + as_jsonl(PAIRS))
    with pytest.raises(DataError, match=f"^{path}, line 1 has no fields; task.on_error=skip leaves such rows out$"):
        read_all(path)
    assert PAIRS == read_all(path, on_error="skip")


# Bad rows


def test_an_empty_line_before_the_first_pair_is_a_bad_row(write):
    """In CSV, where it has no column at all."""
    path = write("a.csv", "\n" + as_csv(PAIRS))
    with pytest.raises(DataError, match=f"^{path}, line 1 has 0 columns, but task.source_column is 1; "):
        read_all(path)
    assert PAIRS == read_all(path, on_error="skip")


BAD_ROWS = [
    ("a.tsv", b"only", "line 2 has 1 column, but the first good row has 2"),
    ("a.tsv", b"", "line 2 has 1 column, but the first good row has 2"),
    ("a.tsv", b"a\tb\tc", "line 2 has 3 columns, but the first good row has 2"),
    ("a.tsv", b"\tb", "line 2 has an empty source"),
    ("a.tsv", "a\t \N{NO-BREAK SPACE}".encode(), "line 2 has an empty target"),
    ("a.tsv", b"a\tb\xff", "line 2 is not UTF-8: byte 0xff at position 4"),
    ("a.tsv", b"a\t" + b"b" * MOST_LINE_BYTES, "line 2 is longer than 1,048,576 bytes"),
    ("a.csv", b"only", "line 2 has 1 column, but the first good row has 2"),
    ("a.csv", b'"a"b,c', "line 2 is not CSV: ',' expected after '\"'"),
    ("a.csv", b"a,\xff", "line 2 is not UTF-8, or names half a surrogate pair"),
    ("a.jsonl", b"{", "line 2 is not JSON: Expecting property name enclosed in double quotes"),
    ("a.jsonl", b"[" * 100_000, "line 2 is not JSON: "),
    ("a.jsonl", b'["a", "b"]', "line 2 is not a JSON object (JSON Lines has one object on each line, and no list "),
    ("a.jsonl", b'{"source": "a", "target": "b", "source": "c"}', "line 2 has 'source' twice"),
    ("a.jsonl", b'{"source": "a"}', "line 2 has no 'target'; it has: source"),
    ("a.jsonl", b'{"source": "a", "target": 5}', "line 2 has no text in 'target' (got 5)"),
    ("a.jsonl", b'{"source": "a", "target": "\\ud800"}', "line 2 is not UTF-8, or names half a surrogate pair"),
    ("a.jsonl", b'{"source": "a", "target": "\\u0000"}', "line 2 has a NUL character"),
]
GOOD = {"a.tsv": TSV, "a.csv": as_csv(PAIRS), "a.jsonl": as_jsonl(PAIRS)}


@pytest.mark.parametrize(("name", "row", "expected"), BAD_ROWS, ids=[expected[:40] for *_, expected in BAD_ROWS])
def test_a_bad_row_is_named_or_skipped(write, name, row, expected):
    """The message has file and line, and the way out, which counts the row and keeps all others."""
    first, *rest = GOOD[name].encode().splitlines(keepends=True)
    path = write(name, first + row + b"\n" + b"".join(rest))
    with pytest.raises(DataError) as refused:
        read_all(path)
    assert str(refused.value).startswith(f"{path}, {expected}")
    assert str(refused.value).endswith("; task.on_error=skip leaves such rows out")
    assert PAIRS == read_all(path, on_error="skip")
    (remark,) = [line for line in make(path, on_error="skip", held_out=1).remarks() if "bad row" in line]
    assert remark.startswith(f"1 bad row skipped; the first: {path}, {expected}")


@pytest.mark.parametrize(
    ("name", "content", "swapped"),
    [
        ("a.tsv", "a\t\nb\tB\n", {"source_column": 2, "target_column": 1}),
        ("a.csv", 'a,""\nb,B\n', {"source_column": 2, "target_column": 1}),
        ("a.jsonl", as_jsonl([("a", ""), ("b", "B")]), {"source_column": "target", "target_column": "source"}),
    ],
)
def test_targets_may_be_empty_if_asked_for(write, name, content, swapped):
    """Sources may not."""
    path = write(name, content)
    assert [("a", ""), ("b", "B")] == read_all(path, allow_empty_target=True)
    assert [("b", "B")] == read_all(path, on_error="skip")
    with pytest.raises(DataError, match="line 1 has an empty source"):
        read_all(path, allow_empty_target=True, **swapped)


def test_an_empty_target_has_no_ratio_of_lengths(write):
    """Nobody would expect to lose it."""
    path = write("a.tsv", "abcdef\t\nabcdef\tA\nb\tB\n")
    assert [("abcdef", ""), ("b", "B")] == read_all(path, allow_empty_target=True, maximum_ratio=3)


def test_lines_of_a_file_of_targets_may_be_empty_if_asked_for(write):
    """Those of the sources may not."""
    sources, targets = write("a.src", "a\nb\n"), write("a.tgt", "\nB\n")
    files = {"validation": str(sources), "validation_target": str(targets)}
    files |= {"test": str(sources), "test_target": str(targets)}
    allowed = make(sources, allow_empty_target=True, train_target=str(targets), **files)
    assert [("a", ""), ("b", "B")] == read(allowed)
    with pytest.raises(DataError, match="line 1 is empty"):
        read(make(targets, allow_empty_target=True, train_target=str(sources), **files))


def test_a_bad_line_of_two_files_leaves_out_its_pair(write):
    """The message names the file that it is in; the other lines stay together."""
    sources, targets = write("a.src", "a\nb\nc\nd\n"), write("a.tgt", b"A\n\xff\n\nD\n")
    options = {
        "train_target": str(targets),
        "validation": str(sources),
        "validation_target": str(targets),
        "test": str(sources),
        "test_target": str(targets),
    }
    with pytest.raises(DataError, match=f"^{targets}, line 2 is not UTF-8: "):
        read(make(sources, **options))
    assert [("a", "A"), ("d", "D")] == read(make(sources, on_error="skip", **options))
    targets.write_bytes(b"A\nB\n \nD\n")
    with pytest.raises(DataError, match=f"^{targets}, line 3 is empty; "):
        read(make(sources, **options))


def test_bad_rows_are_counted_and_the_first_is_told(write):
    """One of them is enough to see what is wrong."""
    path = write("a.tsv", TSV + "x\n" + TSV + "\ty\n")
    (remark,) = [line for line in make(path, on_error="skip").remarks() if "bad row" in line]
    assert remark == f"2 bad rows skipped; the first: {path}, line 6 has 1 column, but the first good row has 2"


def test_two_files_of_different_length_are_refused(write):
    """Even where bad rows are skipped, as nobody knows which lines belong together."""
    longer, shorter = write("longer", "a\nb\nc\nd\n"), write("shorter", "A\n")
    for files in ({"train": longer, "train_target": str(shorter)}, {"train": shorter, "train_target": str(longer)}):
        with pytest.raises(DataError, match=f"^{shorter} has 1 line and {longer} has 4$"):
            make(**files, on_error="skip").training_size()


def test_a_quote_that_is_never_closed_is_named(write):
    """By the line that it begins in, though it takes in the rest of the file."""
    path = write("a.csv", 'a,b\n"c,d\n' + "e,f\n" * 50_000)
    with pytest.raises(DataError, match=f"^{path}, line 2 is not CSV: field larger than field limit"):
        read_all(path)
    path.write_text('a,b\n"c,d\ne,f\n')
    with pytest.raises(
        DataError, match=f"^{path}, line 2 is not CSV: unexpected end of data; the row goes on to line 3"
    ):
        read_all(path)


@pytest.mark.parametrize(
    ("last", "reason"),
    [("", "is not CSV: unexpected end of data"), ('end"\n', "has 1 column, but the first good row has 2")],
)
def test_the_lines_that_a_quote_takes_in_are_counted(write, last, reason):
    """Whether it is closed late or never."""
    path = write("a.csv", many(20).replace("\t", ",") + '"c,d\n' + "e,f\n" * 1000 + last)
    end = 1021 + bool(last)
    (remark,) = make(path, on_error="skip").remarks()
    assert remark == (
        f"1 bad row of {end - 20:,} lines skipped; the first: {path}, line 21 {reason}; the row goes on to line {end:,}"
    )


# Bad files


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "{} has no pairs"),
        (b"\xef\xbb\xbf", "{} has no pairs"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "{} is a binary file, not text"),
        ("a\tb\n".encode("utf-16"), "{} is UTF-16: convert it to UTF-8"),
        (b"a\tb\rc\td\re\tf", "{} has lines that end with CR alone: convert its line ends to LF"),
        (gzip.compress(many(9999).encode())[:-9], "{} is incomplete: its compressed content ends too early"),
        (gzip.compress(many(9999).encode())[:-5] + b"\1\0\0\0\0", "{} is damaged: "),
        (gzip.compress(b"a\tb\n")[:3], "{} is incomplete: its compressed content ends too early"),
        (zstandard.compress(many(9999).encode())[:-9], "{} is incomplete: its compressed content ends too early"),
        (zstandard.compress(many(9)[:-1].encode()) + b"junk", "{} is damaged: "),
    ],
    ids=["empty", "only a BOM", "PNG", "UTF-16", "CR", "short gz", "bad gz", "tiny gz", "short zst", "bad zst"],
)
def test_a_file_that_holds_no_pairs_is_refused(write, content, expected):
    """The message names the file and what it is."""
    path = write("a.tsv", content)
    with pytest.raises(DataError) as refused:
        make(path).training_size()
    assert str(refused.value).startswith(expected.format(path))


@pytest.mark.parametrize("place", [0, 3, 59, 60_000])
def test_a_row_with_a_nul_is_a_bad_row_wherever_it_is(write, place):
    """It makes no binary file of a text, also not near its beginning."""
    rows = [f"a{number}\tb\n".encode() for number in range(max(60, place))]
    rows.insert(place, b"a\0b\tc\n")
    path = write("a.tsv", b"".join(rows))
    with pytest.raises(DataError, match=f"^{path}, line {place + 1:,} has a NUL character; task.on_error=skip leaves"):
        make(path).training_size()
    assert (
        f"1 bad row skipped; the first: {path}, line {place + 1:,} has a NUL character"
        in make(path, on_error="skip").remarks()
    )


def test_standard_input_that_has_nothing_is_refused(monkeypatch):
    """As when a run that read it is evaluated later."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(DataError) as refused:
        make("-").training_size()
    assert str(refused.value) == (
        "standard input is empty, but the task reads its pairs from it, as its file is -: give them again, "
        "evaluate with --data FILE, or write them to a file, which several seeds need"
    )


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file or directory"), (".", "Is a directory")])
def test_a_path_that_is_no_file_is_refused(tmp_path, name, reason):
    """So are its fingerprint and its pairs."""
    task = make(tmp_path / name)
    for use in (task.training_size, task.fingerprint):
        with pytest.raises(DataError) as refused:
            use()
        assert str(refused.value) == f"can't read {tmp_path / name}: {reason}"


@pytest.mark.parametrize("name", ["none.parquet", "hf:/none"])
def test_a_table_that_is_not_there_is_refused(tmp_path, monkeypatch, name):
    """In one line."""
    pytest.importorskip("datasets")
    path = name if name.startswith("hf:") else str(tmp_path / name)
    with pytest.raises(DataError) as refused:
        make(path).training_size()
    assert str(refused.value).startswith(f"can't read {path}: ")
    assert "\n" not in str(refused.value)


def test_a_table_is_a_file_and_no_address(tmp_path):
    """What a configuration names is not fetched from anywhere."""
    pytest.importorskip("datasets")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.parquet"
        with pytest.raises(DataError, match=f"^can't read {address}: there is no such file$"):
            make(address).training_size()
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_data_set_runs_no_code_of_its_own(tmp_path, monkeypatch):
    """Whatever the version of the package or the environment would allow."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_TRUST_REMOTE_CODE", True, raising=False)
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "set.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    with pytest.raises(DataError, match=f"^can't read hf:{folder}: "):
        make(f"hf:{folder}").training_size()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_small_file_that_holds_much_takes_little_memory(write, compress):
    """It is read a part at a time, and of a line that is too long no more than its begin."""
    path = write("a.tsv", compress(b"a" * (MOST_LINE_BYTES << 7)))
    tracemalloc.start()
    with pytest.raises(DataError, match="is longer than 1,048,576 bytes"):
        make(path).training_size()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_LINE_BYTES << 6


def test_a_text_that_is_called_a_table_is_refused_once(write):
    """The package that finds it out says nothing of its own."""
    pytest.importorskip("datasets")
    said = logging.handlers.QueueHandler(queue.SimpleQueue())
    logging.getLogger("datasets").addHandler(said)
    path = write("a.tsv", TSV)
    with pytest.raises(DataError, match=f"^can't read {path}: Parquet magic bytes not found"):
        make(path, format="parquet").training_size()
    logging.getLogger("datasets").removeHandler(said)
    assert said.queue.empty()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"train": ""}, "train must be a file of pairs, hf:NAME for a data set, or - for standard input (got '')"),
        (
            {"train": "hf:"},
            "train must be a file of pairs, hf:NAME for a data set, or - for standard input (got 'hf:')",
        ),
        (
            {"train": "a", "test": "hf::de"},
            "test must be a file of pairs, hf:NAME for a data set, or - for standard input (got 'hf::de')",
        ),
        (
            {"train": "a", "train_target": "./a"},
            "train_target must be a file other than train; leave it out if both columns are in one file (got './a')",
        ),
        ({"train": "-", "test": "-"}, "train must be the only one that is -, as standard input is read once (got '-')"),
        ({"train": "a", "test_target": "b"}, "test must be set where test_target is (got '')"),
        ({"train": "a", "source_column": 0}, "source_column must be a column's name, or its number from 1 on (got 0)"),
        ({"train": "a", "maximum_ratio": 0.5}, "maximum_ratio must be at least 1, or 0 for no limit (got 0.5)"),
        ({"train": "a", "maximum_ratio": math.nan}, "maximum_ratio must be at least 1, or 0 for no limit (got nan)"),
        ({"train": "a", "maximum_ratio": math.inf}, "maximum_ratio must be at least 1, or 0 for no limit (got inf)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, expected):
    """By name."""
    with pytest.raises(BadValueError) as refused:
        PairsConfig(**options)
    assert str(refused.value) == expected


# Splits


def sources(pairs):
    return {source for source, _ in pairs}


@few
@given(count=st.integers(3, 400), held_out=st.integers(1, 40), repeats=st.integers(1, 3))
def test_no_source_is_in_two_parts(tmp_path_factory, count, held_out, repeats):
    """Each pair is in one part, all references of a source are together, and at most a tenth is held out."""
    path = tmp_path_factory.mktemp("pairs") / "a.tsv"
    rows = [(f"s{number}", f"t{turn}") for turn in range(repeats) for number in range(count)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    task = make(path, held_out=held_out)
    parts = [read(task, split) for split in ("train", "validation", "test")]
    assert sorted(rows) == sorted(itertools.chain(*parts))
    sizes = [len(sources(part)) for part in parts]
    assert count == sum(sizes)
    assert [max(1, min(held_out, count // 20))] * 2 == sizes[1:]
    assert task.training_size() == len(parts[0])


def test_parts_do_not_depend_on_the_order_of_rows(write):
    """Nor on the file's name."""
    lines = many(500).splitlines(keepends=True)
    turned = make(write("b.tsv", "".join(reversed(lines))))
    task = make(write("a.tsv", "".join(lines)))
    for split in ("train", "validation", "test"):
        assert read(task, split) == read(turned, split)[::-1]


def test_parts_stay_as_they_are():
    """They are the same in every version, so that scores can be compared."""
    ran = subprocess.run(
        [sys.executable, "-c", PARTS],
        input=many(60).encode(),
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert PARTS_OF_60 == ran.stdout.decode().split()


PARTS = """
import random
from s2s_pairs.config import PairsConfig
from s2s_pairs.pairs import Pairs
task = Pairs(PairsConfig(train="-"))
print(*(example.source for split in ("validation", "test") for example in task.examples(split, random.Random())))
"""
PARTS_OF_60 = ["s24", "s44", "s57", "s36", "s55", "s56"]


def test_no_held_out_source_changes_parts_as_data_grows(write):
    """A source may go back to training, but not from validation to the test."""
    small, large = (make(write(f"{count}.tsv", many(count))) for count in (400, 800))
    assert not sources(read(small, "validation")) & sources(read(large, "test"))
    assert not sources(read(small, "test")) & sources(read(large, "validation"))
    assert sources(read(small, "validation")) & sources(read(large, "validation"))


def test_only_what_is_not_given_is_split_off(write):
    """With a test file, validation alone is split off; with both, nothing is."""
    train, test = write("a.tsv", many(100)), write("test.tsv", "x\ty\nx\tz\n")
    task = make(train, test=str(test))
    assert [("x", "y"), ("x", "z")] == read(task, "test")
    assert (5, 95) == (len(read(task, "validation")), len(read(task)))
    task = make(train, validation=str(test), test=str(test))
    assert (100, 100) == (len(read(task)), task.training_size())


def test_too_few_sources_to_split_are_refused(write):
    """The message says what to give."""
    path = write("a.tsv", "a\tb\na\tc\nb\tc\n")
    with pytest.raises(DataError) as refused:
        read(make(path), "test")
    assert str(refused.value) == (
        f"{path} has 2 different sources, too few to split off validation and test: give a file for each, as with "
        "task.validation"
    )
    assert [1, 1] == [len(sources(read(make(path, test=str(path)), split))) for split in ("train", "validation")]


def test_too_few_sources_come_with_what_was_left_out(write):
    """Which may be why they are few."""
    path = write("a.tsv", "a\tb\tc\n" + "d\te\n" * 9 + "toolong\tf\tg\n")
    with pytest.raises(DataError) as refused:
        read(make(path, on_error="skip", maximum_source=3))
    assert str(refused.value) == (
        f"{path} has 1 different source, too few to split off validation and test: give a file for each, as with "
        f"task.validation; 9 bad rows skipped; the first: {path}, line 2 has 2 columns, but the first good row has 3; "
        "1 pair dropped: 1 with source longer than 3 characters"
    )


# Lengths


@pytest.mark.parametrize(
    ("options", "kept", "remark"),
    [
        ({"minimum_source": 3}, [0, 1, 3, 4], "1 pair dropped: 1 with source shorter than 3 characters"),
        ({"maximum_source": 2}, [2], "4 pairs dropped: 4 with source longer than 2 characters"),
        ({"minimum_target": 2}, [0, 2, 3, 4], "1 pair dropped: 1 with target shorter than 2 characters"),
        (
            {"maximum_target": 1, "length_unit": "words"},
            [0, 1, 3, 4],
            "1 pair dropped: 1 with target longer than 1 words",
        ),
        (
            {"maximum_ratio": 2.5},
            [0, 3, 4],
            "2 pairs dropped: 2 with one side more than 2.5 times as long as the other",
        ),
        (
            {"maximum_target": 5, "minimum_source": 3},
            [0, 1, 3, 4],
            "1 pair dropped: 1 with source shorter than 3 characters",
        ),
    ],
)
def test_pairs_outside_the_limits_are_dropped_and_counted(write, options, kept, remark):
    """From training alone: validation and test are as they are given."""
    path = write("a.tsv", TSV)
    task = make(path, validation=str(path), test=str(path), **options)
    assert [PAIRS[number] for number in kept] == read(task)
    assert len(kept) == task.training_size()
    assert PAIRS == read(task, "validation") == read(task, "test")
    assert remark == task.remarks()[0]


def test_a_limit_itself_is_allowed(write):
    """Three times as long is not more than three times as long; more is."""
    path = write("a.tsv", "abc\tA\nabcd\tA\na\tABC\nab\tAB\n")
    kept = read_all(path, maximum_ratio=3.0, maximum_source=4, minimum_source=1, maximum_target=3, minimum_target=1)
    assert [("abc", "A"), ("a", "ABC"), ("ab", "AB")] == kept


def test_limits_that_leave_nothing_are_refused(write):
    """The message says what they dropped."""
    path = write("a.tsv", TSV)
    with pytest.raises(DataError) as refused:
        make(path, minimum_source=50).training_size()
    assert str(refused.value) == f"{path} has no pairs; 5 pairs dropped: 5 with source shorter than 50 characters"


# Remarks


def test_repeated_pairs_are_counted(write):
    """They are kept."""
    path = write("a.tsv", TSV + TSV)
    task = make(path, validation=str(path), test=str(path))
    assert f"5 pairs of {path} repeat an earlier one" == task.remarks()[0]
    assert 10 == task.training_size()


@pytest.mark.parametrize(
    ("name", "content", "settings", "unused"),
    [
        ("a.tsv", "a\tb\tc\td\ne\tf\tg\th\n", {}, "columns 3, 4"),
        ("a.tsv", "a\tb\tc\ne\tf\tg\n", {"source_column": 3, "feature_columns": (1,)}, None),
        ("a.csv", "id,word,sound\n1,a,b\n2,c,d\n", {"source_column": "word", "target_column": "sound"}, "column id"),
        (
            "a.jsonl",
            '{"text": {"en": "a", "fr": "b"}, "id": 1}\n',
            {"source_column": "text.en", "target_column": "text.fr"},
            "column id",
        ),
    ],
)
def test_columns_that_are_not_used_are_told(write, name, content, settings, unused):
    """By name, or by number where they have none."""
    path = write(name, content)
    remarks = list(make(path, validation=str(path), test=str(path), **settings).remarks())
    told = [remark for remark in remarks if "not used" in remark]
    assert told == ([f"{unused} of {path} not used"] if unused else [])


def test_clean_data_needs_no_remark(write):
    """Nothing is told where there is nothing to tell."""
    assert [] == list(make(write("a.tsv", many(100))).remarks())


@pytest.mark.parametrize(("shared", "warned"), [(0, []), (1, []), (2, ["20%"]), (10, ["100%"])])
def test_validation_that_shares_sources_with_training_is_told(write, shared, warned):
    """Where it's more than a tenth of them; the targets don't matter."""
    train = write("a.tsv", many(100).replace("t", "x"))
    other = write("b.tsv", many(10, 100 - shared))
    task = make(train, validation=str(other), test=str(write("c.tsv", many(10, 900))))
    expected = [
        f"warning: {share} of the sources in {other} are training sources too, so scores on them say little about "
        "new ones"
        for share in warned
    ]
    assert expected == list(task.remarks())


def test_a_source_with_many_references_is_shared_once(write):
    """What is told are sources, not pairs."""
    train = write("a.tsv", many(100))
    other = write("b.tsv", "s0\tx\n" * 50 + many(19, 900))
    assert [] == list(make(train, validation=str(other), test=str(write("c.tsv", many(9, 800)))).remarks())


# Fingerprints


def test_a_fingerprint_tells_training_examples_apart(write):
    """It changes with the content and with settings that matter, and not with names."""
    first = make(write("a.tsv", TSV)).fingerprint()
    assert first == make(write("b.tsv", TSV)).fingerprint()
    others = [
        make(write("d.tsv", TSV[:-1])),
        make(write("c.csv", TSV)),
        make(write("c.tsv", TSV), maximum_source=3),
        make(write("c.tsv", TSV), source_column=2),
        make(write("c.tsv", TSV), test=str(write("b.tsv", TSV))),
        make(write("c.tsv", TSV), train_target=str(write("b.tsv", TSV))),
    ]
    assert 1 + len(others) == len({first, *(task.fingerprint() for task in others)})


def test_lines_with_the_same_source_count_as_the_user_says(write):
    """Each of them, or their targets as references of one answer; that changes no training example."""
    path = write("a.tsv", TSV)
    tasks = [make(path), make(path, references="each"), make(path, references="all")]
    assert ["each", "each", "all"] == [task.references for task in tasks]
    assert 1 == len({task.fingerprint() for task in tasks})


@pytest.mark.parametrize(("most", "readings"), [(200_000, 2), (3, 6)])
def test_few_pairs_are_read_once(tmp_path, monkeypatch, most, readings):
    """And their first row twice, as it may be a header; more than fit are read for each purpose, and are the same."""
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"s{number}\tt{number}\n" for number in range(60)), encoding="utf-8")
    opened = []
    lines = LineFile.lines
    monkeypatch.setattr(LineFile, "lines", lambda file: opened.append(file.name) or lines(file))
    monkeypatch.setattr("s2s_pairs.held.MOST_PAIRS", most)
    task = Pairs(PairsConfig(train=str(path)))
    for split in ("validation", "test", "train", "train", "train"):
        examples = list(task.examples(split, None))
    assert 54 == len(examples) == task.training_size()
    task.remarks()
    assert [str(path)] * readings == opened
