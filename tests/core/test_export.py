"""An exported file answers as the model does, whoever wrote its encoder and decoder, or isn't written."""

import copy
import getpass
import json
import math
import platform
import re
import zlib
from pathlib import Path

import attrs
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from s2s_core import NoConfig, Output
from s2s_core.config.decoding import INPUTS, SearchFeatures
from s2s_core.data.pairs import Sequences
from s2s_core.decoding import BeamSearch
from s2s_core.decoding.distinct import DistinctTexts
from s2s_core.decoding.translate import Hypotheses, Translator
from s2s_core.errors import ExportError
from s2s_core.exporting import exporter
from s2s_core.exporting.parity import compare, prove
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.replay import Trace, is_tie
from s2s_core.text.vocabulary import BOS, EOS, PAD, UNK
from s2s_core.text.words import Words

BATCH = ["abc", "", "cab a", "b", "bbbb abc b", " ", "\u00e4\N{SNOWMAN}", "c\u65e5\n\x00a", "a b  c", "ab" * 10]
TEXTS = ["abc", "b cab", "bbbb", "a b c"]


def run(path, texts, **inputs):
    """Returns target, hypotheses and scores, from ONNX Runtime alone."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of inputs that have a default
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {name: np.array(value, INPUTS[name].kind if name in INPUTS else object) for name, value in inputs.items()}
    return session.run(["target", "hypotheses", "scores"], {"source": np.array(texts, object), **given})


def translate(checkpoint, texts, **settings):
    """Returns the same from PyTorch."""
    translator = Translator(checkpoint, attrs.evolve(checkpoint.config.decoding, **settings))
    hypotheses, scores = translator.answers(texts)
    return [row[0] for row in hypotheses], hypotheses, scores


def assert_same(expected, actual):
    targets, hypotheses, scores = expected
    assert targets == actual[0].tolist()
    assert hypotheses == actual[1].tolist()
    np.testing.assert_allclose(actual[2], scores, rtol=0, atol=1e-3)


def graphs(graph):
    """Yields a graph and the bodies of its loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


@pytest.mark.parametrize("beam_size", [1, 5])
@pytest.mark.parametrize("batch", ["alone", "together"])
def test_a_file_answers_as_the_model_does(exported, beam_size, batch):
    """Texts and scores of all beams are the same, for empty and unknown texts too, alone and in a batch."""
    for texts in [BATCH] if batch == "together" else [[text] for text in BATCH]:
        for penalty in (0.0, 0.8):
            settings = {"beam_size": beam_size, "length_penalty": penalty}
            assert_same(translate(exported.checkpoint, texts, **settings), run(exported.path, texts, **settings))


def test_the_models_are_not_trivial(exported):
    """They answer different texts at different lengths, and beam search finds what greedy search doesn't."""
    greedy, _, _ = run(exported.path, BATCH, beam_size=1)
    best, _, _ = run(exported.path, BATCH, beam_size=5)
    assert len(set(greedy)) >= 4
    assert len({len(exported.checkpoint.target_tokenizer.encode(text)) for text in greedy}) >= 3
    assert greedy.tolist() != best.tolist()


def test_what_is_left_out_has_the_defaults_of_the_run(exported):
    """A file needs nothing but texts."""
    decoding = exported.checkpoint.config.decoding
    names = ("max_length", "beam_size", "length_penalty")
    assert_same(translate(exported.checkpoint, BATCH), run(exported.path, BATCH))
    for name in names:
        others = {other: getattr(decoding, other) for other in names if other != name}
        assert_same(translate(exported.checkpoint, BATCH), run(exported.path, BATCH, **others))


@pytest.mark.parametrize("count", [0, -1, -9])
def test_what_makes_no_sense_counts_as_one(exported, count):
    """An answer has at least one token, its end included, and is the best of at least one beam."""
    shortest, _, scores = run(exported.path, BATCH, max_length=count, beam_size=2)
    assert_same(translate(exported.checkpoint, BATCH, max_length=1, beam_size=2), (shortest, _, scores))
    assert_same(translate(exported.checkpoint, BATCH, beam_size=1), run(exported.path, BATCH, beam_size=count))


