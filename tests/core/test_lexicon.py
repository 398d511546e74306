"""Exact answers come before the model's, in the file itself, and can be changed without training."""

import json
import subprocess
import sys

import attrs
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

import s2s_core as s2s
from s2s_core.config.tables import ExportConfig
from s2s_core.data.lexicon import fixed, lines, read_fixes, read_lexicon
from s2s_core.errors import DataError, ModelError, missing_package
from s2s_core.exporting.exporter import export
from s2s_core.exporting.lexicon import entries_of, replace_entries, with_lexicon
from s2s_core.pipeline.patch import lexicon
from s2s_core.runtime.file import load
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import Vocabulary

PLAIN = Characters(TokenizerConfig(), Vocabulary(()))
FOLDING = Characters(TokenizerConfig(normalization="nfkc", fold_case=True), Vocabulary(()))

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t"), max_size=4)


def loaded(model, like):
    """Returns a changed model in ONNX Runtime, with the metadata of a file that it was made of."""
    proto = ir.to_proto(model)
    onnx.helper.set_model_props(proto, {"s2s": json.dumps({**like.metadata, "checksum": None})})
    return proto.SerializeToString()


def answering(path, entries, tokenizer=PLAIN):
    """Returns a file with a lexicon, opened."""
    with pytest.warns(s2s.ChangedFileWarning):
        return load(loaded(with_lexicon(ir.load(path), entries, tokenizer), load(path)))


def expected(texts, entries, plain, normalize, beams):
    """Returns what such a file must answer, by an independent reference: one list of (text, score) for each text."""
    asked = [text for text in texts if normalize(text) not in entries]
    own = plain.answers(asked, beam_size=beams)
    rest = iter(zip(own.hypotheses.tolist(), own.scores.tolist(), strict=True))
    rows = []
    for text in texts:
        known = [(answer, 0.0) for answer in entries.get(normalize(text), ())][:beams]
        rows.append([*known, *[("", -np.inf)] * (beams - len(known))] if known else list(zip(*next(rest), strict=True)))
    return rows


@pytest.fixture(scope="module")
def files(export_once):
    """A plain file, and one with a lexicon that is replaced in place of made anew."""
    path = export_once("characters").path
    return path, load(path), with_lexicon(ir.load(path), {}, PLAIN)


@given(
    entries=st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(tuple), max_size=4),
    others=st.lists(TEXTS | st.sampled_from(["abc", "", "cab"]), max_size=4),
    beams=st.integers(1, 3),
)
def test_entries_come_before_the_model(files, entries, others, beams):
    """For any texts: hits, misses, mixtures and nothing at all; what is asked is answered as without a lexicon."""
    _, plain, model = files
    replace_entries(model, entries)
    with pytest.warns(s2s.ChangedFileWarning):
        file = load(loaded(model, plain))
    texts = [text for pair in zip([*entries, "", ""], [*others, "abc"], strict=False) for text in pair]
    for batch in (texts, list(entries), others, []):
        found = file.answers(batch, beam_size=beams)
        pairs = zip(found.hypotheses.tolist(), found.scores.tolist(), strict=True)
        rows = [list(zip(*pair, strict=True)) for pair in pairs]
        assert rows == expected(batch, entries, plain, str, beams)
        assert file(batch, beam_size=beams) == [row[0][0] for row in rows]
    assert entries_of(model) == entries


def test_keys_are_normalised_as_sources_are(export_once):
    """So every spelling that the model reads alike has the entry."""
    path = export_once("characters").path
    entries = {FOLDING.normalize(text): (answer,) for text, answer in (("ﬁN", "fish"), ("ÉA", "ea"))}
    file = answering(path, entries, FOLDING)
    assert file(["fin", "FIN", "ﬁn", "éa", "E\u0301a"]) == ["fish", "fish", "fish", "ea", "ea"]
    assert file(["abc"]) == load(path)(["abc"])


