"""The MLP-RNN computes its equations, whatever stands around a sequence, and its gradient is exact."""

import math
from pkgutil import resolve_name
from typing import Any

import pytest
import s2s_mlp_rnn
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from s2s_mlp_rnn.decoder import MLPRNNDecoder
from s2s_mlp_rnn.encoder import MLPRNNEncoder
from s2s_mlp_rnn.perceptron import Perceptron
from s2s_mlp_rnn.recurrence import Packing, unroll
from torch import Tensor, nn
from torch.nn import functional

from s2s_core.model.interfaces import Decoder, Memory, MemorySizes, padding_mask
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.vocabulary import BOS

EMBEDDING, HIDDEN, IDS = 5, 8, 9  # E, H, V
LONGEST = 5

deterministic = settings(max_examples=25, derandomize=True, database=None, deadline=None)
lengths_of_rows = st.lists(st.integers(0, LONGEST), min_size=1, max_size=5)
lengths_of_pairs = st.lists(st.tuples(st.integers(0, LONGEST), st.integers(0, LONGEST)), min_size=1, max_size=5)
both_decoders = pytest.mark.parametrize("feed_previous", [False, True], ids=["blind", "fed"])


def make_encoder(hidden_size: int = HIDDEN, embedding_size: int = EMBEDDING) -> MLPRNNEncoder:
    return MLPRNNEncoder(MLPRNNEncoder.Config(hidden_size), embedding_size)


def make_decoder(*, feed_previous: bool, hidden_size: int = HIDDEN, summary_size: int = HIDDEN) -> MLPRNNDecoder:
    config = MLPRNNDecoder.Config(hidden_size, feed_previous=feed_previous)
    return MLPRNNDecoder(config, EMBEDDING, MemorySizes(summary_size, summary_size))


def make_model(*, feed_previous: bool, decoder_size: int = HIDDEN) -> Seq2Seq:
    decoder = make_decoder(feed_previous=feed_previous, hidden_size=decoder_size)
    return Seq2Seq(make_encoder(), decoder, IDS, IDS)


def shake_biases(module: nn.Module) -> Any:
    """Makes every bias count, in float64."""
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.3)
    return module.double()


def random_ids(lengths: Tensor) -> Tensor:
    """Gives ids for rows one longer than the longest allowed; nothing marks where a row ends."""
    return torch.randint(1, IDS, (len(lengths), LONGEST + 1))


def random_memory(rows: int) -> Memory:
    states = torch.randn(rows, 1, HIDDEN, dtype=torch.float64)
    return Memory(states, torch.ones(rows, 1, dtype=torch.bool), states[:, 0])


class Equations:
    """The design's equations, one row and one step at a time, on vectors, without a module of ours."""

    def __init__(self, model: Seq2Seq) -> None:
        self.weights = dict(model.named_parameters())

    def perceptron(self, name: str, x: Tensor) -> Tensor:
        layers = [number for number in (0, 2, 4) if f"{name}.{number}.weight" in self.weights]
        for number in layers:
            x = self.weights[f"{name}.{number}.weight"] @ x + self.weights[f"{name}.{number}.bias"]
            if number != 4:
                x = x.clamp(min=0)
        return x

    def encode(self, ids: Tensor) -> list[Tensor]:
        """Returns the state before the first position and after each."""
        states = [torch.zeros(HIDDEN, dtype=torch.float64)]
        for token in ids:
            x = self.weights["source_embedding.weight"][token]
            driven = self.perceptron("encoder.xh", x) + self.perceptron("encoder.hh", states[-1])
            states.append(driven.tanh())
        return states

    def decode(self, h: Tensor, ids: Tensor, *, feed_previous: bool) -> list[Tensor]:
        """Returns the logits of each step."""
        logits, before = [], torch.tensor(BOS)
        for token in ids:
            if feed_previous:
                x = self.weights["target_embedding.weight"][before]
                h = (self.perceptron("decoder.xh", x) + self.perceptron("decoder.hh", h)).tanh()
            else:
                h = self.perceptron("decoder.hh", h).clamp(min=0)
            features = self.perceptron("decoder.hv", h)
            logits.append(self.weights["projection.weight"] @ features + self.weights["projection.bias"])
            before = token
        return logits


def gradients(model: nn.Module, outputs: list[Tensor]) -> dict[str, Tensor]:
    """Returns each parameter's gradient of the outputs, of which each number counts differently."""
    flat = torch.cat([output.flatten() for output in outputs])
    loss = flat @ torch.linspace(-1, 2, len(flat), dtype=flat.dtype).cos()
    named = dict(model.named_parameters())
    nothing = sum(0 * parameter.sum() for parameter in named.values())
    found = torch.autograd.grad(loss + nothing, list(named.values()))
    return dict(zip(named, found, strict=True))