@pytest.mark.parametrize("beam_size", [1, 3])
def test_no_texts_have_no_answers(exported, beam_size):
    """An empty batch is a batch."""
    target, hypotheses, scores = run(exported.path, [], beam_size=beam_size)
    assert ((0,), (0, beam_size), (0, beam_size)) == (target.shape, hypotheses.shape, scores.shape)


def test_beams_without_a_hypothesis_are_empty(exported):
    """With more beams than there are one-token answers, the rest have the score minus infinity and no text."""
    size = len(exported.checkpoint.target_tokenizer.vocabulary) - 2
    _, hypotheses, scores = run(exported.path, BATCH, max_length=1, beam_size=size + 3)
    assert np.isfinite(scores[:, :size]).all()
    assert {-math.inf} == set(scores[:, size:].flatten().tolist())
    assert {""} == set(hypotheses[:, size:].flatten().tolist())


def test_the_file_is_valid(exported):
    """ONNX's checker, with full inference of shapes, finds nothing; inputs and outputs are those documented."""
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    described = [
        [(value.name, value.type.tensor_type.elem_type, len(value.type.tensor_type.shape.dim)) for value in values]
        for values in (model.graph.input, model.graph.output)
    ]
    string, int64, number = onnx.TensorProto.STRING, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    inputs = [
        ("source", string, 1),
        ("beam_size", int64, 0),
        ("max_length", int64, 0),
        ("max_length_ratio", number, 0),
        ("min_length", int64, 0),
        ("min_length_ratio", number, 0),
        ("length_penalty", number, 0),
    ]
    assert [inputs, [("target", string, 1), ("hypotheses", string, 2), ("scores", number, 2)]] == described
    assert {name for name, *_ in inputs[1:]} < {value.name for value in model.graph.initializer}


def test_the_file_needs_standard_operators_alone(exported):
    """But for the one that splits a text into characters, which every ONNX Runtime has."""
    model = onnx.load(exported.path)
    used = {(node.domain, node.op_type) for graph in graphs(model.graph) for node in graph.node}
    others = {operator for operator in used if operator[0] not in {"", "ai.onnx.ml"}}
    characters = exported.checkpoint.config.source.tokenizer.name == "characters"
    assert ({("com.microsoft", "Tokenizer")} if characters else set()) == others
    assert not model.functions


def test_no_loop_carries_strings(exported):
    """ONNX Runtime would put it onto a GPU, find no way to copy strings there, and refuse the file."""
    nodes = [node for graph in graphs(onnx.load(exported.path).graph) for node in graph.node]
    bodies = [attribute.g for node in nodes if node.op_type in {"Loop", "If"} for attribute in node.attribute]
    types = [value.type.tensor_type.elem_type for body in bodies for value in (*body.input, *body.output)]
    assert types
    assert onnx.TensorProto.STRING not in types
    assert onnx.TensorProto.UNDEFINED not in types


def test_names_are_given_once(exported):
    """No two values or nodes share a name, not even in different loops, as onnxruntime-web demands."""
    whole, *bodies = graphs(onnx.load(exported.path).graph)
    nodes = [node for graph in (whole, *bodies) for node in graph.node]
    values = [name for node in nodes for name in node.output if name]
    values += [value.name for graph in bodies for value in graph.input]
    names = [node.name for node in nodes]
    assert len(values) == len(set(values))
    assert len(names) == len(set(names))
    assert all(names)


@pytest.mark.parametrize(("name", "changed"), [("characters", 4), ("words", 1)])
def test_the_loop_carries_what_changes(export_once, name, changed):
    """The search's loop carries what a step changes beside tokens, ends and scores, and no memory."""
    graph = onnx.load(export_once(name).path).graph
    assert 5 + changed == max(len(node.input) for node in graph.node if node.op_type == "Loop")


