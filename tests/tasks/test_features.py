"""Columns of features become tags before the source, in every format."""

import csv
import io
import json
import random

import pytest
from s2s_pairs.config import PairsConfig
from s2s_pairs.pairs import Pairs

from s2s_core.config.fields import BadValueError
from s2s_core.config.resolve import resolve
from s2s_core.errors import ConfigError, DataError
from s2s_core.plugins.registry import Plugins

NAMES = ["lemma", "form", "features", "language"]
ROWS = [
    ["walk", "walks", "V;PRS;3;SG", "eng"],
    ["gehen", "ging", "V; PST ;;", "deu"],
    ["sheep", "sheep", "", "eng"],
    ["haus", "haus", "N", ""],
]
TAGGED = ["<V><PRS><3><SG>walk", "<V><PST>gehen", "sheep", "<N>haus"]
MULTILINGUAL = ["<eng><V><PRS><3><SG>walk", "<deu><V><PST>gehen", "<eng>sheep", "<N>haus"]


def tsv(rows):
    return "".join("\t".join(row) + "\n" for row in rows)


def as_csv(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def jsonl(rows):
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows)


CONTENTS = {"a.tsv": tsv, "a.csv": as_csv, "a.jsonl": jsonl}


def make(path, **options):
    names = {split: str(path) for split in ("train", "validation", "test")}
    return Pairs(PairsConfig(**names, **options))


def read(path, **options):
    return [tuple(example) for example in make(path, **options).examples("train", random.Random(0))]


@pytest.fixture
def write(tmp_path):
    def written(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return written


@pytest.mark.parametrize("name", CONTENTS)
def test_features_come_before_the_source(write, name):
    """Each as a tag, in the order of the columns; what is empty is left out."""
    path = write(name, CONTENTS[name](ROWS))
    targets = [row[1] for row in ROWS]
    assert list(zip(TAGGED, targets, strict=True)) == read(path, feature_columns=(3,))
    assert list(zip(MULTILINGUAL, targets, strict=True)) == read(path, feature_columns=(4, 3))
    assert [row[0] for row in ROWS] == [source for source, _ in read(path)]


@pytest.mark.parametrize("name", CONTENTS)
def test_columns_of_features_have_names_too(write, name):
    """Those of the header, or of an object's fields."""
    rows = ROWS if name == "a.jsonl" else [NAMES, *ROWS]
    path = write(name, CONTENTS[name](rows))
    assert MULTILINGUAL == [source for source, _ in read(path, feature_columns=("language", "features"))]
    assert MULTILINGUAL == [source for source, _ in read(path, feature_columns=("language", 3))]


def test_features_may_be_separated_otherwise(write):
    """By any text, not only by one character."""
    path = write("a.tsv", "walk\twalks\tV | 3\nhaus\thaus\tN\n")
    assert ["<V><3>walk", "<N>haus"] == [
        source for source, _ in read(path, feature_columns=(3,), feature_separator="|")
    ]
    path = write("b.tsv", "walk\twalks\tV--3\n")
    assert ["<V><3>walk"] == [source for source, _ in read(path, feature_columns=(3,), feature_separator="--")]


def test_tables_have_features(tmp_path, monkeypatch):
    """Parquet and data sets, where a column may hold nothing."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    records = [dict(zip(NAMES, (value or None for value in row), strict=True)) for row in ROWS]
    datasets.Dataset.from_list(records).to_parquet(folder / "train.parquet")
    for path in (folder / "train.parquet", f"hf:{folder}::train"):
        assert MULTILINGUAL == [source for source, _ in read(path, feature_columns=("language", "features"))]


BAD = [
    ("a.tsv", "b\tB\t3 SG\n", "line 2 has a bad feature: '3 SG' contains white space, < or >, which no feature may"),
    ("a.tsv", "b\tB\tV;<N>\n", "line 2 has a bad feature: '<N>' contains"),
    ("a.tsv", " \tB\tV\n", "line 2 has an empty source"),
    ("a.tsv", "b\t\tV\n", "line 2 has an empty target"),
    ("a.csv", 'b,B,"V\nN"\n', "line 2 has a bad feature: 'V\\nN' contains"),
    ("a.jsonl", '{"lemma": "b", "form": "B", "features": 3}\n', "line 2 has no text in 'features' (got 3)"),
    ("a.jsonl", '{"lemma": "b", "form": "B"}\n', "line 2 has no 'features'; it has: lemma, form"),
    ("a.jsonl", '{"lemma": "b", "form": "B", "features": "\\ud800"}\n', "line 2 is not UTF-8, or names half"),
]


@pytest.mark.parametrize(("name", "row", "expected"), BAD)
def test_a_bad_feature_makes_a_bad_row(write, name, row, expected):
    """With file and line, and it can be skipped."""
    path = write(name, CONTENTS[name]([row[:3] for row in ROWS[:1]]) if name != "a.jsonl" else jsonl(ROWS[:1]))
    path.write_bytes(path.read_bytes() + row.encode())
    with pytest.raises(DataError) as refused:
        read(path, feature_columns=(3,))
    assert str(refused.value).startswith(f"{path}, {expected}")
    assert [(TAGGED[0], "walks")] == read(path, feature_columns=(3,), on_error="skip")


def test_a_long_feature_makes_no_long_message(write):
    """Only its beginning is shown."""
    with pytest.raises(DataError) as refused:
        read(write("a.tsv", f"b\tB\t{'x' * 10_000} y\n"), feature_columns=(3,))
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("columns", [(3, 1), (2,), ("lemma",), (3, "features")])
def test_a_column_has_one_role(write, name, columns):
    """It isn't both the source and its feature, nor a feature twice."""
    rows = ROWS if name == "a.jsonl" else [NAMES, *ROWS]
    with pytest.raises(DataError, match=r"task\.feature_columns has column .* which is also the source, the target or"):
        read(write(name, CONTENTS[name](rows)), feature_columns=columns)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((5,), "task.feature_columns has 5"),
        (("feats",), "task.feature_columns has 'feats', but {} has the columns: lemma, form, features, language"),
    ],
)
def test_a_column_that_is_not_there_is_refused(write, columns, expected):
    """The message says what there is."""
    path = write("a.tsv", tsv([NAMES, *ROWS]))
    with pytest.raises(DataError) as refused:
        read(path, feature_columns=columns)
    assert expected.format(path) in str(refused.value)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"feature_columns": (3, 3)}, "feature_columns"),
        ({"feature_columns": (0,)}, "feature_columns"),
        ({"feature_columns": ("",)}, "feature_columns"),
        ({"feature_columns": (3,), "feature_separator": ""}, "feature_separator"),
        ({"feature_columns": (3,), "train_target": "b"}, "feature_columns"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, name):
    """Before anything is read."""
    with pytest.raises(BadValueError) as refused:
        PairsConfig(train="a", **options)
    assert name == refused.value.name