def test_a_prefix_asks_the_model(checkpoints, tmp_path):
    """An entry is the whole answer, which may begin otherwise."""
    words = tmp_path / "words.tsv"
    words.write_text("abc\tknown\n", encoding="utf-8")
    plain = checkpoints["characters"]
    config = attrs.evolve(plain.config, export=ExportConfig(prefix=True, lexicon=str(words)))
    export(attrs.evolve(plain, config=config), ["abc", "cab"], tmp_path / "model.onnx")
    file = load(tmp_path / "model.onnx")
    letter = plain.target_tokenizer.vocabulary.tokens[-1]
    known, begun = file(["abc", "abc"], prefix=["", letter])
    assert known == "known"
    assert begun.startswith(letter)
    assert file(["abc", "abc"], prefix=letter) == [begun, begun]
    assert file.metadata["lexicon"] == 1


def test_a_patch_changes_entries_and_nothing_else(export_once, tmp_path):
    """Of a file with a lexicon or without; the metadata say what and when, and the proof of the rest still holds."""
    path, fixes = export_once("characters").path, tmp_path / "fixes.tsv"
    fixes.write_text("ab\tX\nab\tY\ncab\tZ\n", encoding="utf-8")
    made = s2s.patch(path, fixes, tmp_path / "one.onnx")
    assert (made.added, made.changed, made.removed, made.entries) == (2, 0, 0, 2)
    fixes.write_text("ab\nab c\tnew\ncab\tother\n", encoding="utf-8")
    made = s2s.patch(made.path, fixes, tmp_path / "one.onnx")
    assert (made.added, made.changed, made.removed, made.entries) == (1, 1, 1, 2)
    assert lexicon(made.path) == {"ab c": ("new",), "cab": ("other",)}
    file, plain = load(made.path), load(path)
    texts = ["ab", "ab c", "cab", "b"]
    assert file(texts) == [plain(["ab"])[0], "new", "other", plain(["b"])[0]]
    assert [{**patch, "date": ""} for patch in file.metadata["patches"]] == [
        {"date": "", "added": 2, "changed": 0, "removed": 0},
        {"date": "", "added": 1, "changed": 1, "removed": 1},
    ]
    assert file.metadata["parity"] == plain.metadata["parity"]
    fixes.write_text("ab c\ncab\n", encoding="utf-8")
    assert s2s.patch(made.path, fixes, tmp_path / "none.onnx").entries == 0
    assert load(tmp_path / "none.onnx")(texts) == plain(texts)
    assert lexicon(path) == {}


