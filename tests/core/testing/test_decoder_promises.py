"""The kit finds every way in which a decoder can break a promise, and nothing wrong with those that keep them all."""

import random

import pytest
import torch
from candidate_decoders import Chains, Mixes
from examining import Doubled, require_caught, require_kept
from torch import nn
from torch.nn import functional

from s2s_core import Decoder, Output, bridge
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import promises

PLUGINS = Plugins()
PROMISES = {promise.name: promise for promise in promises("decoder")}


class Keeps(Decoder):
    """A recurrent cell that looks at all of the memory. Each of the classes below breaks one promise."""

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 16
        self.bridge, self.values = bridge(memory.summary, 8), bridge(memory.states, 8)
        self.cell = nn.GRUCell(input_size, 8)

    def start(self, memory):
        return self.first(memory.summary), self.values(self.hide(memory)), memory.mask

    def step(self, inputs, state):
        hidden, values, mask = state
        hidden = self.follow(inputs, hidden)
        scores = (values @ hidden[:, :, None])[:, :, 0]
        weights = self.ignore(scores, mask).softmax(1)
        return Output(torch.cat([hidden, (weights[:, None] @ values)[:, 0]], 1), weights), (hidden, values, mask)

    def first(self, summary):
        return self.bridge(summary)

    def hide(self, memory):
        return memory.states.masked_fill(~memory.mask[:, :, None], 0.0)

    def follow(self, inputs, hidden):
        return self.cell(inputs, hidden)

    def ignore(self, scores, mask):
        return scores.masked_fill(~mask, -1e9)


class Blind(Keeps):
    """Doesn't look at the tokens before."""

    reads_inputs = False

    def __init__(self, config, input_size, memory):
        super().__init__(config, 0, memory)


class DeclaresAnotherWidth(Keeps):
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 8


class ReturnsVectors(Keeps):
    def forward(self, inputs, lengths, memory):
        return super().forward(inputs, lengths, memory).vectors


class WeighsTwice(Keeps):
    def step(self, inputs, state):
        output, after = super().step(inputs, state)
        return output._replace(attention=2 * output.attention), after


class WeighsPadding(Keeps):
    def step(self, inputs, state):
        output, after = super().step(inputs, state)
        return output._replace(attention=torch.full_like(output.attention, 0.2)), after


class WeighsBelowNothing(Keeps):
    def step(self, inputs, state):
        output, after = super().step(inputs, state)
        return output._replace(attention=output.attention.roll(1, 1) - output.attention), after


class WeighsOnlyInEvaluation(Keeps):
    def forward(self, inputs, lengths, memory):
        output = super().forward(inputs, lengths, memory)
        return output._replace(attention=None) if self.training else output


class ChangesItsDtype(Keeps):
    def step(self, inputs, state):
        output, (hidden, *rest) = super().step(inputs, (state[0].float(), *state[1:]))
        return output, (hidden.double(), *rest)


class ChangesInPlace(Keeps):
    def step(self, inputs, state):
        output, (hidden, *_) = super().step(inputs, state)
        state[0].copy_(hidden)
        return output, state


class LooksAhead(Keeps):
    def forward(self, inputs, lengths, memory):
        return super().forward(inputs.roll(-1, 1), lengths, memory)


class RemembersOutsideItsState(Keeps):
    def first(self, summary):
        self.hidden = super().first(summary)
        return self.hidden

    def follow(self, inputs, hidden):
        self.hidden = super().follow(inputs, self.hidden)
        return self.hidden.clone()


class AttendsToNothing(Keeps):
    def ignore(self, scores, mask):
        return scores.masked_fill(~mask, float("-inf"))


class HidesNothing(Keeps):
    def hide(self, memory):
        return memory.states


class ReadsPastTheEnd(Keeps):
    def forward(self, inputs, lengths, memory):
        output = super().forward(inputs, lengths, memory)
        return output._replace(vectors=output.vectors + inputs.sum((1, 2), keepdim=True))