def test_metadata_say_all_about_the_model(exported):
    """They hold what the checkpoint does, but the weights, and the proof; tokenizers can be made from them."""
    text = {entry.key: entry.value for entry in onnx.load(exported.path).metadata_props}["s2s"]
    metadata = json.loads(text)
    assert metadata.pop("parity") == attrs.asdict(exported.parity)
    assert metadata.pop("checksum") == zlib.crc32(onnx.load(exported.path).graph.SerializeToString(deterministic=True))
    assert metadata == json.loads(json.dumps(exported.checkpoint.describe()))
    keys = {"format", "s2s", "config", "source_tokenizer", "target_tokenizer", "parameters", "plugins"}
    assert keys == set(metadata)
    tokenizer = exported.checkpoint.source_tokenizer
    again = type(tokenizer).load(tokenizer.config, metadata["source_tokenizer"])
    assert list(map(tokenizer.encode, BATCH)) == list(map(again.encode, BATCH))


def test_the_proof_is_on_record(exported):
    """It says on how much file and model were compared, and that they hardly differ."""
    parity = exported.parity
    assert parity.texts >= 15
    assert parity.batches >= 2 * (2 + 8 + 7)
    assert parity.hypotheses > parity.texts
    assert 0 == parity.ties
    assert 0 <= parity.score_difference < 1e-3


def test_the_file_knows_nothing_of_this_machine(exported):
    """No path, user or host is in it."""
    content = exported.path.read_bytes()
    here = [str(Path(__file__).parents[2]), str(Path.home()), str(exported.path.parent), platform.node()]
    for trace in [*here, "site-packages", ".py", "/tmp", "torch"]:  # noqa: S108  # not a file that we write
        assert trace.encode() not in content, trace
    if len(getpass.getuser()) > 4:
        assert getpass.getuser().encode() not in content


@pytest.fixture(scope="session")
def words_pieces(checkpoints):
    """The pieces of the model of words, which can be stitched again and again."""
    pieces = export_pieces(checkpoints["words"].model)
    saved = {name: ir.to_proto(getattr(pieces, name)).SerializeToString() for name in ("start", "step")}
    return lambda: attrs.evolve(
        pieces, **{name: ir.from_proto(onnx.load_from_string(piece)) for name, piece in saved.items()}
    )


@pytest.fixture
def export_again(monkeypatch, words_pieces, export_once):
    """Exports the model of words, changed or not, from pieces made before."""
    monkeypatch.setattr(exporter, "export_pieces", lambda *_: words_pieces())
    checkpoint = export_once("words").checkpoint

    def export(path, **changes):
        return exporter.export(attrs.evolve(checkpoint, **changes), TEXTS, path)

    return export


def test_one_model_gives_one_file(export_once, words_pieces, monkeypatch, tmp_path):
    """Exported twice, a model gives the same bytes."""
    first = export_once("words")
    monkeypatch.setattr(exporter, "export_pieces", lambda *_: words_pieces())
    held_out = ["abc", "cab", "bbbb", "a", "ccab b", "abcabcabca", "b\u00e4c", "\N{SLIGHTLY SMILING FACE}a"]
    exporter.export(first.checkpoint, held_out, tmp_path / "again.onnx")
    assert first.path.read_bytes() == (tmp_path / "again.onnx").read_bytes()


@pytest.mark.parametrize(("ratio", "most"), [(1e30, 5), (math.inf, 5), (1.0, 2**63 - 1)])
def test_a_limit_that_no_integer_holds_is_no_limit_in_the_file(exported, ratio, most):
    """Answers are as long as with a limit that none reaches, in a runtime that checks nothing."""
    unlimited = run(exported.path, ["abc"], max_length=10_000)[0].tolist()
    assert run(exported.path, ["abc"], max_length_ratio=ratio, max_length=most)[0].tolist() == unlimited


def test_exporting_leaves_the_model_as_it_was(export_again, checkpoints, tmp_path):
    """A model in training is so afterwards, with the same weights."""
    model = checkpoints["words"].model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    try:
        export_again(tmp_path / "model.onnx")
        assert model.training
    finally:
        model.eval()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


