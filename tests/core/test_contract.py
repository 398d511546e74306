"""Encoders and decoders that break their contract are refused before training and export, with one clear message."""

import importlib.metadata
import math
import re
import sys
import types
from typing import NamedTuple

import pytest
import torch
from torch import nn

from s2s_core import Decoder, Encoder, Memory, Output, hookimpl, padding_mask
from s2s_core.config.resolve import resolve
from s2s_core.errors import PluginError
from s2s_core.exporting.pieces import export_pieces
from s2s_core.model.build import build_model
from s2s_core.model.contract import PLACE, require_contract
from s2s_core.model.interfaces import MemorySizes
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.training.preparation import prepare


class Reads(Encoder):
    """Keeps its contract; ``change`` may break it."""

    api_version = 1
    change = staticmethod(lambda memory: memory)

    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.states_size, self.summary_size = 3, 4
        self.layer, self.last = nn.Linear(input_size, 3), nn.Linear(3, 4)

    def forward(self, inputs, lengths):
        states = self.layer(inputs)
        return self.change(Memory(states, padding_mask(lengths, inputs.shape[1]), self.last(states[:, 0])))


class Cell(NamedTuple):
    hidden: torch.Tensor
    cache: torch.Tensor


class Writes(Decoder):
    """The same; its state is a dict with a named tuple in it, and a memory that stays."""

    api_version = 1
    start_change = staticmethod(lambda state: state)
    answer_change = staticmethod(lambda output, state: (output, state))
    initial = None

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 4
        self.cell = nn.GRUCell(input_size, 4)

    def start(self, memory):
        cell = Cell(memory.summary, memory.summary[:, None, :0])
        return self.start_change({"cell": cell, "memory": memory.states})

    def initial_weights(self, memory):
        return self.initial

    def step(self, inputs, state):
        hidden = self.cell(inputs, state["cell"].hidden)
        cell = Cell(hidden, torch.cat([state["cell"].cache, hidden[:, None, :1]], 2))
        return self.answer_change(Output(hidden, state["memory"].mean(2)), {**state, "cell": cell})


def encoder(change):
    """Returns the class of an encoder whose memories are changed."""
    return type("Broken", (Reads,), {"change": staticmethod(change)})


def starting(change):
    """Returns the class of a decoder whose first states are changed."""
    return type("Broken", (Writes,), {"start_change": staticmethod(change)})


def stepping(change):
    """Returns the class of a decoder of which every step's answer is changed."""
    return type("Broken", (Writes,), {"answer_change": staticmethod(change)})


def choosing(change=lambda output: output, initial=None, **logarithms):
    """Returns the class of a decoder with three equal candidates in each step, whose output is changed."""

    def answer(output, state):
        several = (part[:, None].expand(-1, 3, -1) for part in (output.vectors, output.attention))
        return change(
            Output(*several, **{name: value[: len(output.vectors)] for name, value in logarithms.items()})
        ), state

    return type("Broken", (Writes,), {"answer_change": staticmethod(answer), "initial": initial})


EQUAL = torch.full((3, 3), 1 / 3).log()
"""The weights of three equal candidates, for as many rows."""


def celled(change):
    """Returns the class of a decoder that changes its cell after every step."""
    return stepping(lambda output, state: (output, {**state, "cell": change(state["cell"])}))


def emptied(output, state):
    state["memory"].zero_()
    return output, state


def unsized(component, name):
    def make(self, *arguments):
        component.__init__(self, *arguments)
        delattr(self, name)

    return type("Broken", (component,), {"__init__": make})


KEEP = "step must keep dtype, rank and batch of every tensor of the state: state['cell'].hidden was float32 [2, 4] "

BROKEN_ENCODERS = {
    "no memory": (encoder(tuple), "forward must return a Memory (got (…, …, …))"),
    "time first": (
        encoder(lambda memory: memory._replace(states=memory.states.transpose(0, 1))),
        (
            "the memory's states must be float32 [B, S, states_size] = [2, 5, 3] for inputs [2, 5, 64] "
            "(got float32 [5, 2, 3])"
        ),
    ),
    "width": (
        encoder(lambda memory: memory._replace(summary=memory.summary[:, 1:])),
        "the memory's summary must be float32 [B, summary_size] = [2, 4] for inputs [2, 5, 64] (got float32 [2, 3])",
    ),
    "mask": (
        encoder(lambda memory: memory._replace(mask=memory.mask.float())),
        "the memory's mask must be bool [B, S] = [2, 5] for inputs [2, 5, 64] (got float32 [2, 5])",
    ),
    "missing": (
        encoder(lambda memory: memory._replace(summary=None)),
        "the memory's summary must be a tensor [B, summary_size] (got None)",
    ),
    "no size": (
        unsized(Reads, "states_size"),
        "must set states_size, a whole number of at least 1, in __init__ (got None)",
    ),
}