class CountsPadding(Keeps):
    def ignore(self, scores, mask):
        return scores


class KnowsItsRow(Keeps):
    def first(self, summary):
        return super().first(summary) + torch.arange(len(summary))[:, None]


class DropsAlways(Keeps):
    def follow(self, inputs, hidden):
        return functional.dropout(super().follow(inputs, hidden), 0.5)


class ShakesInItsOwnWay(Keeps):
    def follow(self, inputs, hidden):
        return super().follow(inputs, hidden) * (random.uniform(0.9, 1.1) if self.training else 1)


class DrawsFromTheClock(Keeps):
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        chance = torch.Generator()
        chance.seed()
        nn.init.normal_(self.cell.weight_ih, generator=chance)


class HasASpareLayer(Keeps):
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.spare = nn.Linear(2, 2)


class DetachesTheMemory(Keeps):
    def start(self, memory):
        return super().start(type(memory)(*(part.detach() for part in memory)))


class DetachesItsInputs(Keeps):
    def follow(self, inputs, hidden):
        return super().follow(inputs.detach(), hidden)


class HasAWrongBackward(Keeps):
    def first(self, summary):
        return Doubled.apply(super().first(summary))


class HidesAWeight(Keeps):
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.scale = torch.rand(8)

    def first(self, summary):
        return super().first(summary) * self.scale


class ReadsNoMemory(Keeps):
    def start(self, memory):
        hidden, values, mask = super().start(memory)
        return 0 * hidden, 0 * values, mask


class WantsAWideSummary(Keeps):
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.bridge = nn.Linear(16, 8)


class LooksAtNumbers(Keeps):
    def follow(self, inputs, hidden):
        return super().follow(inputs if hidden.sum().item() > 0 else -inputs, hidden)


class ExportsOtherwise(Keeps):
    def follow(self, inputs, hidden):
        return super().follow(-inputs if torch.compiler.is_exporting() else inputs, hidden)


class MixesAnotherWay(Mixes):
    def forward(self, inputs, lengths, memory):
        output = super().forward(inputs, lengths, memory)
        return output._replace(weights=output.weights.flip(2))


class MovesAnotherWay(Chains):
    def forward(self, inputs, lengths, memory):
        output = super().forward(inputs, lengths, memory)
        return output._replace(transitions=output.transitions.flip(2))


class WeighsLogits(Mixes):
    def answer(self, output, hidden):
        return output._replace(weights=self.weights(hidden))


BOTH = "for sources of lengths [5, 1, 3, 0, 5, 2] and targets of lengths [2, 4, 1, 3, 0, 4]"