class SplitsAtAnySpace(Words):
    """Agrees with its graph on spaces, and on nothing else."""

    def split(self, text):
        return text.split()


class Shouts(Words):
    """Joins in another way than its graph."""

    def decode(self, ids):
        return super().decode(ids).upper()


class GivesNoGraph(Words):
    """Emits nodes that don't fit."""

    def onnx_split(self, op, texts):
        return op.Add(texts, texts)


def assert_refused(export_again, tmp_path, message, **changes):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an older file")
    with pytest.raises(ExportError, match=message):
        export_again(path, **changes)
    assert [path] == list(tmp_path.iterdir())
    assert b"an older file" == path.read_bytes()
    path.unlink()
    with pytest.raises(ExportError, match=message):
        export_again(path, **changes)
    assert [] == list(tmp_path.iterdir())


def test_a_source_tokenizer_that_disagrees_with_its_graph_is_refused(export_again, checkpoints, tmp_path):
    """Nothing is written, and a file that was there stays."""
    tokenizer = checkpoints["words"].source_tokenizer
    wrong = SplitsAtAnySpace(tokenizer.config, tokenizer.vocabulary)
    assert_refused(export_again, tmp_path, "the file", source_tokenizer=wrong)


def test_a_target_tokenizer_that_disagrees_with_its_graph_is_refused(export_again, checkpoints, tmp_path):
    """The same for the way back to text."""
    tokenizer = checkpoints["words"].target_tokenizer
    wrong = Shouts(tokenizer.config, tokenizer.vocabulary)
    assert_refused(export_again, tmp_path, "turns ids into other texts", target_tokenizer=wrong)


def test_a_tokenizer_whose_graph_is_invalid_is_refused(export_again, checkpoints, tmp_path):
    """The same for nodes that no runtime would take."""
    tokenizer = checkpoints["words"].source_tokenizer
    wrong = GivesNoGraph(tokenizer.config, tokenizer.vocabulary)
    assert_refused(export_again, tmp_path, "not valid ONNX", source_tokenizer=wrong)


def weight_names(path):
    return [value.name for value in onnx.load(path).graph.initializer if value.data_type == 1 and len(value.dims) > 1]


def test_a_wrong_weight_is_refused(exported):
    """Whichever weight of the file differs from the model's, its answers do, and the proof fails."""
    names = weight_names(exported.path)
    assert len(names) >= 8
    chance = np.random.default_rng(0)
    for name in names:
        model = onnx.load(exported.path)
        (value,) = (value for value in model.graph.initializer if value.name == name)
        right = onnx.numpy_helper.to_array(value)
        wrong = right + chance.normal(0, 0.3, right.shape).astype(np.float32)
        value.CopyFrom(onnx.numpy_helper.from_array(wrong, name))
        with pytest.raises(ExportError, match="the file"):
            prove(model, exported.checkpoint, TEXTS, 1e-3)


def test_the_proof_holds_for_the_file(exported):
    """What was refused above is accepted as it is, and each batch is told before it is compared."""
    heard: list[str] = []
    parity = prove(onnx.load(exported.path), exported.checkpoint, TEXTS, 1e-3, heard.append)
    assert parity.ties == 0
    last = f"comparing it with the model, batch {parity.batches} of {parity.batches}"
    assert (heard[0], heard[-1], len(heard)) == ("opening it in ONNX Runtime", last, parity.batches + 1)


def test_a_file_that_cannot_be_written_is_an_error(export_again, tmp_path):
    """A missing folder is the operating system's error, not a lost file."""
    with pytest.raises(FileNotFoundError):
        export_again(tmp_path / "missing" / "model.onnx")


