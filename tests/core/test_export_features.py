"""What a file's export asked for is in the file, as inputs with defaults, and equals PyTorch; the rest isn't."""

import attrs
import numpy as np
import onnx
import onnxruntime
import pytest

from s2s_core.config.decoding import ASKED_BY, INPUTS
from s2s_core.decoding.translate import Translator
from s2s_core.errors import ConfigError, DataError, ExportError
from s2s_core.exporting.exporter import export
from s2s_core.exporting.parity import prove
from s2s_core.runtime.file import load

TEXTS = ["abc", "", "cab a", "b", "bbbb abc b", " ", "\u00e4\N{SNOWMAN}", "c\u65e5\n\x00a", "a b  c", "ab" * 8]
PREFIXES = {
    "characters": ["xy", "", "z", "\N{SNOWMAN}x", "", "q", "xyzxyzxyzxyzxyz", "", "x\n", "y"],
    "words": ["one two", "", "drei", "\N{SNOWMAN} one", "", "unheard", "one " * 9, " ", "two  two", "one"],
}
ASKED = {
    "characters": {"coverage_penalty": 0.4, "no_repeat_ngram": 2, "beam_size": 3},
    "words": {"sampling": True, "temperature": 1.5, "top_p": 0.95, "no_repeat_ngram": 3, "seed": 5},
}
"""The first has attention and searches, the second has none and samples."""


@attrs.frozen(eq=False)
class Featured:
    """A model, its file with features, and which of the two it is."""

    name: str
    checkpoint: object
    path: object
    parity: object
    model: object


@pytest.fixture(scope="module")
def export_featured(checkpoints, tmp_path_factory):
    done = {}

    def featured(name):
        if name not in done:
            plain = checkpoints[name]
            decoding = attrs.evolve(plain.config.decoding, **ASKED[name])
            exporting = attrs.evolve(plain.config.export, prefix=True, scorer=True)
            checkpoint = attrs.evolve(plain, config=attrs.evolve(plain.config, decoding=decoding, export=exporting))
            path = tmp_path_factory.mktemp("featured") / f"{name}.onnx"
            parity = export(checkpoint, ["abc", "cab"], path)
            done[name] = Featured(name, checkpoint, path, parity, load(path, threads=1))
        return done[name]

    return featured


@pytest.fixture(params=["characters", "words"])
def featured(request, export_featured):
    return export_featured(request.param)


def translate(featured, texts, prefixes, **settings):
    """Returns texts and scores from PyTorch."""
    translator = Translator(featured.checkpoint, attrs.evolve(featured.checkpoint.config.decoding, **settings))
    return translator.answers(texts, prefixes)


def assert_same(featured, texts, prefixes, **settings):
    hypotheses, scores = translate(featured, texts, prefixes, **settings)
    answers = featured.model.answers(texts, prefix=prefixes, **settings)
    assert hypotheses == answers.hypotheses.tolist()
    np.testing.assert_allclose(answers.scores, scores, rtol=1e-3, atol=1e-3)
    return hypotheses


SEARCHES = [
    {},
    {"beam_size": 5, "coverage_penalty": 1.5, "length_penalty": 0.5},
    {"no_repeat_ngram": 0, "coverage_penalty": 0.0},
    {"no_repeat_ngram": 1, "beam_size": 2, "min_length": 3},
    {"no_repeat_ngram": 3, "min_length_ratio": 0.5, "min_length": 1, "max_length": 2, "max_length_ratio": 0.9},
]
SAMPLINGS = [
    {},
    {"beam_size": 6, "seed": 2**32 - 1},
    {"temperature": 0.3, "top_k": 3, "top_p": 1.0},
    {"top_k": 4, "top_p": 0.7, "seed": 9, "min_length": 4},
    {"no_repeat_ngram": 1, "temperature": 4.0, "min_length_ratio": 1.0, "max_length": 3, "max_length_ratio": 0.5},
]


@pytest.mark.parametrize("with_prefixes", [False, True])
@pytest.mark.parametrize("number", range(5))
def test_a_file_with_features_answers_as_the_model_does(featured, number, with_prefixes):
    """Texts and scores of all hypotheses are the same with any settings, alone and in a batch."""
    settings = (SAMPLINGS if featured.checkpoint.config.decoding.sampling else SEARCHES)[number]
    prefixes = PREFIXES[featured.name] if with_prefixes else None
    together = assert_same(featured, TEXTS, prefixes, **settings)
    for row in (0, 3, 6):
        begin = None if prefixes is None else prefixes[row : row + 1]
        assert [together[row]] == assert_same(featured, TEXTS[row : row + 1], begin, **settings)


def test_the_settings_above_matter(featured):
    """No two of them give the same answers."""
    settings = SAMPLINGS if featured.checkpoint.config.decoding.sampling else SEARCHES
    answers = [featured.model(TEXTS, **each) for each in settings]
    answers.append(featured.model(TEXTS, prefix=PREFIXES[featured.name]))
    assert all(one != other for number, one in enumerate(answers) for other in answers[:number])


