"""An exported file runs in Python with one call, without PyTorch, and what can't run is refused in one sentence."""

import json
import math
import subprocess
import sys
from textwrap import dedent

import attrs
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import s2s_core
from s2s_core.decoding.translate import Translator
from s2s_core.errors import ConfigError, DataError, ModelError
from s2s_core.runtime.file import load
from s2s_core.runtime.session import SMALL_FILE, threads_for
from s2s_core.version import FORMAT_VERSION

TEXTS = ["abc", "", "cab a", "b\u00e4\N{SNOWMAN}", "a\x00b\nc"]


@pytest.fixture
def model(exported):
    return load(exported.path, threads=1)


def test_one_call_answers_texts(model, exported):
    """It gives one answer for each text, the one that PyTorch gives."""
    answers = model(TEXTS)
    assert Translator(exported.checkpoint, exported.checkpoint.config.decoding)(TEXTS) == answers
    assert {str} == set(map(type, answers))


def test_a_file_can_be_given_in_three_ways(exported):
    """As a path, as its name, or as its content; and under the package's own name."""
    expected = load(exported.path)(TEXTS)
    for file in (str(exported.path), exported.path.read_bytes()):
        assert expected == s2s_core.load(file)(TEXTS)


def test_the_search_can_be_set_with_each_call(model, exported):
    """Other beams, lengths and penalties are those of PyTorch."""
    settings = {"beam_size": 4, "max_length": 5, "length_penalty": 0.7}
    translator = Translator(exported.checkpoint, attrs.evolve(exported.checkpoint.config.decoding, **settings))
    assert translator(TEXTS) == model(TEXTS, **settings)
    assert model(TEXTS, **settings) != model(TEXTS, max_length=1)


@pytest.mark.parametrize("beam_size", [1, 3, 20])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_answers_have_all_hypotheses(model, count, beam_size):
    """N rows of K texts and scores, best first; the first is the one that a plain call gives."""
    texts = TEXTS[:count]
    answers = model.answers(texts, beam_size=beam_size, max_length=2)
    assert (count, beam_size) == answers.hypotheses.shape == answers.scores.shape
    assert np.float32 == answers.scores.dtype
    assert (answers.scores[:, :-1] >= answers.scores[:, 1:]).all()
    assert not np.isnan(answers.scores).any()
    assert model(texts, beam_size=beam_size, max_length=2) == answers.hypotheses[:, 0].tolist()
    assert set(answers.hypotheses[answers.scores == -math.inf].tolist()) <= {""}


def test_no_texts_have_no_answers(model):
    """An empty list gives an empty list."""
    assert [] == model([])


def test_metadata_are_at_hand(model, exported):
    """A program can ask a file what it is."""
    assert FORMAT_VERSION == model.metadata["format"]
    assert attrs.asdict(exported.parity) == model.metadata["parity"]
    assert list(exported.checkpoint.target_tokenizer.vocabulary.tokens) == model.metadata["target_tokenizer"]["tokens"]


@pytest.mark.parametrize("half", [0xD800, 0xDFFF, 0xDE42])
def test_half_a_surrogate_pair_is_refused(model, half):
    """No file holds such a text, and the message says which one it is."""
    with pytest.raises(DataError, match=r"^text 1 holds half of a surrogate pair"):
        model(["a", f"b{chr(half)}c"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_length_ratio", float("inf")),
        ("length_penalty", float("nan")),
        ("max_length", 10**30),
        ("beam_size", -(2**64)),
    ],
)
def test_a_number_that_can_not_be_computed_with_is_refused(model, name, value):
    """The message names the setting."""
    with pytest.raises(ConfigError, match=rf"^{name} must be a (whole )?number from -4294967296 to 4294967296 \(got "):
        model(["a"], **{name: value})


def test_an_unknown_setting_is_refused(model):
    """As Python refuses any argument that a function doesn't have."""
    with pytest.raises(TypeError, match=r"no setting 'beam'.* min_length_ratio, no_repeat_ngram, prefix, seed, "):
        model(TEXTS, beam=3)


def test_a_file_tells_its_beams_and_what_it_knows(model, exported):
    """What a call leaves to the file, and which characters it can tell apart from unknown ones."""
    assert exported.checkpoint.config.decoding.beam_size == model.beam_size
    assert [True, False] == [model.knows("a"), model.knows("\t")]
    model.metadata["source_tokenizer"] = {}
    assert model.knows("\t")
    del model.metadata["config"]["decoding"]
    with pytest.raises(ModelError, match=r" has damaged metadata: there is no config\.decoding\.beam_size$"):
        _ = model.beam_size


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_is_refused(exported_characters, tmp_path, share):
    """Wherever it ends, the error names it."""
    content = exported_characters.path.read_bytes()
    path = tmp_path / "half.onnx"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"half\.onnx ") as refused:
        load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04", bytes(range(256))])