def test_code_that_looks_at_numbers_is_refused(make_model, third_party, capfd):
    """A branch on what a tensor holds can't be exported; torch's reason, the place and what to do are told, no more."""

    class Branching(third_party.lstm_encoder):
        def forward(self, inputs, lengths):
            return super().forward(inputs if inputs.sum() > 0 else -inputs, lengths)

    with pytest.raises(ExportError) as refused:
        export_pieces(make_model(encoder=Branching, decoder=third_party.gru_decoder))
    assert re.fullmatch(
        r"torch.export can't follow the model's code: .*data-dependent.*; it was in .*test_export.py:\d+ in forward; "
        r"don't branch on what tensors hold, use torch.where, and call no .item\(\)",
        str(refused.value),
    )
    assert ("", "") == capfd.readouterr()


def test_an_export_asks_no_component_for_onnx(third_party):
    """The plugins above have torch code and nothing else."""
    for component in (third_party.caching_decoder, third_party.lstm_encoder):
        assert not any("onnx" in name for name in vars(component))
    assert NoConfig() == third_party.lstm_encoder.Config()
    assert Output._fields == ("vectors", "attention", "weights", "transitions")


def biased(exported, bias):
    """Returns the file with another bias of the projection."""
    model = onnx.load(exported.path)
    right = exported.checkpoint.model.projection.bias.numpy(force=True).tobytes()
    (value,) = (value for value in model.graph.initializer if value.raw_data == right)
    value.CopyFrom(onnx.numpy_helper.from_array(bias.numpy(), value.name))
    return model


def test_a_tie_may_end_elsewhere(export_once):
    """After two tokens that are as likely the answers go on differently, and either is right; a likelier one isn't."""
    exported = export_once("words")
    checkpoint = copy.deepcopy(exported.checkpoint)
    model, bias = checkpoint.model, checkpoint.model.projection.bias.data
    source, lengths = map(torch.from_numpy, Sequences([checkpoint.source_tokenizer.encode("abc")]).padded([0]))
    with torch.inference_mode():
        first, _ = model.step(torch.tensor([BOS]), model.start(source, lengths))
    (likely, close), (_, second) = first[0].index_fill(0, torch.tensor([PAD, BOS]), -math.inf).topk(2)
    bias[second] += likely - close
    exact, more = bias.clone(), torch.zeros_like(bias).index_fill_(0, second, 1e-5)
    for less in (-more, more):
        bias.copy_(exact - less)
        assert prove(biased(exported, exact + less), checkpoint, ["abc"], 1e-3).ties > 0
    with pytest.raises(ExportError, match="the file"):
        prove(biased(exported, exact + 2000 * more), checkpoint, ["abc"], 1e-3)


def test_a_tie_of_beams_may_end_elsewhere(export_once):
    """Where all tokens are nearly as likely, the file may keep others in any step; one that is likelier is refused."""
    exported = export_once("words")
    checkpoint = copy.deepcopy(exported.checkpoint)
    flat = checkpoint.model.projection
    model = biased(exported, 1e-6 * torch.randn_like(flat.bias))
    weights = {value.raw_data: value for value in model.graph.initializer}
    for transposed in (flat.weight.T, flat.weight):
        if value := weights.get(transposed.contiguous().numpy(force=True).tobytes()):
            value.CopyFrom(onnx.numpy_helper.from_array(np.zeros(value.dims, np.float32), value.name))
    torch.nn.init.zeros_(flat.weight)
    torch.nn.init.normal_(flat.bias, std=1e-6)
    assert prove(model, checkpoint, ["abc", "a b cab"], 1e-3).ties > 10
    flat.bias.data[-1] += 0.05
    with pytest.raises(ExportError, match="the file"):
        prove(model, checkpoint, ["abc", "a b cab"], 1e-3)


def altered(trace, step, beam, *, token=None, parent=None):
    """Returns a trace of which one pick is another one."""
    tokens, parents = (kept.copy() for kept in trace)
    tokens[step, 0, beam] = tokens[step, 0, beam] if token is None else token
    parents[step, 0, beam] = parents[step, 0, beam] if parent is None else parent
    return Trace(tokens, parents)


