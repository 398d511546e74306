"""What a file can tell besides answers, and take besides sources: confidence, origin, scores, words, plain inputs."""

import copy
import json
import math

import attrs
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import s2s_core as s2s
from s2s_core.config.tables import ExportConfig
from s2s_core.data.task import Example
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.errors import ConfigError, DataError, ExportError, ModelError
from s2s_core.evaluation.calibration import Calibration
from s2s_core.exporting.calibration import prove_confidence
from s2s_core.exporting.exporter import export
from s2s_core.exporting.scorer_proof import prove_scorer
from s2s_core.exporting.sentences_proof import prove_sentences
from s2s_core.pipeline.patch import lexicon, patch
from s2s_core.runtime.file import load
from s2s_core.text import sentences

HELD_OUT = ["abc", "cab", "bbbb", "a", "ccab b", "b\u00e4c"]

EXAMPLES = [Example("a", "b")] * 3

REQUIRED = ["beam_size", "answer"]

TEXT = st.lists(
    st.sampled_from(["abc", "abc's", "cab", "a", "\u65e5\u672c", "\u00e9t\u00e9", "12", " ", ", ", "'", "\n", "?!"]),
    max_size=6,
).map("".join)


def test_confidence_is_the_calibrated_probability(telling_file, export_once):
    """By the calibration in the metadata, of what a plain file says of the same answers; of an entry it is 1."""
    model, plain = load(telling_file), load(export_once("characters").path)
    saved = model.metadata["calibration"]
    texts = ["cab", "b", "", "aabbcc", "abc"]
    answers, scores = model.answers(texts), plain.answers(texts).scores[:, 0].astype(float)
    longest = plain.metadata["config"]["decoding"]["max_length"]
    lengths = np.array([min(len(text) + 1, longest) for text in plain(texts)], float)  # the end counts, if there is one
    expected = Calibration(**saved)(scores, lengths)
    np.testing.assert_allclose(answers.confidence[:-1], expected[:-1], atol=1e-3)
    assert answers.confidence[-1] == 1.0
    assert answers.origin.tolist() == ["model"] * 4 + ["lexicon"]
    assert model.answers([]).confidence.shape == (0,)


def test_given_answers_are_scored_as_in_pytorch(telling_file, checkpoints):
    """One's own, others', empty and unknown ones; an entry is certain, and whatever contradicts it impossible."""
    model, likelihoods = load(telling_file), Likelihoods(checkpoints["characters"])
    pairs = [("cab", "x"), ("cab", ""), ("", "xyz"), ("b", "\u65e5\u672c x"), ("b" * 30, "zzzzzzzzzzzzzzzz")]
    sources, answers = zip(*pairs, strict=True)
    expected = [likelihood.log_probability for likelihood in likelihoods([Example(*pair) for pair in pairs])]
    np.testing.assert_allclose(model.score(sources, answers), expected, rtol=1e-4, atol=1e-3)
    certain = [0.0, 0.0, -math.inf]
    assert model.score(["abc"] * 3, ["known", "other", "x"]).tolist() == certain
    mixed = model.score(["abc", "cab", "abc"], ["other", "x", "x"])
    assert mixed.tolist() == pytest.approx([0.0, expected[0], -math.inf], abs=1e-3)
    assert model.score([], []).shape == (0,)
    with pytest.raises(DataError, match="give one answer for all texts, or one for each: 2"):
        model.score(["a", "b"], ["a", "b", "c"])
    with pytest.raises(DataError, match=r"one for each: 1 \(got 7\)"):
        model.score(["a"], 7)


def test_plain_onnx_runtime_refuses_several_answers_to_one_source(telling_file):
    """Instead of scoring the first alone; who ranks answers repeats the source."""
    session = onnxruntime.InferenceSession(telling_file, providers=["CPUExecutionProvider"])
    given = {"source": np.array(["cab"], object), "answer": np.array(["x", "y"], object), "beam_size": np.array(1)}
    with pytest.raises(Exception, match="reshape"):
        session.run(["answer_scores"], given)