def assert_all_close(expected: dict[str, Tensor], actual: dict[str, Tensor]) -> None:
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, rtol=1e-10, atol=1e-12, msg=name)


@both_decoders
@deterministic
@given(pairs=lengths_of_pairs)
@example(pairs=[(0, 0)])
@example(pairs=[(0, 3), (5, 0), (2, 2)])
def test_the_model_computes_the_equations_and_their_gradient(pairs: list[tuple[int, int]], *, feed_previous: bool):
    """States, summaries, logits and all gradients are those of the equations, for rows of any length."""
    torch.manual_seed(len(pairs))
    model = shake_biases(make_model(feed_previous=feed_previous))
    source_lengths, target_lengths = torch.tensor(pairs).unbind(1)
    source, target = random_ids(source_lengths), random_ids(target_lengths)

    equations = Equations(model)
    states, summaries, logits = [], [], []
    for number, (source_length, target_length) in enumerate(pairs):
        row = equations.encode(source[number, :source_length])
        states += row[1:]
        summaries.append(row[-1])
        logits += equations.decode(row[-1], target[number, :target_length], feed_previous=feed_previous)
    expected = {
        "states": torch.stack([*states, torch.zeros(HIDDEN, dtype=torch.float64)]),
        "summaries": torch.stack(summaries),
        "logits": torch.stack([*logits, torch.zeros(IDS, dtype=torch.float64)]),
    }

    memory = model.encode(source, source_lengths)
    actual = {
        "states": functional.pad(memory.states[memory.mask], (0, 0, 0, 1)),
        "summaries": memory.summary,
        "logits": functional.pad(model(source, source_lengths, target, target_lengths), (0, 0, 0, 1)),
    }
    assert_all_close(expected, actual)
    assert_all_close(gradients(model, [*expected.values()]), gradients(model, [*actual.values()]))


@pytest.mark.parametrize("driven", [False, True])
def test_the_gradient_written_by_hand_is_the_slope(*, driven: bool):
    """Finite differences agree with it, for what the cell reads, its initial state and its weights."""
    cell = shake_biases(Perceptron(4, 4, 4, rectified=not driven))
    packing = Packing(torch.tensor([1, 3, 0, 2]), 3)
    initial = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    drive = torch.randn(6, 4, dtype=torch.float64, requires_grad=True) if driven else None
    inputs = [initial, *cell.parameters(), *([drive] if driven else [])]
    assert torch.autograd.gradcheck(lambda *_: unroll(cell, drive, initial, packing), inputs)