def test_a_file_of_another_kind_is_refused(content):
    """Given as content, it's called the model."""
    with pytest.raises(ModelError, match=r"^the model (is damaged or is not an ONNX file|was not made by s2s)"):
        load(content)


def tiny(metadata=None):
    """Returns a valid ONNX file that hands strings through."""
    values = [helper.make_tensor_value_info(name, TensorProto.STRING, ["N"]) for name in ("source", "target")]
    graph = helper.make_graph([helper.make_node("Identity", ["source"], ["target"])], "tiny", values[:1], values[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made)
    if metadata is not None:
        helper.set_model_props(made, {"s2s": metadata})
    return made.SerializeToString()


def test_a_foreign_model_is_refused():
    """A valid ONNX file that somebody else made isn't one of ours."""
    with pytest.raises(ModelError, match=r"^the model was not made by s2s: it has no metadata 's2s'$"):
        load(tiny())


@pytest.mark.parametrize("metadata", ["", "{", "[]", "{}", "3", "null"])
def test_damaged_metadata_are_refused(metadata):
    """What isn't a JSON object with a format is no metadata of ours."""
    with pytest.raises(ModelError, match=r"^the model has damaged metadata: "):
        load(tiny(metadata))


def test_a_newer_format_is_refused():
    """The message says what to do."""
    with pytest.raises(ModelError, match=f"^the model has format {FORMAT_VERSION + 1}, .*: upgrade s2s-toolkit$"):
        load(tiny(json.dumps({"format": FORMAT_VERSION + 1})))


def test_a_missing_file_is_refused(tmp_path):
    """So is a folder."""
    with pytest.raises(ModelError, match=r"^can't read .*missing\.onnx: No such file or directory$"):
        load(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match=r"^can't read .*: Is a directory$"):
        load(tmp_path)


def test_an_unknown_provider_is_refused(exported_characters):
    """The message says which there are."""
    with pytest.raises(ConfigError, match=r"^unknown provider 'tpu'; there are: cpu, cuda$"):
        load(exported_characters.path, provider="tpu")


def test_a_provider_that_is_not_there_is_refused(exported_characters, monkeypatch):
    """The message says what to install."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match=r"^this ONNX Runtime has no provider 'cuda': pip install onnxruntime-gpu$"):
        load(exported_characters.path, provider="cuda")


def test_running_a_model_imports_neither_torch_nor_onnx(exported, model):
    """A process that answers texts has loaded nothing that training needs."""
    program = """
        import sys
        from s2s_core.runtime.file import load

        answers = load(sys.argv[1], threads=1)(["abc", "cab a"], beam_size=2)
        loaded = {name.partition(".")[0] for name in sys.modules}
        print(answers, sorted(loaded & {"torch", "onnx", "onnx_ir", "onnxscript", "accelerate", "safetensors"}))
    """
    command = [sys.executable, "-W", "error", "-c", dedent(program), str(exported.path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert "" == done.stderr
    assert f"{model(['abc', 'cab a'], beam_size=2)} []\n" == done.stdout


def test_a_single_string_is_refused(exported_characters):
    """A text alone would be answered letter by letter."""
    with pytest.raises(DataError, match="as a list"):
        load(exported_characters.path)("hello")


def test_a_small_file_takes_one_thread(exported):
    """Unless the caller wants more; a large one takes as many as there are cores."""
    assert (1, 0) == (threads_for(SMALL_FILE), threads_for(SMALL_FILE + 1))
    for threads, taken in ((0, 1), (3, 3)):
        session = load(exported.path, threads=threads)._session._session
        assert taken == session.get_session_options().intra_op_num_threads


@pytest.mark.parametrize("value", [2.7, True, "2", float("nan"), [2], 2**80])
def test_a_whole_number_is_one(exported_characters, value):
    """Nothing is rounded in silence; NumPy's numbers are numbers."""
    model = load(exported_characters.path)
    with pytest.raises(ConfigError, match=r"^beam_size must be a whole number from "):
        model(["abc"], beam_size=value)
    assert model(["abc"], beam_size=np.int32(2)) == model(["abc"], beam_size=2)
    assert model(["abc"], length_penalty=np.float32(1)) == model(["abc"], length_penalty=1)
