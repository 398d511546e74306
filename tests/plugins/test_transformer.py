"""The transformer computes its equations, whatever stands around a sequence, in steps or at once, and in a file."""

import cmath
import math
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import onnxruntime
import pytest
import s2s_transformer
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from s2s_transformer.attention import FEW_KEYS
from s2s_transformer.config import TransformerConfig
from s2s_transformer.decoder import TransformerDecoder
from s2s_transformer.encoder import TransformerEncoder
from torch import Tensor, nn
from torch.nn import functional

from s2s_core import BadValueError, Decoder, Encoder, Memory, MemorySizes, NoConfig, Output
from s2s_core.config.decoding import DecodingConfig
from s2s_core.config.tables import Component, RunConfig, SourceConfig, TargetConfig
from s2s_core.exporting.exporter import export
from s2s_core.model.checkpoint import TextModel
from s2s_core.model.interfaces import padding_mask
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import BOS

EMBEDDING, HIDDEN, HEADS, IDS = 5, 8, 2, 9  # E, H, A, V
WIDTH = HIDDEN // HEADS  # W
LONGEST = 5
KINDS = ["sinusoidal", "learned", "rotary", "relative"]

deterministic = settings(max_examples=10, derandomize=True, database=None, deadline=None)
lengths_of_rows = st.lists(st.integers(0, LONGEST), min_size=1, max_size=4)
lengths_of_pairs = st.lists(st.tuples(st.integers(0, LONGEST), st.integers(0, LONGEST)), min_size=1, max_size=4)
every_kind = pytest.mark.parametrize("kind", KINDS)


def make_config(kind: str = "sinusoidal", **changes: Any) -> TransformerConfig:
    """Gives a small transformer, that forgets positions and distances early."""
    small = {"hidden_size": HIDDEN, "layers": 2, "heads": HEADS, "feed_forward_size": 12}
    early = {"maximum_positions": 3, "maximum_distance": 2}
    return TransformerConfig(**{**small, **early, "positions": kind, **changes})


def make_model(config: TransformerConfig) -> Seq2Seq:
    """Gives a model with random weights of which each counts, in float64."""
    encoder = TransformerEncoder(config, EMBEDDING)
    decoder = TransformerDecoder(config, EMBEDDING, MemorySizes(HIDDEN, HIDDEN))
    return shaken(Seq2Seq(encoder, decoder, IDS, IDS))


def shaken(module: nn.Module) -> Any:
    for name, parameter in module.named_parameters():
        if name.endswith("bias") or "norm" in name:
            nn.init.normal_(parameter, std=0.5)
    return module.double().eval()


def random_ids(lengths: Tensor) -> Tensor:
    """Gives ids for rows one longer than the longest allowed; nothing marks where a row ends."""
    return torch.randint(1, IDS, (len(lengths), LONGEST + 1))