BROKEN_DECODERS = {
    "dtype": (celled(lambda cell: cell._replace(hidden=cell.hidden.double())), f"{KEEP}for a batch of 2 (got float64 "),
    "rank": (
        celled(lambda cell: cell._replace(hidden=cell.hidden[:, None])),
        f"{KEEP}for a batch of 2 (got float32 [2, 1, 4])",
    ),
    "batch": (
        celled(lambda cell: cell._replace(hidden=cell.hidden[:1])),
        f"{KEEP}for a batch of 2 (got float32 [1, 4])",
    ),
    "no tensor": (
        celled(lambda cell: cell._replace(hidden=0.5)),
        "step must return tensors: state['cell'].hidden is none (got 0.5)",
    ),
    "another nesting": (
        celled(tuple),
        (
            "step must return a state of the same nesting as it was given: "
            "{'cell': Cell(hidden=…, cache=…), 'memory': …} (got {'cell': (…, …), 'memory': …})"
        ),
    ),
    "in place": (
        stepping(emptied),
        "one and the same object is taken for a tensor that never changes: state['memory'] was changed in place",
    ),
    "no state": (
        stepping(lambda output, state: output),
        "step must return an Output and a state (got Output(vectors=…, attention=…, weights=None, transitions=None))",
    ),
    "no output": (
        stepping(lambda output, state: (output.vectors, state)),
        "step must return an Output and a state (got (…, {",
    ),
    "vectors": (
        stepping(lambda output, state: (output._replace(vectors=output.vectors[:, :2]), state)),
        (
            "the vectors of step must be float32 [B, output_size] = [2, 4] for a memory of states [2, 5, 3] "
            "(got float32 [2, 2])"
        ),
    ),
    "attention": (
        stepping(lambda output, state: (output._replace(attention=output.vectors), state)),
        "the attention of step must be float32 [B, S] = [2, 5] for a memory of states [2, 5, 3] (got float32 [2, 4])",
    ),
    "weights of one vector": (
        stepping(lambda output, state: (output._replace(weights=EQUAL[:2]), state)),
        (
            "the vectors of step must be float32 [B, C, output_size] = [2, 1, 4] for a memory of states [2, 5, 3] "
            "(got float32 [2, 4])"
        ),
    ),
    "vectors without weights": (
        choosing(),
        "the vectors of step must be float32 [B, output_size] = [2, 4] for a memory of states [2, 5, 3] (got f",
    ),
    "too few weights": (
        choosing(weights=EQUAL[:, :2]),
        "the weights of step must be float32 [B, C] = [2, 3] for a memory of states [2, 5, 3] (got float32 [2, 2])",
    ),
    "one attention for all": (
        choosing(lambda output: output._replace(attention=output.attention[:, 0]), weights=EQUAL),
        "the attention of step must be float32 [B, C, S] = [2, 3, 5] for a memory of states [2, 5, 3] (got float32 [2,",
    ),
    "probabilities": (
        choosing(weights=EQUAL.exp()),
        ("the weights of step must be logarithms of probabilities with the sum 1 (got the sum 4.18684)"),
    ),
    "impossible alone": (
        choosing(weights=EQUAL - torch.inf),
        "the weights of step must be logarithms of probabilities with the sum 1 (got the sum 0)",
    ),
    "weights and transitions": (
        choosing(weights=EQUAL, transitions=EQUAL[:, None].expand(-1, 3, -1)),
        "step must give weights or transitions of the candidates, not both",
    ),
    "transitions without a start": (
        choosing(transitions=EQUAL[:, None].expand(-1, 3, -1)),
        (
            "step gives transitions, so initial_weights must return the candidates' weights [B, C] before the first "
            "step (got None)"
        ),
    ),
    "a start without transitions": (
        choosing(weights=EQUAL, initial=EQUAL[:2]),
        "initial_weights has candidates, so step must give their transitions (got None)",
    ),
    "a start of others": (
        choosing(transitions=EQUAL[:, None].expand(-1, 3, -1), initial=EQUAL[:2, :2] * 0 - math.log(2)),
        "the vectors of step must be float32 [B, C, output_size] = [2, 2, 4] for a memory of states [2, 5, 3] (got f",
    ),
    "a start of one": (
        choosing(transitions=EQUAL[:, None].expand(-1, 3, -1), initial=EQUAL[0]),
        "the initial weights must be float32 [B, C] = [2, 1] for a memory of states [2, 5, 3] (got float32 [3])",
    ),
    "a start that isn't certain": (
        choosing(transitions=EQUAL[:, None].expand(-1, 3, -1), initial=EQUAL[:2] - 1),
        "the initial weights must be logarithms of probabilities with the sum 1 (got the sum 0.367879)",
    ),
    "moves from all at once": (
        choosing(transitions=EQUAL, initial=EQUAL[:2]),
        "the transitions of step must be float32 [B, C, C] = [2, 3, 3] for a memory of states [2, 5, 3] (got f",
    ),
    "features first": (
        starting(lambda state: {**state, "memory": state["memory"].transpose(0, 2)}),
        (
            "start must give tensors whose first dimension is the batch: state['memory'] must be [2, …] for 2 sources "
            "(got [3, 5, 2])"
        ),
    ),
    "a number": (
        starting(lambda state: {**state, "step": torch.tensor(0)}),
        "state['step'] must be [2, …] for 2 sources (got [])",
    ),
    "no tensor at first": (
        starting(lambda state: {**state, "step": 0}),
        (
            "start must give a tensor, or tuples, named tuples, lists and dicts of tensors: "
            "state['step'] is none of these (got 0)"
        ),
    ),
    "no size": (
        unsized(Writes, "output_size"),
        "the decoder must set output_size, a whole number of at least 1, in __init__ (got None)",
    ),
}

