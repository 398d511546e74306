"""The nodes that a file follows the beams back with do what ``Finish`` of the search does."""

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding import Finish
from s2s_core.exporting.finish import finish
from s2s_core.exporting.graph import finished, new_builder
from s2s_core.model.probabilities import NEVER
from s2s_core.text.vocabulary import PAD, SPECIALS

EXTRAS = {"coverage": "NKS", "real": "NKS", "coverage_penalty": "NK"}
"""The axes of what the search remembers for a coverage penalty."""


def session(*, coverage):
    """Returns the nodes alone, in ONNX Runtime."""
    builder = new_builder("finish")
    inputs = {
        name: builder.input(name, kind, list(axes))
        for name, kind, axes in (
            ("tokens", ir.DataType.INT64, "TNK"),
            ("parents", ir.DataType.INT64, "TNK"),
            ("scores", ir.DataType.FLOAT, "NK"),
            ("length_penalty", ir.DataType.FLOAT, ""),
        )
    }
    extras = {
        name: builder.input(name, ir.DataType.BOOL if name == "real" else ir.DataType.FLOAT, list(axes))
        for name, axes in (EXTRAS.items() if coverage else ())
    }
    for name, value in zip(("ids", "totals"), finish(builder.op, extras=extras, **inputs)[:2], strict=True):
        value.type = ir.TensorType(ir.DataType.INT64 if name == "ids" else ir.DataType.FLOAT)
        builder.add_output(value, name)
    content = ir.to_proto(finished(builder)).SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def sessions():
    """The nodes with coverage and without, by whether it is with."""
    return {coverage: session(coverage=coverage) for coverage in (False, True)}


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 5), st.integers(1, 4)),
    penalty=st.sampled_from([0.0, 0.6, 1.0, -1.0]),
    coverage=st.booleans(),
)
def test_the_nodes_finish_as_the_search_does(sessions, seed, sizes, penalty, coverage):
    """For any trace of any size, with beams that don't exist, ended ones, and positions that nothing attended to."""
    steps, rows, beams, positions = sizes
    random = np.random.default_rng(seed)
    inputs = {
        "tokens": random.integers(PAD, SPECIALS + 3, (steps, rows, beams)),
        "parents": random.integers(0, beams, (steps, rows, beams)),
        "scores": random.permuted(np.arange(rows * beams)).reshape(rows, beams).astype(np.float32) - rows * beams,
        "length_penalty": np.array(penalty, np.float32),
    }
    inputs["scores"][random.random((rows, beams)) < 0.2] = NEVER
    if coverage:
        inputs["coverage"] = random.choice([0.0, 0.3, 2.0], (rows, beams, positions)).astype(np.float32)
        inputs["real"] = random.random((rows, beams, positions)) < 0.7
        inputs["coverage_penalty"] = np.full((rows, beams), 0.37, np.float32)
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    extras = {name: tensors.pop(name) for name in EXTRAS if name in tensors}
    expected_ids, expected_scores = Finish(SearchFeatures(coverage=coverage))(extras=extras, **tensors)
    ids, scores = sessions[coverage].run(None, inputs)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    exists = scores > NEVER
    finite = np.where(exists, scores, -1e9)
    near = np.abs(finite[:, :, None] - finite[:, None]) < 1e-4  # [N, K, K]
    clear = exists & (near.sum(2) == 1)  # which of two equally good ones comes first is open
    np.testing.assert_array_equal(ids[clear], expected_ids.numpy()[clear])
    assert (ids[~exists] == PAD).all()