class Equations:
    """The paper's equations, one row and one position and one head at a time, without a module of ours."""

    def __init__(self, model: Seq2Seq, config: TransformerConfig) -> None:
        self.weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
        self.config = config

    def linear(self, name: str, x: Tensor) -> Tensor:
        return self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"]

    def normalised(self, name: str, x: Tensor) -> Tensor:
        centred = x - x.mean()
        scaled = centred / (centred.square().mean() + 1e-5).sqrt()
        return self.weights[f"{name}.weight"] * scaled + self.weights[f"{name}.bias"]

    def placed(self, side: str, x: Tensor, position: int) -> Tensor:
        if self.config.positions == "learned":
            return x + self.weights[f"{side}.entrance.positions.embedding.weight"][min(position, 2)]
        if self.config.positions == "sinusoidal":
            half = HIDDEN // 2
            angles = [position / 10000 ** (number / half) for number in range(half)]
            waves = [*map(math.cos, angles), *map(math.sin, angles)]
            return x + torch.tensor(waves, dtype=torch.float64)
        return x

    def turned(self, head: Tensor, position: int) -> Tensor:
        if self.config.positions != "rotary":
            return head
        half = WIDTH // 2
        turns = [cmath.exp(1j * position / 10000 ** (number / half)) for number in range(half)]
        pairs = [complex(*pair) * turn for pair, turn in zip(head.view(2, half).T.tolist(), turns, strict=True)]
        return torch.tensor([z.real for z in pairs] + [z.imag for z in pairs], dtype=torch.float64)

    def distance_bias(self, side: str, distance: int, head: int) -> Tensor:
        if self.config.positions != "relative":
            return torch.tensor(0.0)
        return self.weights[f"{side}.entrance.positions.biases.weight"][max(-2, min(2, distance)) + 2, head]

    def attended(self, queries: list, keys: list, values: list, bias: Callable) -> tuple[list[Tensor], list[Tensor]]:
        """Gives for each query what it sees, and the mean weights of its heads; a bias of None hides a key."""
        seen, weights = [], []
        for here, query in enumerate(queries):
            parts, of_heads = [], []
            for head in range(HEADS):
                part = slice(head * WIDTH, (head + 1) * WIDTH)
                shown = [there for there in range(len(keys)) if bias(here, there, head) is not None]
                scores = [query[part] @ keys[there][part] / WIDTH**0.5 + bias(here, there, head) for there in shown]
                shares = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
                parts.append(sum(share * values[there][part] for share, there in zip(shares, shown, strict=True)))
                of_heads.append(shares)
            seen.append(torch.cat(parts))
            weights.append(torch.stack(of_heads).mean(0))
        return seen, weights

    def self_attention(self, side: str, layer: str, xs: list[Tensor], *, causal: bool) -> list[Tensor]:
        joint = [self.linear(f"{layer}.attention.project", self.normalised(f"{layer}.attention_norm", x)) for x in xs]
        queries, keys, values = zip(*(vector.split(HIDDEN) for vector in joint), strict=True)
        queries, keys = (
            [
                torch.cat([self.turned(head, position) for head in vector.split(WIDTH)])
                for position, vector in enumerate(vectors)
            ]
            for vectors in (queries, keys)
        )

        def bias(here: int, there: int, head: int) -> Tensor | None:
            return None if causal and there > here else self.distance_bias(side, there - here, head)

        seen, _ = self.attended(queries, keys, values, bias)
        return [x + self.linear(f"{layer}.attention.merge", new) for x, new in zip(xs, seen, strict=True)]

    def feed_forward(self, layer: str, x: Tensor) -> Tensor:
        inner = self.linear(f"{layer}.feed_forward.0", self.normalised(f"{layer}.feed_forward_norm", x))
        gelu = self.config.activation == "gelu"
        active = inner * (1 + torch.erf(inner / 2**0.5)) / 2 if gelu else inner.clamp(min=0)
        return x + self.linear(f"{layer}.feed_forward.3", active)

    def enter(self, side: str, embeddings: list[Tensor]) -> list[Tensor]:
        brought = [self.linear(f"{side}.entrance.bridge", x) for x in embeddings]
        return [self.placed(side, x, position) for position, x in enumerate(brought)]

    def encode(self, ids: Tensor) -> list[Tensor]:
        xs = self.enter("encoder", [self.weights["source_embedding.weight"][token] for token in ids])
        for number in range(self.config.layers):
            layer = f"encoder.layers.{number}"
            xs = self.self_attention("encoder", layer, xs, causal=False)
            xs = [self.feed_forward(layer, x) for x in xs]
        return [self.normalised("encoder.norm", x) for x in xs]

    def decode(self, states: list[Tensor], ids: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Gives the logits of each token, and the attention of the last layer."""
        before = [BOS, *ids.tolist()][: len(ids)]
        xs = self.enter("decoder", [self.weights["target_embedding.weight"][token] for token in before])
        weights: list[Tensor] = []
        for number in range(self.config.layers):
            layer = f"decoder.layers.{number}"
            xs = self.self_attention("decoder", layer, xs, causal=True)
            name = f"{layer}.memory_attention"
            queries = [self.linear(f"{name}.query", self.normalised(f"{layer}.memory_norm", x)) for x in xs]
            read = self.weights[f"{name}.memory.weight"]
            keys, values = zip(*((read @ state).split(HIDDEN) for state in states), strict=True)
            seen, weights = self.attended(queries, keys, values, lambda *_: torch.tensor(0.0))
            xs = [x + self.linear(f"{name}.merge", new) for x, new in zip(xs, seen, strict=True)]
            xs = [self.feed_forward(layer, x) for x in xs]
        return [self.linear("projection", self.normalised("decoder.norm", x)) for x in xs], weights


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@every_kind
@torch.no_grad()
def test_the_model_computes_the_equations(kind: str, activation: str):
    """States, summary, logits and attention are those of the equations, for rows of any length."""
    config = make_config(kind, activation=activation)
    model = make_model(config)
    equations = Equations(model, config)
    source_lengths, target_lengths = torch.tensor([5, 1, 3]), torch.tensor([2, 5, 1])
    source, target = random_ids(source_lengths), random_ids(target_lengths)
    memory = model.encode(source, source_lengths)
    rows = model(source, source_lengths, target, target_lengths).split(target_lengths.tolist())
    before = torch.cat([torch.full_like(target[:, :1], BOS), target[:, :-1]], 1)
    attention = model.decoder(model.embed_target(before), target_lengths, memory).attention
    for row, logits in enumerate(rows):
        states = equations.encode(source[row, : source_lengths[row]])
        expected, weights = equations.decode(states, target[row, : target_lengths[row]])
        found = [memory.states[row, : source_lengths[row]], memory.summary[row], logits]
        found.append(attention[row, : target_lengths[row], : source_lengths[row]])
        wanted = [torch.stack(states), torch.stack(states).mean(0), torch.stack(expected), torch.stack(weights)]
        for actual, one in zip(found, wanted, strict=True):
            assert_close(actual, one, 1e-6)  # frequencies are float32


@every_kind
@deterministic
@given(lengths=lengths_of_rows)
@example(lengths=[0])
def test_a_whole_target_is_its_steps(kind: str, lengths: list[int]):
    """``forward`` gives what ``start`` and ``step`` give one after the other, attention included."""
    decoder = make_model(make_config(kind)).decoder
    mask = padding_mask(torch.tensor(lengths), LONGEST + 1)  # [B, T]
    inputs = torch.randn(*mask.shape, EMBEDDING, dtype=torch.float64)
    states = torch.randn(len(lengths), 4, HIDDEN, dtype=torch.float64)
    memory = Memory(states, padding_mask(torch.tensor(lengths), 4), states[:, 0])
    with torch.no_grad():
        whole = decoder(inputs, torch.tensor(lengths), memory)
        stepped = Decoder.forward(decoder, inputs, torch.tensor(lengths), memory)
    assert_close(whole.vectors[mask], stepped.vectors[mask])
    assert_close(whole.attention[mask], stepped.attention[mask])


@every_kind
@deterministic
@given(pairs=lengths_of_pairs)
@example(pairs=[(0, 0)])
@example(pairs=[(0, 3), (5, 0), (2, 2)])
def test_a_row_is_the_same_alone_and_in_a_batch(kind: str, pairs: list[tuple[int, int]]):
    """A model answers each pair of a batch, an empty source too, as it answers it by itself without padding."""
    model = make_model(make_config(kind))
    source_lengths, target_lengths = torch.tensor(pairs).unbind(1)
    source, target = random_ids(source_lengths), random_ids(target_lengths)
    with torch.no_grad():
        together = model(source, source_lengths, target, target_lengths).split(target_lengths.tolist())
        for row, logits in enumerate(together):
            one = slice(row, row + 1)
            source_length, target_length = pairs[row]
            alone = model(
                source[one, :source_length], source_lengths[one], target[one, :target_length], target_lengths[one]
            )
            assert logits.isfinite().all()
            assert_close(logits, alone)


@every_kind
@deterministic
@given(lengths=lengths_of_rows)
def test_what_stands_in_padding_does_not_matter(kind: str, lengths: list[int]):
    """Not even NaN there, in inputs or in a memory, changes a state, a summary, an output or a gradient."""
    model = make_model(make_config(kind))
    mask = padding_mask(torch.tensor(lengths), LONGEST + 1)  # [B, S]
    clean = torch.randn(3, *mask.shape, max(EMBEDDING, HIDDEN), dtype=torch.float64)
    found = []
    for garbage in (0.0, math.nan):
        source, target, states = torch.where(mask[:, :, None], clean, garbage)
        inputs = source[:, :, :EMBEDDING].clone().requires_grad_()
        memory = model.encoder(inputs, torch.tensor(lengths))
        output = model.decoder(
            target[:, :, :EMBEDDING], torch.tensor(lengths), Memory(states[:, :, :HIDDEN], mask, memory.summary)
        )
        (memory.states[mask].sum() + memory.summary.square().sum()).backward()
        found.append([memory.states[mask], memory.summary, output.vectors[mask], inputs.grad])
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0)
    assert not found[1][3][~mask].any()


def test_nothing_is_known_of_an_empty_source():
    """The summary of a row of length 0 is 0, and no other row's is."""
    encoder = make_model(make_config()).encoder
    summary = encoder(torch.randn(3, 4, EMBEDDING, dtype=torch.float64), torch.tensor([4, 0, 1])).summary
    assert [True, False, True] == summary.any(1).tolist()


@every_kind
@pytest.mark.parametrize(("rows", "longest"), [(0, 3), (2, 0), (0, 0)])
def test_an_empty_batch_is_a_batch(kind: str, rows: int, longest: int):
    """No rows, or rows of no positions, give answers of that shape."""
    model = make_model(make_config(kind))
    inputs, lengths = torch.randn(rows, longest, EMBEDDING).double(), torch.zeros(rows, dtype=torch.int64)
    memory = model.encoder(inputs, lengths)
    assert ((rows, longest, HIDDEN), (rows, HIDDEN)) == (memory.states.shape, memory.summary.shape)
    assert (rows, longest, HIDDEN) == model.decoder(inputs, lengths, memory).vectors.shape


@every_kind
def test_order_is_told(kind: str):
    """Two tokens change places, and the state of a third one changes; without order it would not."""
    encoder = make_model(make_config(kind)).encoder
    inputs = torch.randn(1, 3, EMBEDDING, dtype=torch.float64)
    straight, swapped = (encoder(inputs[:, order], torch.tensor([3])).states[0, 2] for order in ([0, 1, 2], [1, 0, 2]))
    assert not torch.allclose(straight, swapped, rtol=0, atol=1e-3)


def test_positions_past_the_last_learned_one_are_as_that():
    """A decoder that reads one token again and again from position 2 on, of 3, adds the same vector each time."""
    positions = make_model(make_config("learned")).decoder.entrance.positions
    assert torch.equal(positions.vectors(2, 2), positions.vectors(7, 2))
    assert not torch.equal(positions.vectors(1, 2), positions.vectors(2, 2))


def test_dropout_is_for_training_alone():
    """In training each pass differs, and the attention is not reported; otherwise the passes are equal."""
    model = make_model(make_config(dropout=0.5))
    lengths = torch.tensor([3, 5])
    batch = (random_ids(lengths), lengths, random_ids(lengths), lengths)
    assert torch.equal(model(*batch), model(*batch))
    model.train()
    assert not torch.equal(model(*batch), model(*batch))
    memory = model.encode(*batch[:2])
    assert model.decoder(torch.randn(2, 5, EMBEDDING).double(), lengths, memory).attention is None


@pytest.mark.parametrize("few", [0, FEW_KEYS])
@every_kind
def test_mixed_precision_trains(monkeypatch, kind: str, few: int):
    """Under bfloat16 autocast the gradient points where the full one points, and an empty source has no NaN.

    By either way to attend.
    """
    monkeypatch.setattr("s2s_transformer.attention.FEW_KEYS", few)
    model = make_model(make_config(kind, dropout=0.0)).float().train()
    lengths = torch.tensor([2, 5, 0, 3])
    batch = (random_ids(lengths), lengths, random_ids(lengths), lengths)
    found = []
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits = model(*batch)
        loss = functional.cross_entropy(logits.float(), batch[2][padding_mask(lengths, LONGEST + 1)])
        found.append(torch.cat([slope.flatten() for slope in torch.autograd.grad(loss, list(model.parameters()))]))
    assert functional.cosine_similarity(*found, dim=0) > 0.99


def test_a_tied_projection_starts_with_small_logits():
    """However wide an untrained model is; but for the previous token's, as its vector passes through the layers."""
    config, width = make_config(hidden_size=256), 256
    encoder = TransformerEncoder(config, width)
    decoder = TransformerDecoder(config, width, MemorySizes(width, width))
    model = Seq2Seq(encoder, decoder, IDS, IDS, tie_projection=True).eval()
    lengths = torch.tensor([5, 4, 3])
    target = random_ids(lengths)
    logits = model(random_ids(lengths), lengths, target, lengths)
    assert model.projection.weight is model.target_embedding.weight
    assert logits.abs().median() < 2


@pytest.mark.parametrize("tied", [False, True])
def test_vectors_are_as_large_tied_as_not(tied):
    """Or positions would drown them; the source's are tied too if the embeddings are."""
    encoder = TransformerEncoder(make_config(), HIDDEN)
    decoder = TransformerDecoder(make_config(), HIDDEN, MemorySizes(HIDDEN, HIDDEN))
    model = Seq2Seq(encoder, decoder, 2000, 2000, tie_projection=tied, tie_embeddings=tied)
    ids = torch.arange(1, 2000)
    for vectors in (model.embed_target(ids), model.source_embedding(ids)):
        assert vectors.detach().std().item() == pytest.approx(1, abs=0.05)


class AllEncoder(Encoder):
    """One transformer of each kind beside the others, so that one export serves."""

    def __init__(self, config: NoConfig, input_size: int) -> None:
        super().__init__(config, input_size)
        self.states_size = self.summary_size = HIDDEN * len(KINDS)
        self.each = nn.ModuleList(TransformerEncoder(make_config(kind, layers=1), input_size) for kind in KINDS)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        states, masks, summaries = zip(*(encoder(inputs, lengths) for encoder in self.each), strict=True)
        return Memory(torch.cat(states, 2), masks[0], torch.cat(summaries, 1))


class AllDecoder(Decoder):
    """The same of decoders."""

    def __init__(self, config: NoConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.output_size = HIDDEN * len(KINDS)
        configs = [make_config(kind, layers=1) for kind in KINDS]
        self.each = nn.ModuleList(TransformerDecoder(config, input_size, memory) for config in configs)

    def start(self, memory: Memory) -> tuple:
        return tuple(decoder.start(memory) for decoder in self.each)

    def step(self, inputs: Tensor, state: tuple) -> tuple[Output, tuple]:
        answers = [decoder.step(inputs, inner) for decoder, inner in zip(self.each, state, strict=True)]
        vectors = torch.cat([output.vectors for output, _ in answers], 1)
        return Output(vectors), tuple(inner for _, inner in answers)


@pytest.fixture(scope="session")
def exported_kinds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A model of all kinds of positions, as a file, which export compares with the model; and what export said."""
    torch.manual_seed(4)
    characters = Component("characters", TokenizerConfig())
    tokenizers = [Characters.train(TokenizerConfig(), [text]) for text in ("abcd ", "wxyz")]
    nothing = Component("all", NoConfig())
    run = RunConfig(
        *(Component("nothing", NoConfig()), SourceConfig(characters, EMBEDDING), TargetConfig(characters, EMBEDDING)),
        *(nothing, nothing),
        decoding=DecodingConfig(max_length=12),
    )
    encoder = AllEncoder(NoConfig(), EMBEDDING)
    decoder = AllDecoder(NoConfig(), EMBEDDING, MemorySizes(encoder.states_size, encoder.summary_size))
    model = shaken(Seq2Seq(encoder, decoder, *(len(made.vocabulary) for made in tokenizers))).float()
    nn.init.normal_(model.projection.weight, std=0.5)
    path = tmp_path_factory.mktemp("kinds") / "model.onnx"
    return path, export(TextModel(run, *tokenizers, model, []), ["abc", "d", "a bc", "dcbabcdd"], path)


def test_a_file_answers_as_the_model_does(exported_kinds: tuple[Path, Any]):
    """Export's own proof holds for positions of every kind, and the answers it compared are not trivial."""
    path, parity = exported_kinds
    assert parity.score_difference < 1e-4
    sources = np.array(["abc", "d", "a bc", "dcbabcdd", "bb", ""], object)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    together = session.run(["target"], {"source": sources})[0].tolist()
    alone = [session.run(["target"], {"source": sources[row : row + 1]})[0][0] for row in range(len(sources))]
    assert alone == together
    assert len(set(together)) >= 4
    assert len(set(map(len, together))) >= 4


def test_its_names_lead_to_its_classes():
    """``transformer`` is an encoder and a decoder."""
    assert resolve_name(s2s_transformer.s2s_encoders()["transformer"]) is TransformerEncoder
    assert resolve_name(s2s_transformer.s2s_decoders()["transformer"]) is TransformerDecoder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 10, "heads": 4}, "heads must be a divisor of hidden_size, 10 (got 4)"),
        (
            {"hidden_size": 6, "heads": 2, "positions": "rotary"},
            "heads must be such that hidden_size, 6, over heads is even (got 2)",
        ),
    ],
)
def test_heads_that_do_not_fit_are_refused(changes: dict[str, Any], message: str):
    """Heads share the width; rotary positions turn pairs of numbers."""
    with pytest.raises(BadValueError) as refused:
        TransformerConfig(**changes)
    assert message == str(refused.value)


def test_an_odd_width_has_sinusoids():
    """The last cosine has no sine."""
    model = make_model(make_config())
    config = make_config(hidden_size=9, heads=3)
    encoder = TransformerEncoder(config, EMBEDDING).double()
    assert (1, 2, 9) == encoder(torch.randn(1, 2, EMBEDDING).double(), torch.tensor([2])).states.shape
    assert model.encoder.states_size == HIDDEN