@pytest.fixture
def searched(export_once):
    """A text's hypotheses with two beams by a model, what was kept in each step, and what tells whether they tie."""
    checkpoint = export_once("words").checkpoint
    decoding = attrs.evolve(checkpoint.config.decoding, beam_size=2, max_length=4, max_length_ratio=0.0)
    kept = []

    class Recording(BeamSearch):
        def make_step(self, features):
            step = super().make_step(features)
            step.register_forward_hook(lambda _, given, result: kept.append((result[2].tokens, result[1])))
            return step

    found = Translator(checkpoint, decoding, Recording(checkpoint.model)).hypotheses(["abc cab"])
    trace = Trace(*(torch.stack(parts).numpy() for parts in zip(*kept, strict=True)))

    def tie(trace, found=Hypotheses(found.ids[0], found.scores[0])):  # noqa: B008  # that one
        return is_tie(checkpoint, "abc cab", None, found, trace, decoding, 1e-3)

    return tie, trace


def test_a_search_that_keeps_the_same_finds_the_same(searched):
    """The model's own picks are fair."""
    tie, trace = searched
    assert tie(trace)


def test_unfair_picks_are_no_tie(searched):
    """One that is worse, that was kept twice, or that never comes, and a search cut short."""
    tie, trace = searched
    (first, second), steps = trace.tokens[0, 0], len(trace.tokens)
    assert first != second
    worse = [token for token in range(UNK, 8) if token not in {first, second}]
    for unfair in (
        *(altered(trace, 0, 1, token=token) for token in (*worse, first, PAD, BOS)),
        Trace(trace.tokens[: steps - 1], trace.parents[: steps - 1]),
    ):
        assert not tie(unfair)


@pytest.mark.parametrize(("beams", "search"), [(1, "greedily"), (2, "with 2 beams")])
def test_a_refusal_tells_the_difference(export_once, beams, search):
    """One answer of each, cut, with its score and the search in words; then what becomes of the run and what to do."""
    checkpoint = export_once("words").checkpoint
    decoding = attrs.evolve(checkpoint.config.decoding, beam_size=beams)
    text = "a" * 100
    own = Translator(checkpoint, decoding).hypotheses([text])
    other = Hypotheses(own.ids[:, ::-1] if beams > 1 else own.ids[..., ::-1], own.scores - 2)

    class Wrong:
        features = SearchFeatures()

        def answer(self, texts, prefixes, decoding):
            kept = np.full((3, 1, beams), EOS)
            return DistinctTexts([["x" * 100] * beams], other.scores), other, Trace(kept, np.zeros_like(kept))

    with pytest.raises(ExportError) as refused:
        compare(Wrong(), checkpoint, [text], decoding, 1e-3)
    assert re.match(
        rf"the file answers '{'a' * 59}…' {search} with '.{{0,60}}' \(score -[\d.]+\), "
        r"the model with '.{0,60}' \(score -[\d.]+\)\. No file is written and the run is kept\. .* report it ",
        str(refused.value),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (0.25, "the file's scores differ from the model's by 0.25 with 3 samples, more than export.tolerance, 0.001"),
        (-math.inf, "the file doesn't find as many answers as the model with 3 samples"),
    ],
)
def test_scores_that_differ_are_told_with_their_search(export_once, change, message):
    """So is a file that finds fewer answers."""
    checkpoint = export_once("words").checkpoint
    decoding = attrs.evolve(checkpoint.config.decoding, beam_size=3, sampling=True)
    own = Translator(checkpoint, decoding).hypotheses(["a"])

    class Wrong:
        features = SearchFeatures(sampling=True)

        def answer(self, texts, prefixes, decoding):
            return DistinctTexts([[""] * 3], own.scores), Hypotheses(own.ids, own.scores + change), None

    with pytest.raises(ExportError, match=rf"^{re.escape(message)}\. No file is written"):
        compare(Wrong(), checkpoint, ["a"], decoding, 1e-3)


def test_a_file_needs_no_newer_versions_than_its_operators(exported):
    """So that it runs in every ONNX Runtime that has these."""
    model = onnx.load(exported.path)
    versions = [opset for opset in model.opset_import if opset.domain != "com.microsoft"]
    assert model.ir_version == onnx.helper.find_min_ir_version_for(versions)
