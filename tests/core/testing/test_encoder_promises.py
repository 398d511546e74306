"""The kit finds every way in which an encoder can break a promise, and nothing wrong with those that keep them all."""

import random

import pytest
import torch
from examining import Doubled, require_caught, require_kept
from torch import nn
from torch.nn import functional

from s2s_core import Encoder, Memory, padding_mask
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import promises

PLUGINS = Plugins()
PROMISES = {promise.name: promise for promise in promises("encoder")}


class Keeps(Encoder):
    """Reads each position by itself. Each of the classes below breaks one promise."""

    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.states_size = self.summary_size = 8
        self.layer = nn.Linear(input_size, 8)

    def forward(self, inputs, lengths):
        mask = padding_mask(lengths, inputs.shape[1])
        states = torch.where(mask[:, :, None], self.read(inputs), 0.0)
        return Memory(states, mask, states.sum(1) / self.counts(inputs, lengths)[:, None])

    def read(self, inputs):
        return self.layer(inputs).tanh()

    def counts(self, inputs, lengths):
        return lengths.clamp(min=1)


class DeclaresAnotherWidth(Keeps):
    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.summary_size = 9


class MasksNothing(Keeps):
    def forward(self, inputs, lengths):
        memory = super().forward(inputs, lengths)
        return memory._replace(mask=torch.ones_like(memory.mask))


class DividesByZero(Keeps):
    def counts(self, inputs, lengths):
        return lengths


class MultipliesByItsMask(Keeps):
    def forward(self, inputs, lengths):
        memory = super().forward(inputs, lengths)
        states = self.read(inputs) * memory.mask[:, :, None]
        return memory._replace(states=states, summary=states.sum(1))


class SumsPadding(Keeps):
    def forward(self, inputs, lengths):
        return super().forward(inputs, lengths)._replace(summary=self.read(inputs.nan_to_num()).sum(1))


class CountsPadding(Keeps):
    def counts(self, inputs, lengths):
        return torch.full_like(lengths, inputs.shape[1])


class KnowsItsRow(Keeps):
    def counts(self, inputs, lengths):
        return 1 + torch.arange(len(lengths))


class DropsAlways(Keeps):
    def read(self, inputs):
        return functional.dropout(super().read(inputs), 0.5)


class ShakesInItsOwnWay(Keeps):
    def read(self, inputs):
        return super().read(inputs) * (random.uniform(0.9, 1.1) if self.training else 1)


class DrawsFromTheClock(Keeps):
    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        chance = torch.Generator()
        chance.seed()
        nn.init.normal_(self.layer.weight, generator=chance)


class HasASpareLayer(Keeps):
    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.spare = nn.Linear(2, 2)


class DetachesItsInputs(Keeps):
    def read(self, inputs):
        return super().read(inputs.detach())


class HidesADivisionByZero(Keeps):
    def forward(self, inputs, lengths):
        mean = self.read(inputs).sum(1) / lengths[:, None]
        return super().forward(inputs, lengths)._replace(summary=torch.where(lengths[:, None] > 0, mean, 0.0))


class HasAWrongBackward(Keeps):
    def read(self, inputs):
        return Doubled.apply(super().read(inputs))


class MakesSinglePrecision(Keeps):
    def read(self, inputs):
        return super().read(inputs + torch.zeros(1, dtype=torch.float32)).float()


class HidesAWeight(Keeps):
    def __init__(self, config, input_size):
        super().__init__(config, input_size)
        self.scale = torch.rand(8)

    def read(self, inputs):
        return super().read(inputs) * self.scale


class ReadsNothing(Keeps):
    def read(self, inputs):
        return super().read(torch.ones_like(inputs))


class GivesDoubles(Keeps):
    def forward(self, inputs, lengths):
        memory = super().forward(inputs, lengths)
        return memory._replace(states=memory.states.double())


class ExportsOtherwise(Keeps):
    def read(self, inputs):
        return super().read(-inputs if torch.compiler.is_exporting() else inputs)


