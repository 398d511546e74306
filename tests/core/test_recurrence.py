"""Recurrence over time is the same in PyTorch, row by row, and in an exported file."""

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from s2s_core.exporting.quiet import quiet
from s2s_core.model.interfaces import padding_mask
from s2s_core.model.recurrence import scan
from s2s_core.model.rnn import gru, lstm

E, H = 3, 4

few = settings(max_examples=25, derandomize=True, database=None, deadline=None)
lengths_of_rows = st.lists(st.integers(0, 5), min_size=1, max_size=5)
modules = pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"), [(1, False, True), (1, True, False), (2, True, True), (3, False, False)]
)


def make(kind, layers, bidirectional, bias):
    torch.manual_seed(layers)
    return kind(E, H, layers, bidirectional=bidirectional, bias=bias, batch_first=True).double().eval()


def assert_same(expected, actual):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


def alone(module, inputs, length):
    """Runs one row without padding; gives the states and the last states of every layer."""
    states, last = module(inputs[None, :length])
    return states[0], [leaf[:, 0] for leaf in (last if isinstance(last, tuple) else (last,))]


@pytest.mark.parametrize(("run", "kind"), [(lstm, nn.LSTM), (gru, nn.GRU)])
@modules
@few
@given(lengths=lengths_of_rows)
@example(lengths=[0])
def test_each_row_is_as_if_alone(run, kind, layers, bidirectional, bias, lengths):
    """A row's states are those of the module on that row alone, then zeros; an empty row has zeros throughout."""
    module = make(kind, layers, bidirectional, bias)
    inputs = torch.randn(len(lengths), 6, E, dtype=torch.float64)
    outputs, last = run(module, inputs, torch.tensor(lengths))
    leaves = last if kind is nn.LSTM else (last,)
    directions = 2 if bidirectional else 1
    assert (len(lengths), 6, directions * H) == outputs.shape
    assert {(directions * layers, len(lengths), H)} == {tuple(leaf.shape) for leaf in leaves}
    for row, length in enumerate(lengths):
        assert not outputs[row, length:].any()
        if length:
            states, finals = alone(module, inputs[row], length)
            assert_same(states, outputs[row, :length])
            assert_same(finals, [leaf[:, row] for leaf in leaves])
        else:
            assert not any(leaf[:, row].any() for leaf in leaves)


@pytest.mark.parametrize(("run", "kind"), [(lstm, nn.LSTM), (gru, nn.GRU)])
@few
@given(lengths=lengths_of_rows)
@example(lengths=[0])
def test_a_sequence_in_two_parts_is_the_whole(run, kind, lengths):
    """The last states of the first part are where the second begins; an empty second part keeps them."""
    module = make(kind, 2, bidirectional=False, bias=True)
    inputs = torch.randn(len(lengths), 8, E, dtype=torch.float64)
    whole, expected = run(module, inputs, torch.tensor(lengths) + 3)
    first, between = run(module, inputs[:, :3])
    second, last = run(module, inputs[:, 3:], torch.tensor(lengths), between)
    assert_same(whole, torch.cat([first, second], 1))
    assert_same(expected, last)


@pytest.mark.parametrize(("run", "kind"), [(lstm, nn.LSTM), (gru, nn.GRU)])
def test_padding_has_no_gradient(run, kind):
    """What stands past a row's length, or in an empty row, learns nothing."""
    module = make(kind, 2, bidirectional=True, bias=True)
    lengths = torch.tensor([4, 0, 2])
    inputs = torch.randn(3, 5, E, dtype=torch.float64, requires_grad=True)
    outputs, _ = run(module, inputs, lengths)
    outputs.square().sum().backward()
    assert padding_mask(lengths, 5).tolist() == (inputs.grad != 0).any(2).tolist()


class Cell(nn.Module):
    """Of a state that is nested."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(E + H, H), nn.Linear(2 * H, H)

    def forward(self, inputs, state):
        fast = torch.tanh(self.inner(torch.cat([inputs, state["slow"][0]], 1)))
        return {"fast": fast, "slow": (torch.tanh(self.outer(torch.cat([fast, state["fast"]], 1))),)}


def nested(tensor):
    return {"fast": tensor, "slow": (2 * tensor,)}


@few
@given(lengths=lengths_of_rows)
@example(lengths=[0, 0])
def test_a_scan_is_a_loop_over_each_row(lengths):
    """It gives the cell's states one after the other; padding leaves the state as it was."""
    torch.manual_seed(0)
    cell = Cell().double().eval()
    inputs = torch.randn(len(lengths), 6, E, dtype=torch.float64)
    initial = torch.randn(len(lengths), H, dtype=torch.float64)
    states, final = scan(cell, inputs, padding_mask(torch.tensor(lengths), 6), nested(initial))
    assert (len(lengths), 6, H) == states["fast"].shape == states["slow"][0].shape
    for row, length in enumerate(lengths):
        state = nested(initial[row : row + 1])
        for time in range(6):
            if time < length:
                state = cell(inputs[row : row + 1, time], state)
            assert_same(state["fast"][0], states["fast"][row, time])
            assert_same(state["slow"][0][0], states["slow"][0][row, time])
        assert_same(state["fast"][0], final["fast"][row])
        assert_same(state["slow"][0][0], final["slow"][0][row])


