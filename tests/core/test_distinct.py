"""No text comes twice among the answers, in the file and in PyTorch, though subwords can spell it in several ways."""

import attrs
import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.decoding.distinct import distinct
from s2s_core.decoding.translate import Translator
from s2s_core.exporting import distinct as nodes
from s2s_core.exporting.exporter import export
from s2s_core.exporting.graph import finished, new_builder
from s2s_core.runtime.file import load
from s2s_core.text.bpe import BPE, BPEConfig

NOTHING = -np.inf


def test_a_repeated_text_gives_way():
    """The better one stays, an empty text is a text, and what doesn't exist stays at the end."""
    scores = np.array([[-1.0, -2.0, -3.0, -4.0, NOTHING]], np.float32)
    assert distinct([["a", "", "a", "b", ""]], scores).texts == [["a", "", "b", "", ""]]
    assert distinct([["a", "", "a", "b", ""]], scores).scores.tolist() == [[-1.0, -2.0, -4.0, NOTHING, NOTHING]]


@pytest.fixture(scope="module")
def session():
    """The nodes alone, in ONNX Runtime."""
    builder = new_builder("distinct")
    texts = builder.input("texts", ir.DataType.STRING, ["N", "K"])
    scores = builder.input("scores", ir.DataType.FLOAT, ["N", "K"])
    for name, value in zip(("kept", "kept_scores"), nodes.distinct(builder.op, texts, scores), strict=True):
        value.type = ir.TensorType(ir.DataType.STRING if name == "kept" else ir.DataType.FLOAT)
        builder.add_output(value, name)
    content = ir.to_proto(finished(builder)).SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_nodes_do_the_same(session, rows, beams, seed):
    """For any texts with scores that fall along a row, some of which are equal."""
    random = np.random.default_rng(seed)
    texts = random.choice(["", "a", "aa", "é", "�"], (rows, beams)).astype(object)
    scores = -np.sort(random.integers(0, 4, (rows, beams)), axis=1).astype(np.float32)
    exists = np.arange(beams) < random.integers(0, beams + 1, (rows, 1))
    texts[~exists], scores[~exists] = "", NOTHING
    kept, kept_scores = session.run(None, {"texts": texts, "scores": scores})
    expected = distinct(texts.tolist(), scores)
    assert kept.tolist() == expected.texts
    assert kept_scores.tolist() == expected.scores.tolist()


@pytest.mark.parametrize("sampling", [False, True])
def test_subwords_give_each_text_once(checkpoints, make_model, tmp_path, sampling):
    """Among many beams of an untrained model some would be the same text; of equal samples each counts."""
    checkpoint = checkpoints["characters"]
    tokenizer = BPE.train(BPEConfig(), ["aaaa", "abab", "ab"])
    model = make_model(len(checkpoint.source_tokenizer.vocabulary), len(tokenizer.vocabulary))
    decoding = attrs.evolve(checkpoint.config.decoding, beam_size=40, max_length=3, sampling=sampling)
    exporting = attrs.evolve(checkpoint.config.export, tolerance=0.01)  # an untrained model's scores are large
    config = attrs.evolve(checkpoint.config, decoding=decoding, export=exporting)
    checkpoint = attrs.evolve(checkpoint, config=config, model=model, target_tokenizer=tokenizer)
    translator, sources = Translator(checkpoint, decoding), ["abc", ""]
    found = translator.answers(sources)
    spelt = translator.texts(translator.hypotheses(sources), sources)
    assert any(len({*row}) < len(row) for row in spelt)
    if sampling:
        assert found.texts == spelt
    else:
        for row, scores in zip(found.texts, found.scores, strict=True):
            real = [text for text, score in zip(row, scores, strict=True) if score > NOTHING]
            assert sorted({*real}) == sorted(real)
    export(checkpoint, sources, tmp_path / "model.onnx")
    answers = load(tmp_path / "model.onnx").answers(sources)
    assert answers.hypotheses.tolist() == found.texts
    np.testing.assert_allclose(answers.scores, found.scores, rtol=0, atol=0.01)