def test_required_inputs_have_no_default(telling_file):
    """For bindings that can't set an input that has one; here the file's own settings take its place."""
    session = onnxruntime.InferenceSession(telling_file, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["source", *REQUIRED]
    assert not {value.name for value in session.get_overridable_initializers()} & {*REQUIRED}
    texts = {"source": np.array(["cab"], object)}
    with pytest.raises(ValueError, match=r"Required inputs .*beam_size"):
        session.run(["target"], texts)
    given = {**texts, "beam_size": np.array(2), "answer": np.array([""], object)}
    (hypotheses,) = session.run(["hypotheses"], given)
    model = load(telling_file)
    assert hypotheses.tolist() == model.answers(["cab"], beam_size=2).hypotheses.tolist()
    assert model(["cab"]) == [hypotheses[0, 0]] or model.beam_size != 2


@settings(max_examples=30)  # each runs two files
@given(texts=st.lists(TEXT, max_size=3))
def test_each_word_is_answered_by_itself(sentences_file, telling_file, texts):
    """Its answers, scores, confidences and origins, joined, by a file that answers words."""
    found, words = load(sentences_file).answers(texts), load(telling_file)
    readable = {*"abc "}
    for row, text in enumerate(texts):
        pieces = sentences.split(text)
        said = words.answers([piece for piece in pieces if sentences.is_word(piece)])
        told = []
        for place, word in enumerate(piece for piece in pieces if sentences.is_word(piece)):
            is_kept = said.origin[place] == "model" and not readable.issuperset(word)
            told.append(
                (word, 0.0, 1.0, "source")
                if is_kept
                else (said.hypotheses[place, 0], said.scores[place, 0], said.confidence[place], said.origin[place])
            )
        answers, scores, confidences, origins = zip(*told, strict=True) if told else ((), (), (), ())
        joined = "".join(
            next(answer) if sentences.is_word(piece) else " | " if piece.isspace() else piece
            for answer in [iter(answers)]
            for piece in pieces
        )
        assert found.hypotheses[row].tolist() == [joined]
        assert found.scores[row, 0] == pytest.approx(sum(scores), rel=1e-4, abs=1e-3)
        assert found.confidence[row] == pytest.approx(math.prod(confidences), abs=1e-3)
        assert found.origin[row] == next((name for name in ("model", "lexicon") if name in origins), "source")


def test_a_patch_changes_words_of_sentences(sentences_file, tmp_path):
    """The entries stand before each word, with whatever stands around it."""
    (tmp_path / "fixes.tsv").write_text("cab\ttaxi\nabc\n", encoding="utf-8")
    with pytest.warns(s2s.UnreachableEntriesWarning):
        made = patch(sentences_file, tmp_path / "fixes.tsv", tmp_path / "new.onnx")
    assert (made.added, made.removed) == (1, 1)
    model = load(made.path)
    assert model(["cab, \u65e5\u672c!"]) == ["taxi, | Japan!"]
    assert "abc" not in lexicon(made.path)
    assert model(["abc"]) != ["known"]


def test_entries_that_nothing_leads_to_are_told(sentences_file, tmp_path):
    """As a file of words never looks up two at once."""
    (tmp_path / "fixes.tsv").write_text("ice cream\tcold\ncab\ttaxi\n", encoding="utf-8")
    with pytest.warns(s2s.UnreachableEntriesWarning, match=r"2 of 5 entries .* never found, such as 'to us'"):
        patch(sentences_file, tmp_path / "fixes.tsv", tmp_path / "new.onnx")


@pytest.mark.parametrize("export", [None, [], {"unit": "line"}])
def test_a_damaged_table_is_told(sentences_file, tmp_path, export):
    """It says how a file is to be patched."""
    model = onnx.load(sentences_file)
    metadata = load(sentences_file).metadata
    metadata["config"]["export"] = export
    onnx.helper.set_model_props(model, {"s2s": json.dumps(metadata)})
    onnx.save(model, tmp_path / "damaged.onnx")
    (tmp_path / "fixes.tsv").write_text("cab\ttaxi\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"damaged metadata: config\.export\.unit is neither text nor word"):
        patch(tmp_path / "damaged.onnx", tmp_path / "fixes.tsv", tmp_path / "new.onnx")


def test_a_file_of_words_says_what_it_can_not_have(sentences_file):
    """And not how to export it with that."""
    model = load(sentences_file)
    for call in (lambda: model(["a"], prefix="b"), lambda: model.score(["a"], ["b"])):
        with pytest.raises(ConfigError, match="isn't defined for a file that answers each word of a text by itself"):
            call()


def test_words_are_answered_without_pytorch_or_s2s(sentences_file):
    """By plain ONNX Runtime: three sentences at once, one of them empty, one without a word."""
    session = onnxruntime.InferenceSession(sentences_file, providers=["CPUExecutionProvider"])
    texts = np.array(["abc 12 abc\u2026", "", "?!"], object)
    target, hypotheses, scores = session.run(["target", "hypotheses", "scores"], {"source": texts})
    assert target.tolist() == ["known | 12 | known\u2026", "", "?!"]
    assert hypotheses.tolist() == [[text] for text in target]
    assert scores.tolist() == [[0.0], [0.0], [0.0]]


@pytest.mark.parametrize(
    ("name", "call"),
    [("confidence", None), ("origin", None), ("answer_scores", lambda model: model.score(["a"], ["b"]))],
)
def test_what_a_file_does_not_tell_is_refused(export_once, name, call):
    """With the setting that asks for it."""
    model = load(export_once("characters").path)
    asked = {"answer_scores": "scorer"}.get(name, name)
    with pytest.raises(ConfigError, match=f"has no output '{name}': export it again with --set export.{asked}=true"):
        call(model) if call else model.require_output(name)
    assert model.answers(["a"]).confidence is None


def test_settings_that_contradict_each_other_are_refused(checkpoints, tmp_path):
    """Before anything is exported."""
    with pytest.raises(ValueError, match='prefix must be false with unit = "word"'):
        ExportConfig(unit="word", prefix=True)
    with pytest.raises(ValueError, match='scorer must be false with unit = "word"'):
        ExportConfig(unit="word", scorer=True)
    with pytest.raises(ValueError, match='unit must be "word" for punctuation and separator'):
        ExportConfig(separator="_")
    plain = checkpoints["characters"]
    with pytest.raises(ConfigError, match=r"the file has no input 'beam_sice'.*did you mean 'beam_size'"):
        attrs.evolve(plain.config, export=ExportConfig(required_inputs=("beam_sice",)))
    config = attrs.evolve(plain.config, export=ExportConfig(confidence=True))
    with pytest.raises(DataError, match="at least 20 validation examples"):
        export(attrs.evolve(plain, config=config), HELD_OUT, tmp_path / "model.onnx", lambda: (EXAMPLES, "each"))
    assert not list(tmp_path.iterdir())


def test_the_proofs_refuse_another_answer(telling_file, sentences_file, checkpoints):
    """Each passes on the file as it is, and refuses it if something else was to be proved."""
    checkpoint, model, texts = checkpoints["characters"], onnx.load(telling_file), ["cab", "b"]
    decoding = load(telling_file).metadata["config"]["decoding"]
    calibration = Calibration(**load(telling_file).metadata["calibration"])
    prove_confidence(model, calibration, texts, decoding)
    with pytest.raises(ExportError, match="confidences aren't those of its calibration"):
        prove_confidence(model, Calibration(0.01, 0.0, 5.0), texts, decoding)
    prove_scorer(model, checkpoint, texts, 1e-3)
    other = copy.deepcopy(checkpoint)
    for parameter in other.model.parameters():
        parameter.data += 0.1
    with pytest.raises(ExportError, match="scores given answers otherwise"):
        prove_scorer(model, other, texts, 1e-3)
    content = sentences_file.read_bytes()
    prove_sentences(content, content, "keep", " | ", HELD_OUT, decoding)
    with pytest.raises(ExportError, match=r"doesn't answer .* as its words' answers, joined"):
        prove_sentences(content, content, "drop", " | ", HELD_OUT, decoding)