def test_what_a_patch_needs_is_told(tmp_path, monkeypatch):
    """In an installation that only runs files."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError) as lacking:
        s2s.patch("a", "b", tmp_path / "c")
    needed = 'needs ONNX, which isn\'t installed: pip install "s2s-toolkit[patch]"'
    assert missing_package(lacking.value) == needed


def test_a_patch_needs_no_pytorch(export_once, tmp_path):
    """Nor does the list of entries."""
    (tmp_path / "fixes.tsv").write_text("ab\tX\n", encoding="utf-8")
    program = (
        "import sys; sys.modules['torch'] = None\nfrom s2s_core.cli.main import main\n"
        f"sys.argv = ['s2s', 'patch', {str(export_once('characters').path)!r}, 'fixes.tsv', '-o', 'new.onnx']\nmain()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "new.onnx: 1 added, 0 changed, 0 removed; 1 entry, and the model's other answers as before\n"
    assert list(lines(lexicon(tmp_path / "new.onnx"))) == ["ab\tX"]


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_lexicon, "a\tb\nc\n", "{}, line 2 must have a source, a TAB and an answer"),
        (read_lexicon, "a\tb\tc\n", "{}, line 1 has 3 columns; an entry has a source and an answer"),
        (read_lexicon, "a\tb\n\tc\n", "{}, line 2 has an empty source"),
        (read_lexicon, "a\tb\0\n", "{}, line 1 has a NUL character"),
        (read_lexicon, "", "{} has no entries"),
        (read_fixes, "a\tb\na\n", "{}, line 2 both changes and removes 'a'"),
        (read_fixes, "a\na\tb\n", "{}, line 2 both changes and removes 'a'"),
        (
            read_lexicon,
            "".join(f"a\t{n}\n" for n in range(101)),
            "{}, line 101 is one too many: a source has at most 100 answers",
        ),
    ],
)
def test_bad_entries_are_named(tmp_path, read, content, message):
    """By their line."""
    path = tmp_path / "words.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read(path, str)
    assert str(refused.value) == message.format(path)


def test_entries_keep_their_order(tmp_path):
    """Several lines of a source are its answers, best first; one that is repeated counts once."""
    path = tmp_path / "words.tsv"
    path.write_text("a\tx\nB\tq\na\ty\na\tx\n", encoding="utf-8")
    assert read_lexicon(path, str.lower) == {"a": ("x", "y"), "b": ("q",)}
    assert list(fixed({"a": ("x",), "b": ("y",)}, {"a": (), "c": ("z",)})) == ["b", "c"]
    with pytest.raises(DataError, match=r"^there is no entry 'q' to remove$"):
        fixed({"a": ("x",)}, {"q": ()})


def test_a_damaged_lexicon_is_told(export_once, tmp_path):
    """As of a file that another tool changed."""
    (tmp_path / "fixes.tsv").write_text("ab\tX\n", encoding="utf-8")
    made = s2s.patch(export_once("characters").path, tmp_path / "fixes.tsv", tmp_path / "new.onnx")
    model = onnx.load(made.path)
    table = next(tensor for tensor in model.graph.initializer if tensor.name == "lexicon_answers")
    table.string_data[0] = b"\xff"
    onnx.save(model, made.path)
    with pytest.warns(s2s.ChangedFileWarning), pytest.raises(ModelError, match="has a damaged lexicon"):
        lexicon(made.path)


def test_what_other_tools_changed_is_no_traceback(export_once, tmp_path):
    """More outputs are left out, and a list of patches that is none is told."""
    (tmp_path / "fixes.tsv").write_text("ab\tX\n", encoding="utf-8")
    model = onnx.load(export_once("characters").path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("hypothesis_ids", onnx.TensorProto.INT64, [None] * 3))
    onnx.save(model, tmp_path / "more.onnx")
    with pytest.warns(s2s.ChangedFileWarning):
        made = s2s.patch(tmp_path / "more.onnx", tmp_path / "fixes.tsv", tmp_path / "new.onnx")
    with pytest.warns(s2s.ChangedFileWarning):  # a patch doesn't make it what was proved
        opened = load(made.path)
    assert opened(["ab"]) == ["X"]
    metadata = {**opened.metadata, "patches": 5}
    patched = onnx.load(made.path)
    onnx.helper.set_model_props(patched, {"s2s": json.dumps(metadata)})
    onnx.save(patched, made.path)
    with pytest.warns(s2s.ChangedFileWarning), pytest.raises(ModelError, match="patches is no list"):
        s2s.patch(made.path, tmp_path / "fixes.tsv", tmp_path / "again.onnx")


def test_a_patch_of_damaged_metadata_is_no_traceback(export_once, tmp_path):
    """As by another tool, which left out what it didn't know."""
    (tmp_path / "fixes.tsv").write_text("ab\tX\n", encoding="utf-8")
    path = export_once("characters").path
    config = {name: table for name, table in load(path).metadata["config"].items() if name != "decoding"}
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"s2s": json.dumps({**load(path).metadata, "config": config})})
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(ModelError, match=r"damaged metadata: there is no config\.decoding"):
        s2s.patch(tmp_path / "less.onnx", tmp_path / "fixes.tsv", tmp_path / "new.onnx")
    assert not (tmp_path / "new.onnx").exists()
