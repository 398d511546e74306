"""Weights in fewer bits are near the whole ones, and no answer depends on the other texts of its batch."""

import json
import random

import attrs
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from torch import nn

from s2s_core import Decoder, Output, load
from s2s_core.config.tables import ExportConfig
from s2s_core.data.task import Example
from s2s_core.errors import ExportError
from s2s_core.evaluation.loss import lost_points
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.exporting.exporter import export
from s2s_core.exporting.quantization import least_runtime, quantized
from s2s_core.pipeline.patch import lexicon

LOOP = """
<ir_version: 9, opset_import: ["" : 20, "com.microsoft" : 1]>
outer (int64 turns, bool going, float[N, {k}] x, int64[N] rows)
    => (float[N, L] first, float[N, L] second, float[N, {k}] picked) {{
    picked = Gather <axis = 0> (weight, rows)
    first, second = Loop (turns, going, zeros, zeros) <body = body (
        int64 turn, bool before, float[M, L] one, float[M, L] two
    ) => (bool after, float[M, L] gemm, float[M, L] plus) {{
        gemm = Gemm <transB = 1> (x, weight, bias)
        product = MatMul (x, table)
        plus = Add (product, bias)
        after = Identity (before)
    }}>
}}
"""


@pytest.fixture
def make():
    """Makes a graph that reads one weight [n, k] by its rows, in a loop's Gemm and, transposed, in a loop's MatMul."""

    def made(n, k, seed=0):
        rng = np.random.default_rng(seed)
        weight = rng.normal(size=(n, k)).astype(np.float32)
        model = onnx.parser.parse_model(LOOP.format(k=k))
        arrays = {
            "weight": weight,
            "table": weight.T.copy(),
            "bias": rng.normal(size=n).astype(np.float32),
            "zeros": np.zeros((1, n), np.float32),
        }
        model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in arrays.items())
        return model, weight, arrays["bias"]

    return made


def changed(model, kind):
    own = onnx.load_from_string(model.SerializeToString())
    made = ir.to_proto(quantized(ir.from_proto(own), kind))
    onnx.checker.check_model(made, full_check=True)
    return made


def run(model, x, rows=(0,)):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = {"turns": np.array(1), "going": np.array(1 > 0), "x": x, "rows": np.array(rows, np.int64)}
    return session.run(["first", "second", "picked"], inputs)


def nearest(weight, bits):
    """Returns what a weight is in blocks, number by number."""
    half, rows = 2 ** (bits - 1), []
    block = 16 if weight.shape[1] % 32 else 32
    for row in weight.tolist():
        numbers = []
        for start in range(0, len(row), block):
            part = row[start : start + block]
            step = -max(part, key=abs) / half
            codes = [min(max(round(number / step), -half), half - 1) if step else 0 for number in part]
            numbers += [code * step for code in codes]
        rows.append(numbers)
    return np.array(rows)


def operators(model):
    """Returns the operators of a graph and of the loop in it."""
    loop = next(node for node in model.graph.node if node.op_type == "Loop")
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    return [node.op_type for node in model.graph.node], [node.op_type for node in body.node]