def test_a_header_is_told_all_the_same(write):
    """Although its features look like tags when it is read as a pair."""
    path = write("a.tsv", tsv([NAMES, *(["w" + row[0], *row[1:]] for row in ROWS)]))
    (warning,) = {line for line in make(path, feature_columns=(3,)).remarks() if "task.header" in line}
    assert f"warning: the first row of {path}, '<features>lemma' → 'form', is read as a pair" in warning


def run(**tables):
    return resolve([{"task": {"name": "pairs", "train": "a", "feature_columns": [3]}}, tables], Plugins())


@pytest.mark.parametrize("name", ["characters", "words", "bytes", "bpe", "unigram"])
def test_features_are_tokens(name):
    """The source's tokenizer has tags, whichever it is, and the target's has none."""
    config = run(source={"tokenizer": name})
    assert (name, True) == (config.source.tokenizer.name, config.source.tokenizer.config.tags)
    assert config.target.tokenizer.config.tags is False


def test_a_user_may_have_it_otherwise():
    """What a user sets comes first, and without features there are no tags."""
    assert run(source={"tokenizer": {"tags": False}}).source.tokenizer.config.tags is False
    assert run(task={"feature_columns": []}).source.tokenizer.config.tags is False


def test_a_shared_tokenizer_has_tags_on_both_sides():
    """As it is one."""
    config = run(target={"share_vocabulary": True})
    assert config.source.tokenizer.config.tags is config.target.tokenizer.config.tags is True


@pytest.mark.parametrize("wrong", ["a", 3, [True], [1.5]])
def test_columns_are_a_list(wrong):
    """Of numbers and names."""
    with pytest.raises(ConfigError, match=r"task\.feature_columns must be"):
        run(task={"feature_columns": wrong})
