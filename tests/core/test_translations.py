"""Operators that the exporter translates itself, in ONNX Runtime against numpy in double precision."""

import math

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from s2s_core.exporting.pieces import FREE, trace

NUMBERS = st.floats(-1e4, 1e4, width=32) | st.sampled_from([-math.inf, math.inf, 0.0])


class Both(nn.Module):
    """What plugins write about logarithms of probabilities."""

    def forward(self, one, other):
        return functional.logsigmoid(one), torch.logaddexp(one, other)


@pytest.fixture(scope="module")
def session():
    example = torch.zeros(2)
    model = ir.serde.serialize_model(trace(Both(), (example, example.clone()), ({0: FREE}, {0: FREE})))
    return onnxruntime.InferenceSession(model.SerializeToString())


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=40))
def test_small_probabilities_are_exact(session, pairs):
    """However small or large, alone or in a vector: no underflow, no overflow, no absolute error."""
    one, other = np.array(pairs, np.float32).T
    names = [given.name for given in session.get_inputs()]
    of_sigmoid, of_sum = session.run(None, dict(zip(names, (one, other), strict=True)))
    with np.errstate(over="ignore"):
        expected = -np.logaddexp(0, -one.astype(np.float64))
    np.testing.assert_allclose(of_sigmoid, expected, rtol=1e-6, atol=1e-37)
    np.testing.assert_allclose(of_sum, np.logaddexp(*np.array(pairs).T), rtol=1e-6, atol=1e-6)