@pytest.mark.parametrize(("kind", "bits"), [("int8", 8), ("int4", 4)])
@pytest.mark.parametrize(("n", "k"), [(40, 64), (52, 20), (37, 33), (16, 64)])
def test_weights_are_what_blocks_leave_of_them(make, kind, bits, n, k):
    """Also in widths that no block fits; products with so small a weight are those with its floats."""
    model, weight, bias = make(n, k)
    small = changed(model, kind)
    first, second, picked = run(small, np.eye(k, dtype=np.float32), range(n))
    np.testing.assert_allclose(picked, nearest(weight, bits), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first - bias, nearest(weight, bits).T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(second - bias, nearest(weight.T, bits), rtol=1e-5, atol=1e-5)
    assert "MatMulNBits" not in operators(small)[1]
    assert least_runtime(small) == "1.17"


@pytest.mark.parametrize(("kind", "bits", "runtime", "share"), [("int8", 8, "1.23", 0.32), ("int4", 4, "1.17", 0.2)])
@pytest.mark.parametrize(("n", "k"), [(512, 512), (900, 300)])
def test_large_products_in_a_loop_read_codes(make, kind, bits, runtime, share, n, k):
    """The same ones that rows are picked from; the result is that of the same numbers in numpy, but for rounding."""
    model, weight, bias = make(n, k)
    small = changed(model, kind)
    assert operators(small)[1].count("MatMulNBits") == 2
    assert least_runtime(small) == runtime
    assert small.ByteSize() < share * model.ByteSize()
    x = np.random.default_rng(1).normal(size=(64, k)).astype(np.float32)
    first, second, picked = run(small, x, [3, n - 1])
    numbers = nearest(weight, bits)
    np.testing.assert_allclose(picked, numbers[[3, n - 1]], rtol=1e-5, atol=1e-6)
    products = x @ numbers.T + bias
    for found in (first, second):
        assert np.abs(found - products).max() < 0.02 * np.abs(products).max()
    alone = np.concatenate([run(small, row[None])[0] for row in x[:8]])
    np.testing.assert_allclose(alone, first[:8], rtol=1e-4, atol=1e-4)


def test_half_precision_is_cast(make):
    """To half of the size."""
    model, weight, _ = make(64, 64)
    small = changed(model, "fp16-weights")
    (_, _, picked) = run(small, np.eye(64, dtype=np.float32), range(64))
    np.testing.assert_array_equal(picked, weight.astype(np.float16).astype(np.float32))
    assert small.ByteSize() < 0.6 * model.ByteSize()


@pytest.mark.parametrize("kind", ["int8", "int4", "fp16-weights"])
@pytest.mark.parametrize(("n", "k", "odd"), [(31, 33, 1.0), (64, 64, np.inf), (64, 64, np.nan), (64, 64, 1e30)])
def test_what_isnt_a_weight_stays(make, kind, n, k, odd):
    """What has fewer than 1,024 numbers, and tables of numbers that float16 hasn't."""
    model, weight, _ = make(n, k)
    weight = weight.copy()
    weight[5, 7] = odd
    for tensor, array in zip(model.graph.initializer, (weight, weight.T.copy()), strict=False):
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    _, _, picked = run(changed(model, kind), np.ones((2, k), np.float32), [5, 6])
    np.testing.assert_array_equal(picked, weight[[5, 6]])


class WideDecoder(Decoder):
    """A GRU whose weights are large, and whose width no block fits."""

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 300
        self.bridge, self.cell = nn.Linear(memory.summary, 300), nn.GRUCell(input_size, 300)

    def start(self, memory):
        return torch.tanh(self.bridge(memory.summary))

    def step(self, inputs, state):
        after = self.cell(inputs, state)
        return Output(after), after


@pytest.fixture(scope="module", params=["int8", "int4"])
def wide_file(request, checkpoints, make_model, third_party, tmp_path_factory):
    """A file of a wide model with a lexicon, confidences and words for sentences, its file of 32 bits, and a record."""
    folder = tmp_path_factory.mktemp("wide")
    (folder / "words.tsv").write_text("abc\tknown\n")
    plain = checkpoints["characters"]
    sizes = [len(tokenizer.vocabulary) for tokenizer in (plain.source_tokenizer, plain.target_tokenizer)]
    model = make_model(*sizes, encoder=third_party.lstm_encoder, decoder=WideDecoder, seed=1, spread=0.08)
    settings = ExportConfig(quantize=request.param, lexicon=str(folder / "words.tsv"), confidence=True, unit="word")
    config = attrs.evolve(plain.config, export=settings)
    examples = [Example(text, text) for text in ("abc", "cab", "aab", "bb", "c") * 5]
    measured = []

    def measure(*files):
        measured.extend(files)
        return {"seen": len(measured)}

    path = folder / "model.onnx"
    checkpoint = attrs.evolve(plain, model=model, config=config)
    export(checkpoint, ["cab", "b"], path, lambda: (examples, "each"), measure=measure)
    return path, measured


def test_an_answer_is_the_same_alone_and_in_a_batch(wide_file):
    """Of 64 random texts; its score may differ by rounding."""
    path, _ = wide_file
    chance = random.Random(0)
    texts = ["".join(chance.choices("abc ä", k=chance.randint(0, 12))) for _ in range(64)]
    model = load(path)
    together = model.answers(texts)
    for row, text in enumerate(texts):
        alone = model.answers([text])
        assert alone.hypotheses[0, 0] == together.hypotheses[row, 0]
        np.testing.assert_allclose(alone.scores[0], together.scores[row], rtol=5e-3, atol=5e-3)


def test_the_file_says_what_it_needs_and_what_was_measured(wide_file):
    """It is smaller than the one that it was compared with, and has all that the settings add."""
    path, (plain, small) = wide_file
    metadata = load(path).metadata
    kind = metadata["config"]["export"]["quantize"]
    runtime = {"int8": "1.23", "int4": "1.17"}[kind]
    assert metadata["quantization"] == {"kind": kind, "onnxruntime": runtime, "seen": 2}
    assert len(small) < {"int8": 0.45, "int4": 0.35}[kind] * len(plain)
    assert abs(path.stat().st_size - len(small)) < 200
    for content in (plain, small):
        model = load(content)
        assert model(["abc"]) == ["known"]
        assert model.answers(["cab abc"]).confidence.shape == (1,)
        assert "quantization" not in model.metadata
    assert lexicon(path) == {"abc": ("known",)}
    assert load(plain).metadata["calibration"] != json.loads(json.dumps(metadata["calibration"]))


def test_a_file_that_loses_too_much_isnt_written(checkpoints, tmp_path):
    """What measures it says so."""
    plain = checkpoints["words"]
    checkpoint = attrs.evolve(plain, config=attrs.evolve(plain.config, export=ExportConfig(quantize="int4")))

    def measure(*_):
        raise ExportError("too much")

    with pytest.raises(ExportError, match="too much"):
        export(checkpoint, ["a"], tmp_path / "model.onnx", measure=measure)
    assert not list(tmp_path.iterdir())


def test_a_loss_of_half_a_point_is_no_more_than_half_a_point():
    """Whatever the binary fractions are: 99.5 % instead of 100 %, as the limit says."""
    metric = ExactMatch(list)
    assert lost_points(metric, 1.0, 0.995) == 0.5
    assert lost_points(metric, 0.995, 1.0) == -0.5