BROKEN = [
    ("shapes", DeclaresAnotherWidth, "the memory's summary must be float32 [B, summary_size] = [6, 9] for inputs"),
    ("shapes", MasksNothing, "the mask of row 1, whose length is 1, is [True, True, True, True, True]"),
    ("lengths", DividesByZero, "for sources of lengths [0], a number of the summary at row 0 is nan"),
    ("padding", MultipliesByItsMask, "with NaN past the lengths [5, 1, 3, 0, 5, 2], a number of the "),
    (
        "padding",
        SumsPadding,
        "with large numbers past the lengths [5, 1, 3, 0, 5, 2], a number of the summary at row 1 is",
    ),
    ("batch", CountsPadding, "for row 1 of lengths [5, 1, 3, 0, 5, 2] alone, without padding, a number of the summary"),
    ("order", KnowsItsRow, "for the rows of lengths [5, 1, 3, 0, 5, 2] in reverse order, a number of the summary at"),
    (
        "repeatable",
        DropsAlways,
        "read a second time, in evaluation mode, a number of the states at row 0, position 0 is ",
    ),
    (
        "chance",
        ShakesInItsOwnWay,
        "after torch.manual_seed(1) a second time, in training mode, a number of the states at row 0, position 0 is ",
    ),
    ("seed", DrawsFromTheClock, "made twice after torch.manual_seed(1), it has different weights layer.weight"),
    ("gradients", HasASpareLayer, "no gradient reaches spare.bias, spare.weight"),
    ("gradients", DetachesItsInputs, "for sources of lengths [5, 1, 3, 0, 5, 2] the source vectors at row 0 get no"),
    (
        "gradients",
        HidesADivisionByZero,
        "for sources of lengths [5, 1, 3, 0, 5, 2] the gradient of layer.",
    ),
    ("exact_gradients", HasAWrongBackward, "the gradient of the inputs differs from that of finite differences"),
    ("exact_gradients", MakesSinglePrecision, "it raises RuntimeError: "),
    ("saving", HidesAWeight, "a new model with the saved weights has other outputs than the saved model"),
    ("learning", ReadsNothing, "at best; it should be below 0.194, as 0.778 is possible without reading the source"),
    ("counterparts", GivesDoubles, "with decoder 'attention-gru' it raises RuntimeError: "),
    ("onnx", ExportsOtherwise, "the file answers "),
]


@pytest.mark.parametrize(
    ("name", "component", "found"), BROKEN, ids=[f"{each[0]} {each[1].__name__}" for each in BROKEN]
)
def test_a_broken_encoder_is_found(name, component, found):
    """The message names the promise, says what was found on which input, and where the promise is documented."""
    require_caught("encoder", component, PROMISES[name], PLUGINS, found)


def test_every_promise_has_a_broken_encoder():
    """None is there that nothing can break."""
    assert set(PROMISES) == {name for name, *_ in BROKEN}


@pytest.mark.parametrize("name", [name for name in PROMISES if name != "onnx"])
def test_the_healthy_one_keeps_every_promise(name):
    """So what is found of the others is due to what they change. That it's exported: the documentation's example."""
    require_kept("encoder", Keeps, PROMISES[name], PLUGINS)


@pytest.mark.parametrize("theirs", ["scanning_encoder", "lstm_encoder"])
@pytest.mark.parametrize("name", [name for name in PROMISES if name != "onnx"])
def test_encoders_of_third_parties_keep_every_promise(name, theirs, third_party):
    """One with a cell of its own, and one of layers, which know nothing of the kit. Other tests export them."""
    require_kept("encoder", getattr(third_party, theirs), PROMISES[name], PLUGINS)


def test_a_broken_counterpart_is_not_judged(monkeypatch):
    """What doesn't work with a plain encoder either says nothing about an encoder."""

    class Fails(PLUGINS.component("decoder", "gru")):
        api_version = 1

        def step(self, inputs, state):
            raise RuntimeError("not today")

    find = Plugins.component
    monkeypatch.setattr(
        Plugins, "component", lambda self, kind, name: Fails if name == "gru" else find(self, kind, name)
    )
    require_kept("encoder", Keeps, PROMISES["counterparts"], PLUGINS)