def test_a_scan_over_nothing_keeps_the_state():
    """No positions give no states, and the initial state at the end."""
    initial = torch.randn(2, H)
    states, final = scan(Cell(), torch.randn(2, 0, E), torch.ones(2, 0, dtype=torch.bool), nested(initial))
    assert (2, 0, H) == states["fast"].shape
    assert_same(initial, final["fast"])


def test_a_scan_with_an_unmasked_cell_is_plain_recurrence():
    """With every position real it is the loop that one would write."""
    inputs = torch.randn(2, 4, H)
    states, final = scan(lambda x, h: x + 0.5 * h, inputs, torch.ones(2, 4, dtype=torch.bool), torch.zeros(2, H))
    expected = torch.zeros(2, H)
    for time in range(4):
        expected = inputs[:, time] + 0.5 * expected
        assert_same(expected, states[:, time])
    assert_same(expected, final)


class All(nn.Module):
    """All three, so that one export serves."""

    def __init__(self):
        super().__init__()
        self.cell = Cell()
        self.lstm = nn.LSTM(E, H, 2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(E, H, bias=False, batch_first=True)
        self.backward_gru = nn.GRU(E, H, bidirectional=True, batch_first=True)

    def forward(self, inputs, lengths):
        mask = padding_mask(lengths, inputs.shape[1])
        states, final = scan(self.cell, inputs, mask, nested(inputs.new_zeros(inputs.shape[0], H)))
        lstm_states, (hidden, carry) = lstm(self.lstm, inputs, lengths)
        gru_states, last = gru(self.gru, inputs, lengths)
        both_states, both = gru(self.backward_gru, inputs, lengths)
        further_states, further = lstm(self.lstm, inputs, initial=(hidden, carry))
        later_states, later = gru(self.gru, inputs, lengths, last)
        scanned = (states["fast"], states["slow"][0], final["fast"], final["slow"][0])
        first = (lstm_states, hidden, carry, gru_states, last, both_states, both)
        return *scanned, *first, further_states, *further, later_states, later


@pytest.fixture(scope="module")
def exported_all():
    """The three in one module, and the file that was made of it with two rows of five positions."""
    torch.manual_seed(1)
    module = All().eval()
    free = torch.export.Dim.DYNAMIC
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            (torch.randn(2, 5, E), torch.tensor([5, 3])),
            dynamo=True,
            dynamic_shapes=({0: free, 1: free}, {0: free}),
            opset_version=20,
            verbose=False,
        )
    return module, program.model_proto


def test_they_are_native_nodes_in_a_file(exported_all):
    """A scan becomes one ``Scan``, each layer one ``LSTM`` or ``GRU`` that is told what is known; none is unrolled."""
    _, proto = exported_all
    nodes = [node for node in proto.graph.node if node.op_type in {"Scan", "LSTM", "GRU", "Loop"}]
    assert ["GRU", "GRU", "GRU", "LSTM", "LSTM", "LSTM", "LSTM", "Scan"] == sorted(node.op_type for node in nodes)
    given = [tuple(map(bool, node.input[4:])) for node in nodes if node.op_type == "LSTM"]
    assert [(False, True, True)] * 2 + [(True,)] * 2 == sorted(given, key=len, reverse=True)
    assert [(True,), (True,), (True, True)] == sorted(
        tuple(map(bool, n.input[4:])) for n in nodes if n.op_type == "GRU"
    )


@pytest.mark.parametrize(
    ("size", "lengths"), [(5, [5, 3]), (1, [1]), (7, [0, 7, 2, 1]), (3, [2, 2, 1]), (4, [0]), (2, [0, 0, 0])]
)
def test_a_file_gives_the_same_numbers(exported_all, size, lengths):
    """Batches and lengths may differ from those it was made with, and rows may be empty."""
    module, proto = exported_all
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = torch.randn(len(lengths), size, E)
    with torch.no_grad():
        expected = module(inputs, torch.tensor(lengths))
    names = [about.name for about in session.get_inputs()]
    found = session.run(None, dict(zip(names, (inputs.numpy(), np.array(lengths)), strict=True)))
    for eager, native in zip(expected, found, strict=True):
        np.testing.assert_allclose(native, eager.numpy(), rtol=1e-4, atol=1e-5)