def test_one_prefix_serves_all_texts(featured):
    """A text alone stands for one for each, and the empty one, the default, for none."""
    model, prefix = featured.model, PREFIXES[featured.name][0]
    assert model(TEXTS, prefix=[prefix] * len(TEXTS)) == model(TEXTS, prefix=prefix)
    assert all(answer.startswith(prefix) for answer in model(TEXTS, prefix=prefix))
    assert model(TEXTS) == model(TEXTS, prefix="") == model(TEXTS, prefix=[""] * len(TEXTS))
    assert [] == model([], prefix=[]) == model([], prefix=prefix) == model([])


def test_other_runtimes_may_give_one_prefix_or_one_for_each(featured):
    """The input has the shape [1] or [N]; no texts need none."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(featured.path), options, providers=["CPUExecutionProvider"])
    for texts, prefixes in [(TEXTS[:3], 1), (TEXTS[:3], 3), ([], 1), ([], 0)]:
        given = {"source": np.array(texts, object), "prefix": np.array(["one"] * prefixes, object)}
        (answers,) = session.run(["target"], given)
        assert featured.model(texts, prefix=["one"] * len(texts)) == answers.tolist()


@pytest.mark.parametrize("prefixes", [["a"], ["a"] * 3, []])
def test_a_wrong_number_of_prefixes_is_refused(featured, prefixes):
    """In PyTorch and in the file."""
    with pytest.raises(DataError, match=f"one for each.*: 2 .got .*{len(prefixes) or ''}"):
        featured.model(["a", "b"], prefix=prefixes)
    with pytest.raises(DataError, match="one for each"):
        translate(featured, ["a", "b"], prefixes)


def test_inputs_are_those_that_were_asked_for(featured, exported):
    """A file has no input for what it doesn't do, and all have the defaults of their export."""
    asked = {"words": {"sampling", "no_repeat", "prefix"}, "characters": {"coverage", "no_repeat", "prefix"}}
    for path, config, parts in [
        (featured.path, featured.checkpoint.config, asked[featured.name]),
        (exported.path, exported.checkpoint.config, set()),
    ]:
        graph = onnx.load(path).graph
        expected = {name for name, (_, part, _) in INPUTS.items() if part is None or part in parts}
        found = {value.name for value in graph.input} - {"source", "prefix", "answer"}
        defaults = {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}
        assert expected == found
        assert ("prefix" in parts) == ("prefix" in defaults)
        for name in found:
            assert np.array(getattr(config.decoding, name), INPUTS[name].kind) == defaults[name]


def test_what_a_file_cannot_do_is_refused(exported):
    """The message says how to export it."""
    model = load(exported.path)
    settings = {name: 1 for name, (_, part, _) in INPUTS.items() if part is not None} | {"prefix": "a"}
    for name, value in settings.items():
        asked = ASKED_BY["prefix" if name == "prefix" else INPUTS[name].feature]
        with pytest.raises(ConfigError, match=f"has no input '{name}': export it again with --set {asked}$"):
            model(["a"], **{name: value})


def test_features_are_proven(featured):
    """The record counts searches with other settings, and a file whose step does something else is refused."""
    assert featured.parity.batches > len(TEXTS)
    model = onnx.load(featured.path)
    wrong = {"ScatterElements": "Identity", "ArgMax": "ArgMin"}
    for loop in (node for node in model.graph.node if node.op_type == "Loop"):
        for node in loop.attribute[0].g.node:
            if node.op_type in wrong:
                del node.input[1:]
                if node.op_type == "ScatterElements":
                    del node.attribute[:]
                node.op_type = wrong[node.op_type]
    with pytest.raises(ExportError, match="the file"):
        prove(model, featured.checkpoint, TEXTS[:1], 1e-3)


def test_a_coverage_penalty_is_refused_without_attention(checkpoints, tmp_path):
    """The export stops with what to do, and writes nothing."""
    plain = checkpoints["words"]
    decoding = attrs.evolve(plain.config.decoding, coverage_penalty=0.2)
    with pytest.raises(ConfigError, match="needs a decoder with attention"):
        export(attrs.evolve(plain, config=attrs.evolve(plain.config, decoding=decoding)), TEXTS, tmp_path / "no.onnx")
    assert [] == list(tmp_path.iterdir())


def test_the_loop_repeats_nothing(exported):
    """What a step computes depends on what a step before left; the rest stands before the loop."""
    graph = onnx.load(exported.path).graph
    loops = [node.attribute[0].g for node in graph.node if node.op_type == "Loop"]
    (search,) = [body for body in loops if any(node.op_type == "TopK" for node in body.node)]
    changing = {value.name for value in search.input}
    for node in search.node:
        assert changing & set(node.input), node.name
        changing |= set(node.output)