def test_a_second_derivative_is_refused():
    """The gradient of a gradient that depends on the states raises rather than be wrong."""
    inputs = torch.randn(2, 3, EMBEDDING, requires_grad=True)
    summary = make_encoder()(inputs, torch.tensor([3, 2])).summary
    (slope,) = torch.autograd.grad(summary.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@deterministic
@given(lengths=lengths_of_rows)
def test_the_encoder_ignores_what_stands_past_a_length(lengths: list[int]):
    """Not even NaN there changes a state, a summary or a gradient, and its own gradient is 0."""
    encoder = make_encoder().double()
    mask = padding_mask(torch.tensor(lengths), LONGEST + 1)  # [B, S]
    clean = torch.randn(*mask.shape, EMBEDDING, dtype=torch.float64)
    found = []
    for garbage in (0.0, math.nan):
        inputs = torch.where(mask[:, :, None], clean, garbage).requires_grad_()
        memory = encoder(inputs, torch.tensor(lengths))
        (memory.states[mask].sum() + memory.summary.square().sum()).backward()
        found.append([memory.states[mask], memory.summary, inputs.grad])
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert not found[1][2][~mask].any()


@both_decoders
@deterministic
@given(pairs=lengths_of_pairs)
def test_a_row_is_the_same_alone_and_in_a_batch(pairs: list[tuple[int, int]], *, feed_previous: bool):
    """A model answers each pair of a batch as it answers the pair by itself without padding."""
    model = shake_biases(make_model(feed_previous=feed_previous))
    source_lengths, target_lengths = torch.tensor(pairs).unbind(1)
    source, target = random_ids(source_lengths), random_ids(target_lengths)
    together = model(source, source_lengths, target, target_lengths).split(target_lengths.tolist())
    for row, logits in enumerate(together):
        one = slice(row, row + 1)
        alone = model(
            source[one, : pairs[row][0]],
            source_lengths[one],
            target[one, : pairs[row][1]],
            target_lengths[one],
        )
        torch.testing.assert_close(logits, alone, rtol=1e-10, atol=1e-12)


@both_decoders
@deterministic
@given(lengths=lengths_of_rows)
def test_a_whole_target_is_its_steps(lengths: list[int], *, feed_previous: bool):
    """``forward`` gives what ``start`` and ``step`` give one after the other, at every real position."""
    decoder = shake_biases(make_decoder(feed_previous=feed_previous))
    mask = padding_mask(torch.tensor(lengths), LONGEST + 1)  # [B, T]
    width = EMBEDDING if feed_previous else 0
    inputs = torch.randn(*mask.shape, width, dtype=torch.float64)
    memory = random_memory(len(lengths))
    whole = decoder(inputs, torch.tensor(lengths), memory).vectors
    stepped = Decoder.forward(decoder, inputs, torch.tensor(lengths), memory).vectors
    torch.testing.assert_close(whole[mask], stepped[mask], rtol=1e-10, atol=1e-12)


@deterministic
@given(lengths=lengths_of_rows)
def test_packing_keeps_real_positions_alone(lengths: list[int]):
    """What is packed is as long as all rows together, and comes back in its place with zeros around it."""
    mask = padding_mask(torch.tensor(lengths), LONGEST + 1)  # [B, S]
    padded = torch.randn(*mask.shape, EMBEDDING)
    packing = Packing(torch.tensor(lengths), LONGEST + 1)
    packed = packing.pack(padded)
    assert len(packed) == sum(packing.counts) == sum(lengths)
    assert torch.equal(packing.pad(packed), padded.where(mask[:, :, None], 0.0))


def test_nothing_is_known_of_an_empty_source():
    """The summary of a row of length 0 is 0, and no other row's is."""
    encoder = shake_biases(make_encoder())
    inputs = torch.randn(3, 4, EMBEDDING, dtype=torch.float64)
    summary = encoder(inputs, torch.tensor([4, 0, 1])).summary
    assert [True, False, True] == summary.any(1).tolist()


@pytest.mark.parametrize(("rows", "longest"), [(0, 3), (2, 0), (0, 0)])
@both_decoders
def test_an_empty_batch_is_a_batch(rows: int, longest: int, *, feed_previous: bool):
    """No rows, or rows of no positions, give answers of that shape and gradients of 0."""
    encoder, decoder = make_encoder(), make_decoder(feed_previous=feed_previous)
    inputs, lengths = torch.randn(rows, longest, EMBEDDING), torch.zeros(rows, dtype=torch.int64)
    memory = encoder(inputs, lengths)
    vectors = decoder(inputs, lengths, memory).vectors
    assert ((rows, longest, HIDDEN), (rows, HIDDEN)) == (memory.states.shape, memory.summary.shape)
    assert (rows, longest, HIDDEN // 2) == vectors.shape
    (memory.states.sum() + memory.summary.sum() + vectors.sum()).backward()
    assert not any(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())


def test_the_blind_decoder_needs_no_target_embedding():
    """A model has one only where the decoder reads the tokens before."""
    assert make_model(feed_previous=False).target_embedding is None
    assert (IDS, EMBEDDING) == make_model(feed_previous=True).target_embedding.weight.shape


@both_decoders
def test_the_blind_decoder_sees_no_token_and_the_fed_one_does(*, feed_previous: bool):
    """Other tokens before a step change its logits exactly where ``feed_previous`` says so."""
    model = make_model(feed_previous=feed_previous).double()
    lengths = torch.tensor([4])
    source = torch.tensor([[4, 5, 6, 7]])
    one, other = (model(source, lengths, torch.tensor([[token, 5, 5, 5]]), lengths)[1:].detach() for token in (4, 8))
    assert feed_previous == (not torch.equal(one, other))


def test_equal_widths_hand_the_summary_over():
    """A decoder as wide as the encoder starts from its last state itself."""
    summary = torch.randn(2, HIDDEN)
    decoder = make_decoder(feed_previous=False)
    assert decoder.start(Memory(summary[:, None], torch.ones(2, 1), summary)) is summary
    assert [] == list(decoder.bridge.parameters())


@both_decoders
def test_other_widths_have_a_bridge(*, feed_previous: bool):
    """A narrower decoder starts from a learned linear map of the summary, which learns with the encoder."""
    model = make_model(feed_previous=feed_previous, decoder_size=6)
    lengths = torch.tensor([3, 5])
    memory = model.encode(random_ids(lengths), lengths)
    bridge = model.decoder.bridge
    expected = memory.summary @ bridge.weight.T + bridge.bias
    torch.testing.assert_close(model.decoder.start(memory), expected)
    found = gradients(model, [model(random_ids(lengths), lengths, random_ids(lengths), lengths)])
    assert found["decoder.bridge.weight"].any()
    assert found["encoder.xh.0.weight"].any()


@both_decoders
def test_weights_start_orthogonal_and_biases_zero(*, feed_previous: bool):
    """The gain is √2 before a ReLU and 1 elsewhere, as keeps the gradient alive."""
    model = make_model(feed_previous=feed_previous)
    found = {
        name: float(torch.linalg.svdvals(weight.detach()).square().mean().round(decimals=4))
        for name, weight in model.named_parameters()
        if name.startswith(("encoder", "decoder")) and weight.dim() == 2
    }
    last = {"encoder.xh.4.weight": 1.0, "encoder.hh.4.weight": 1.0}
    if feed_previous:
        last |= {"decoder.xh.4.weight": 1.0, "decoder.hh.4.weight": 1.0}
    assert {name: last.get(name, 2.0) for name in found} == found
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and name in found:
            values = torch.linalg.svdvals(parameter)
            torch.testing.assert_close(values, values.mean().expand_as(values))
        elif name.endswith("bias"):
            assert not parameter.any(), name


@both_decoders
def test_the_gradient_lives_at_length_100(*, feed_previous: bool):
    """At the start of training it reaches every parameter, as it doesn't with PyTorch's own weights."""
    config = MLPRNNDecoder.Config(32, feed_previous=feed_previous)
    encoder = make_encoder(32, 16)
    model = Seq2Seq(encoder, MLPRNNDecoder(config, 16, MemorySizes(32, 32)), IDS, IDS)
    ids, lengths = torch.randint(4, IDS, (4, 100)), torch.full((4,), 100)
    functional.cross_entropy(model(ids, lengths, ids, lengths), ids.flatten()).backward()
    norms = {name: float(parameter.grad.norm()) for name, parameter in model.named_parameters()}
    assert all(1e-4 < norm < 10 for norm in norms.values()), norms


class EncoderAlone(nn.Module):
    def __init__(self, encoder: MLPRNNEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(self.encoder(inputs, lengths))


@torch.no_grad()
def test_the_exported_encoder_gives_the_same_numbers():
    """Traced once with a ``scan``, it runs batches of any size, empty rows and padding included."""
    encoder = shake_biases(make_encoder())
    example_inputs = (torch.randn(2, 3, EMBEDDING, dtype=torch.float64), torch.tensor([3, 1]))
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    program = torch.export.export(
        EncoderAlone(encoder),
        example_inputs,
        dynamic_shapes={"inputs": {0: batch, 1: length}, "lengths": {0: batch}},
        strict=False,
    )
    assert any("scan" in str(node.target) for node in program.graph.nodes)
    lengths = torch.tensor([0, 6, 2, 7, 1])
    inputs = torch.randn(5, 7, EMBEDDING, dtype=torch.float64)
    states, mask, summary = program.module()(inputs, lengths)
    eager = encoder(inputs, lengths)
    assert torch.equal(eager.mask, mask)
    torch.testing.assert_close(states[mask], eager.states[mask], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(summary, eager.summary, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decoder_size", [HIDDEN, 6], ids=["identity", "bridge"])
@both_decoders
def test_mixed_precision_trains(decoder_size: int, *, feed_previous: bool):
    """Under bfloat16 autocast the gradient points where the full one points, with and without a bridge."""
    model = make_model(feed_previous=feed_previous, decoder_size=decoder_size)
    lengths = torch.tensor([2, 5, 1, 3])
    batch = (random_ids(lengths), lengths, random_ids(lengths), lengths)
    full = gradients(model, [model(*batch)])
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(*batch)
    mixed = gradients(model, [logits.float()])
    full_vector, mixed_vector = (
        torch.cat([gradient.flatten() for gradient in found.values()]) for found in (full, mixed)
    )
    assert logits.dtype == torch.bfloat16
    assert functional.cosine_similarity(full_vector, mixed_vector, dim=0) > 0.999


def test_its_names_lead_to_its_classes():
    """``mlp-rnn`` is an encoder and a decoder."""
    assert resolve_name(s2s_mlp_rnn.s2s_encoders()["mlp-rnn"]) is MLPRNNEncoder
    assert resolve_name(s2s_mlp_rnn.s2s_decoders()["mlp-rnn"]) is MLPRNNDecoder


@pytest.mark.parametrize("component", [MLPRNNEncoder, MLPRNNDecoder])
def test_a_state_has_at_least_two_numbers(component: type):
    """A narrower one would have no second layer."""
    with pytest.raises(ValueError, match="hidden_size must be from 2 to 16384"):
        component.Config(hidden_size=1)