BROKEN = [
    (
        "shapes",
        DeclaresAnotherWidth,
        "the vectors of forward must be float32 [B, T, output_size] = [6, 4, 8] for a mem",
    ),
    (
        "shapes",
        WeighsLogits,
        "the weights of step must be logarithms of probabilities with the sum 1 (got the sum ",
    ),
    ("shapes", ReturnsVectors, "forward must return an Output, not Tensor"),
    ("attention", WeighsTwice, "the weights of the attention of step, for sources of lengths [5, 1, 3, 0, 5, 2], have"),
    ("attention", WeighsPadding, "the attention of step, for sources of lengths [5, 1, 3, 0, 5, 2], gives padding"),
    ("attention", WeighsBelowNothing, "the attention of step, for sources of lengths [5, 1, 3, 0, 5, 2], has a weight"),
    ("attention", WeighsOnlyInEvaluation, "steps return attention, but forward in training doesn't, though attention"),
    ("state", ChangesItsDtype, "state[0] was float32 [2, 8] for a batch of 2 (got float64 [2, 8])"),
    ("state", ChangesInPlace, "state[0] was changed in place"),
    (
        "steps",
        LooksAhead,
        "by forward, for targets of lengths [2, 4, 1, 3, 0, 4], instead of step by step, a number of",
    ),
    ("steps", MixesAnotherWay, "instead of step by step, a number of"),
    ("steps", MovesAnotherWay, "instead of step by step, a number of"),
    (
        "beams",
        RemembersOutsideItsState,
        "in step 1 of beams that went on from beams [0, 0, 0], a number of the vectors",
    ),
    (
        "lengths",
        AttendsToNothing,
        "for sources of lengths [0, 2] and targets of lengths [3, 1], a number of the vectors",
    ),
    ("padding", HidesNothing, "in the memory's states past the lengths [5, 1, 3, 0, 5, 2], a number of the vectors"),
    ("padding", ReadsPastTheEnd, "with large numbers in the targets past the lengths [2, 4, 1, 3, 0, 4], a number of"),
    ("batch", CountsPadding, f"for row 1 {BOTH.removeprefix('for ').replace('sources', 'of sources', 1)} alone"),
    ("order", KnowsItsRow, "for the rows of targets of lengths [2, 4, 1, 3, 0, 4] in reverse order, a number of the v"),
    (
        "repeatable",
        DropsAlways,
        "decoded a second time, in evaluation mode, a number of the vectors at row 0, position",
    ),
    (
        "chance",
        ShakesInItsOwnWay,
        "after torch.manual_seed(1) a second time, in training mode, a number of the vectors at row 0, position 0 is ",
    ),
    ("seed", DrawsFromTheClock, "made twice after torch.manual_seed(1), it has different weights cell.weight_ih"),
    ("gradients", HasASpareLayer, "no gradient reaches spare.bias, spare.weight"),
    ("gradients", DetachesTheMemory, f"{BOTH} no gradient reaches the memory"),
    ("gradients", DetachesItsInputs, f"{BOTH} the target vectors at row 0 get no gradient"),
    (
        "exact_gradients",
        HasAWrongBackward,
        "the gradient of the memory's summary differs from that of finite differences",
    ),
    ("saving", HidesAWeight, "a new model with the saved weights has other outputs than the saved model"),
    ("learning", ReadsNoMemory, "at best; it should be below 0.194, as 0.778 is possible without reading the source"),
    ("counterparts", WantsAWideSummary, "with encoder 'lstm' it raises RuntimeError: "),
    ("onnx", LooksAtNumbers, "don't branch on what tensors hold, use torch.where, and call no .item()"),
    ("onnx", ExportsOtherwise, "the file answers "),
]


@pytest.mark.parametrize(
    ("name", "component", "found"), BROKEN, ids=[f"{each[0]} {each[1].__name__}" for each in BROKEN]
)
def test_a_broken_decoder_is_found(name, component, found):
    """The message names the promise, says what was found on which input, and where the promise is documented."""
    require_caught("decoder", component, PROMISES[name], PLUGINS, found)


def test_every_promise_has_a_broken_decoder():
    """None is there that nothing can break."""
    assert set(PROMISES) == {name for name, *_ in BROKEN}


@pytest.mark.parametrize("component", [Keeps, Blind, Mixes, Chains])
@pytest.mark.parametrize("name", [name for name in PROMISES if name != "onnx"])
def test_the_healthy_one_keeps_every_promise(name, component):
    """So what is found of the others is due to what they change; to read no inputs or to have candidates is as good."""
    require_kept("decoder", component, PROMISES[name], PLUGINS)


@pytest.mark.parametrize("theirs", ["caching_decoder", "gru_decoder"])
@pytest.mark.parametrize("name", [name for name in PROMISES if name != "onnx"])
def test_decoders_of_third_parties_keep_every_promise(name, theirs, third_party):
    """One with a cache, and one of one cell, which know nothing of the kit. Other tests export them."""
    require_kept("decoder", getattr(third_party, theirs), PROMISES[name], PLUGINS)
