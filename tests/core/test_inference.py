"""Requests and responses of the Open Inference Protocol are read and written as its specification says."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.serving.batcher import Answer
from s2s_core.serving.inference import read_request, response
from s2s_core.serving.limits import Limits
from s2s_core.serving.metrics import Counter, Histogram
from s2s_core.serving.query import Query
from s2s_core.serving.request_error import RequestError
from s2s_core.serving.tensor import Tensor, read_tensor

TOLD = ["confidence"]
INPUTS = frozenset({"beam_size", "length_penalty", "prefix"})


def source(*texts, **more):
    """Returns the input of texts."""
    return {"name": "source", "datatype": "BYTES", "shape": [len(texts)], "data": list(texts), **more}


def query(*inputs, limits=None, **more):
    """Returns what a request in JSON asks."""
    return read_request(json.dumps({"inputs": inputs, **more}).encode(), None).query(INPUTS, TOLD, limits or Limits())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_in_binary_are_the_same_again(texts):
    """Any text of Unicode, empty ones included."""
    tensor = Tensor("source", "BYTES", (len(texts),), texts)
    assert read_tensor(tensor.head, tensor.to_binary()) == tensor


@pytest.mark.parametrize(("datatype", "values"), [("INT64", [-(2**63), 0, 2**63 - 1]), ("FP32", [0.5, -float("inf")])])
def test_numbers_in_binary_are_the_same_again(datatype, values):
    """Little-endian, without anything between them."""
    tensor = Tensor("x", datatype, (len(values),), values)
    assert len(tensor.to_binary()) == {"INT64": 8, "FP32": 4}[datatype] * len(values)
    assert read_tensor(tensor.head, tensor.to_binary()) == tensor


def test_elements_are_as_the_specification_shows():
    """Four bytes of length, low byte first, and the text."""
    assert Tensor("x", "BYTES", (2,), ["ä", ""]).to_binary() == b"\x02\0\0\0\xc3\xa4\0\0\0\0"


@given(st.binary(max_size=30), st.sampled_from(["BYTES", "INT64", "FP32"]), st.integers(0, 5))
def test_any_binary_data_are_read_or_refused(binary, datatype, count):
    """Nothing else is raised."""
    try:
        tensor = read_tensor({"name": "x", "datatype": datatype, "shape": [count]}, binary)
    except RequestError:
        return
    assert len(tensor.values) == count


def test_a_request_is_a_query():
    """With its texts, settings and prefixes, one of which stands for all."""
    beams = {"name": "beam_size", "datatype": "INT64", "shape": [1], "data": [3]}
    penalty = {"name": "length_penalty", "datatype": "FP32", "shape": [], "data": [1]}
    prefix = {"name": "prefix", "datatype": "BYTES", "shape": [1], "data": ["x"]}
    expected = Query(["a", "b"], ["x", "x"], {"beam_size": 3, "length_penalty": 1.0})
    assert query(source("a", "b"), beams, penalty, prefix) == expected
    assert query(source("a", "b", shape=[2])) == Query(["a", "b"])


def test_binary_data_follow_the_json():
    """In the order of the inputs."""
    inputs = [
        {"name": "beam_size", "datatype": "INT64", "shape": [], "parameters": {"binary_data_size": 8}},
        {"name": "source", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}},
    ]
    content = json.dumps({"inputs": inputs}).encode()
    body = content + np.array(2, "<i8").tobytes() + b"\1\0\0\0a"
    asked = read_request(body, str(len(content)))
    assert asked.query(INPUTS, TOLD, Limits()) == Query(["a"], None, {"beam_size": 2})


ANSWERS = [Answer(["x", "y"], [-0.5, -1.0]), Answer(["z", ""], [-0.25, -float("inf")])]


def test_a_response_has_what_was_asked_for():
    """In its order, some of it in binary."""
    outputs = [{"name": "scores"}, {"name": "target", "parameters": {"binary_data": True}}]
    asked = read_request(json.dumps({"id": "7", "inputs": [source("a", "b")], "outputs": outputs}).encode(), None)
    content, length = response(asked, "model", ANSWERS)
    assert content[length:] == b"\1\0\0\0x\1\0\0\0z"
    lowest = float(np.finfo(np.float32).min)
    assert json.loads(content[:length]) == {
        "model_name": "model",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [2, 2], "data": [-0.5, -1.0, -0.25, lowest]},
            {"name": "target", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}},
        ],
    }


def test_a_response_has_all_outputs_if_none_is_asked_for():
    """In JSON, or in binary if the request says so of all."""
    for parameters, in_json in (({}, True), ({"binary_data_output": True}, False)):
        body = json.dumps({"inputs": [source("a", "b")], "parameters": parameters}).encode()
        content, length = response(read_request(body, None), "model", ANSWERS)
        told = json.loads(content[:length])
        assert [output["name"] for output in told["outputs"]] == ["target", "hypotheses", "scores"]
        assert ["data" in output for output in told["outputs"]] == [in_json] * 3
        assert "id" not in told


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("beam_size", 0, "beam_size must be from 1 to 1000 (got 0)"),
        ("beam_size", 2**40, "'beam_size' must be a number from -4294967296 to 4294967296"),
        ("length_penalty", float("nan"), "'length_penalty' must be a number from -4294967296 to 4294967296"),
        ("length_penalty", 11, "length_penalty must be from -10 to 10 (got 11)"),
    ],
)
def test_settings_have_their_bounds(name, value, problem):
    """Those of the configuration; infinity and NaN are none."""
    datatype = "INT64" if name == "beam_size" else "FP32"
    with pytest.raises(RequestError) as refused:
        query(source("a"), {"name": name, "datatype": datatype, "shape": [], "data": [value]})
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["a"] * 4, "a request may have at most 3 texts (got 4)"),
        (["a", "b" * 6], "text 1 must have at most 5 characters (got 6)"),
        (["\ud800"], "text 0 holds half of a surrogate pair, which UTF-8 can't hold"),
    ],
)
def test_texts_have_their_limits(texts, problem):
    """Their number, their length and their encoding."""
    with pytest.raises(RequestError) as refused:
        query(source(*texts), limits=Limits(texts=3, characters=5))
    assert str(refused.value) == problem


def test_metrics_are_text_of_prometheus():
    """Buckets are cumulative, and labels are escaped."""
    counter = Counter("n_total", "Things.", "model")
    counter.add('a"b\\c', amount=2)
    histogram = Histogram("size", "Sizes.", (1, 2), "model")
    for value in (1, 1.5, 9):
        histogram.add(value, "m")
    assert [*counter.lines(), *histogram.lines()] == [
        "# HELP n_total Things.",
        "# TYPE n_total counter",
        'n_total{model="a\\"b\\\\c"} 2',
        "# HELP size Sizes.",
        "# TYPE size histogram",
        'size_bucket{model="m",le="1"} 1',
        'size_bucket{model="m",le="2"} 2',
        'size_bucket{model="m",le="+Inf"} 3',
        'size_sum{model="m"} 11.5',
        'size_count{model="m"} 3',
    ]