BROKEN = [
    *(pytest.param("encoder", *each, id=f"encoder {name}") for name, each in BROKEN_ENCODERS.items()),
    *(pytest.param("decoder", *each, id=f"decoder {name}") for name, each in BROKEN_DECODERS.items()),
]


@pytest.fixture
def install(monkeypatch):
    """Installs an encoder and a decoder as ``third``, and returns all plugins."""

    def installed(**components):
        module = types.ModuleType("s2s_test_contract")
        chosen = {"encoder": Reads, "decoder": Writes} | components
        module.s2s_encoders = hookimpl(lambda: {"third": chosen["encoder"]}, specname="s2s_encoders")
        module.s2s_decoders = hookimpl(lambda: {"third": chosen["decoder"]}, specname="s2s_decoders")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        point = importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s")
        return Plugins([*importlib.metadata.entry_points(group="s2s"), point], {})

    return installed


@pytest.fixture
def make_run(install, tmp_path):
    """Makes a run with components that are installed as ``third``."""

    def make(**components):
        plugins = install(**components)
        tables = {"task": {"name": "reverse", "maximum_length": 4, "held_out": 4}, "encoder": "third"}
        return Run(tmp_path / "run", resolve([tables, {"training": {"steps": 1, "batch_size": 2}}], plugins), plugins)

    return make


@pytest.mark.parametrize(("kind", "component", "message"), BROKEN)
def test_what_breaks_the_contract_is_refused(make_run, kind, component, message):
    """One line names the component, the tensor, what was expected and what came."""
    component.api_version = 1
    run = make_run(**{kind: component})
    with pytest.raises(PluginError) as refused:
        build_model(run.config, 9, 9, run.plugins)
    text = str(refused.value)
    assert f"{kind} 'third'" in text
    assert message in text
    assert len(text.splitlines()) == 1


def test_training_refuses_it_before_anything_is_written(make_run, tmp_path):
    """There is no run to clean up, and no time was lost."""
    run = make_run(decoder=BROKEN_DECODERS["dtype"][0])
    with pytest.raises(PluginError, match="decoder 'third' breaks its contract"):
        prepare(run)
    assert [] == list(tmp_path.iterdir())


def test_what_keeps_the_contract_is_taken(make_run):
    """A cache that grows along its last dimension, and a memory that stays, are as they should be."""
    run = make_run()
    assert build_model(run.config, 9, 9, run.plugins).decoder.output_size == 4


def made(encoder_class=Reads, decoder_class=Writes):
    reading = encoder_class(None, 5)
    return reading, decoder_class(None, 5, MemorySizes(3, 4))


def test_a_python_program_is_told_the_class(make_model):
    """A model that was made without names is refused in export by the names of its classes."""
    model = make_model(encoder=Reads, decoder=BROKEN_DECODERS["dtype"][0])
    with pytest.raises(PluginError, match=re.escape("decoder Broken breaks its contract: step must keep dtype")):
        export_pieces(model)


def test_an_error_says_where_the_contract_is():
    """Its last words are a link to the documentation."""
    with pytest.raises(PluginError, match=f"; see {re.escape(PLACE)}$"):
        require_contract(*made(decoder_class=BROKEN_DECODERS["rank"][0]))


def test_a_blind_decoder_reads_vectors_of_no_width():
    """As in a model, which has no target embedding for it."""

    class Blind(Writes):
        reads_inputs = False

        def step(self, inputs, state):
            assert inputs.shape == (len(inputs), 0)
            return super().step(state["memory"].mean(1).repeat(1, 2)[:, :5], state)

    require_contract(*made(decoder_class=Blind))


def test_a_look_at_the_contract_changes_nothing():
    """Modes of the parts, chance and weights are as before, even where it breaks."""
    for decoder_class in (Writes, BROKEN_DECODERS["rank"][0]):
        parts = made(decoder_class=decoder_class)
        parts[0].last.eval()
        before = torch.get_rng_state(), {name: weight.clone() for name, weight in parts[1].state_dict().items()}
        try:
            require_contract(*parts)
        except PluginError:
            assert decoder_class is not Writes
        assert torch.equal(before[0], torch.get_rng_state())
        assert all(torch.equal(weight, before[1][name]) for name, weight in parts[1].state_dict().items())
        assert (True, False, True) == (parts[0].training, parts[0].last.training, parts[1].cell.training)


def test_it_is_asked_in_evaluation_mode_with_gradients_off():
    """What a component does in training alone isn't asked for here."""

    class Watching(Reads):
        def forward(self, inputs, lengths):
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().forward(inputs, lengths)

    require_contract(*made(Watching))


def test_double_precision_is_asked_in_double_precision():
    """The vectors have the dtype of the weights."""
    reading, writing = made()
    require_contract(reading.double(), writing.double())
