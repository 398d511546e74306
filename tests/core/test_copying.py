"""A model that copies: its distribution, its ids and texts, in PyTorch and in the file, and what it is good for."""

import importlib.metadata
import math
import random
import sys
import types

import attrs
import hypothesis
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from candidate_decoders import Mixes
from hypothesis import strategies as st
from interrupting import InterruptedAt

from s2s_core import ConfigError, Decoder, Example, Output, Task, hookimpl
from s2s_core.cache import CACHE
from s2s_core.config.decoding import INPUTS
from s2s_core.config.resolve import resolve
from s2s_core.config.tables import ExportConfig
from s2s_core.data import store
from s2s_core.data.pairs import Pairs
from s2s_core.data.splits import Splits
from s2s_core.decoding import BeamSearch
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.decoding.translate import Translator
from s2s_core.exporting.exporter import export
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.model.contract import require_attention
from s2s_core.model.copying import Copies, Copying
from s2s_core.model.together import load_together
from s2s_core.plotting.attention import END, attention_map
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import require_copying
from s2s_core.runs.interruption import TrainingInterruptedError
from s2s_core.runs.run import Run
from s2s_core.testing.graph import Graph
from s2s_core.text import copies
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import BOS, EOS, PAD, SPECIALS, UNK
from s2s_core.text.words import Words
from s2s_core.training.loss import token_loss
from s2s_core.training.preparation import prepare
from s2s_core.training.trainer import Trainer

V, S, D = 7, 5, 3

LETTERS = "abcdef"

SEEN = [chr(0x4E00 + number) for number in range(150)]
"""Symbols that are too rare for a vocabulary."""

UNSEEN = [chr(0x0410 + number) for number in range(20)]
"""Symbols that no training pair has."""


# The distribution


def mixed(logits, gate, attention, ids):
    """Returns the probability of each id that has one, by the formula of See et al., for one row."""
    allowed = {number: math.exp(logit) for number, logit in enumerate(logits) if number not in {PAD, BOS}}
    total = sum(allowed.values())
    probabilities = {number: gate * weight / total for number, weight in allowed.items()}
    for number, weight in zip(ids, attention, strict=True):
        if number != PAD:
            probabilities[number] = probabilities.get(number, 0.0) + (1 - gate) * weight
    return probabilities


@st.composite
def rows_of_ids(draw):
    """Draws the extended ids of a source: of the vocabulary, or of the first place of an unknown token; EOS; PAD."""
    length = draw(st.integers(0, S - 1))
    letters = draw(st.lists(st.sampled_from("abcxyz"), min_size=length, max_size=length))
    ids = [SPECIALS + "abc".index(one) if one in "abc" else V + letters.index(one) for one in letters]
    return [*ids, EOS, *[PAD] * (S - 1 - length)]


@hypothesis.given(rows=st.lists(rows_of_ids(), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_the_distribution_is_the_mixture(rows, seed):
    """Each id has the sum of what generates it and of all places that copy it; the sum of all is 1."""
    generator = torch.Generator().manual_seed(seed)
    count = len(rows)
    logits, vectors = (3 * torch.randn(count, size, generator=generator) for size in (V, D))
    real = torch.tensor(rows) != PAD
    attention = torch.randn(count, S, generator=generator).masked_fill(~real, -math.inf).softmax(1)
    copying = Copying(D)
    found = copying(logits, vectors, attention, Copies.of(torch.tensor(rows))).exp()
    gates = copying.gate(vectors).sigmoid()[:, 0].tolist()
    for row, gate in enumerate(gates):
        expected = mixed(logits[row].tolist(), gate, attention[row].tolist(), rows[row])
        whole = [expected.get(number, 0.0) for number in range(V + S)]
        np.testing.assert_allclose(found[row].detach().numpy(), whole, rtol=1e-4, atol=1e-7)
        assert math.isclose(1.0, found[row].sum().item(), rel_tol=1e-4)


def test_gradients_are_those_of_the_formula():
    """Also where a token stands at several places, where attention is 0, and beside impossible ids."""
    torch.manual_seed(0)
    ids = torch.tensor([[4, V + 1, 4, V + 1, EOS], [5, EOS, PAD, PAD, PAD]])
    copying, logits, vectors = Copying(D), torch.randn(2, V), torch.randn(2, D)
    scores = torch.randn(2, S).masked_fill(ids == PAD, -math.inf)
    tokens = torch.tensor([V + 1, 4])
    leaves = [tensor.requires_grad_() for tensor in (logits, vectors, scores)]

    def gradients(probability):
        loss = -sum(probability(row)[tokens[row]].log() for row in range(2))
        return torch.autograd.grad(loss, [*leaves, *copying.parameters()])

    attention = scores.softmax(1)
    allowed = torch.ones(V).index_fill(0, torch.tensor([PAD, BOS]), 0.0)

    def by_formula(row):
        weights = logits[row].exp() * allowed
        gate = copying.gate(vectors[row]).sigmoid()
        spread = torch.nn.functional.one_hot(ids[row], V + S).float() * (ids[row] != PAD)[:, None]
        return torch.cat([gate * weights / weights.sum(), torch.zeros(S)]) + (1 - gate) * (attention[row] @ spread)

    expected = gradients(by_formula)
    attention = scores.softmax(1)
    found = gradients(lambda row: copying(logits, vectors, attention, Copies.of(ids))[row].exp())
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_extreme_numbers_stay_finite():
    """However sure the gate, the vocabulary or the attention are, what is possible has a finite log-probability."""
    copying = Copying(1)
    ids = Copies.of(torch.tensor([[4, V + 1, EOS]]))
    for sure in (-1e4, 1e4):
        torch.nn.init.constant_(copying.gate.bias, sure)
        logits = torch.full((1, V), -1e4).index_fill(1, torch.tensor([5]), 1e4).requires_grad_()
        attention = torch.tensor([[1.0, 0.0, 0.0]])
        found = copying(logits, torch.zeros(1, 1), attention, ids)
        possible = [EOS, UNK, 4, 5, 6, V + 1]
        assert found[0, possible].isfinite().all()
        assert {PAD, BOS, V, V + 2} == set((found[0] == -math.inf).nonzero()[:, 0].tolist())
        (gradient,) = torch.autograd.grad(found[0, possible].sum(), logits)
        assert gradient.isfinite().all()


def test_smoothing_is_over_what_is_possible():
    """Every id but the impossible ones gets the same share of the smoothed distribution."""
    logits = torch.tensor([[-math.inf, -1.0, -2.0, -math.inf, -0.5]]).log_softmax(1)
    found = token_loss(logits, torch.tensor([2]), 0.3, partial=True)
    spread = -(logits[0, 1] + logits[0, 2] + logits[0, 4]) / 3
    torch.testing.assert_close(found.objective, 0.7 * -logits[0, 2] + 0.3 * spread)
    torch.testing.assert_close(found.cross_entropy, -logits[0, 2])


# Ids and texts

TEXTS = ["ab abc", "c☃b ☃ é", "", "abc ☃☃  ☃ x", "日本 ab 日本 c"]

PLAIN = [(kind, {}) for kind in ("characters", "words", "bpe", "unigram")]

TAGGED = [
    ("characters", {"tags": True, "normalization": "nfd"}),
    ("words", {"tags": True, "fold_case": True}),
    ("bpe", {"tags": True, "normalization": "nfkd"}),
    ("unigram", {"tags": True}),
]


@pytest.fixture(scope="session", params=PLAIN + TAGGED, ids=lambda kind: " ".join([kind[0], *kind[1]]))
def tokenizers(request):
    """Tokenizers of source and target whose vocabularies differ."""
    name, settings = request.param
    kind, sides = Plugins().component("tokenizer", name), (["ab <V>abc c", "x ab ab"], ["abc b", "<P>z ab ab é"])
    return tuple(kind.train(kind.Config(**settings), texts) for texts in sides)


@pytest.fixture(scope="session")
def copying_graph(tokenizers):
    """Returns sources' ids, lengths and copies, and the ids of targets for sources; the inputs are lists of both."""

    def build(op, texts):
        size = op.Div(op.Shape(texts), 2)
        sources, targets = op.Slice(texts, [0], size, [0]), op.Slice(texts, size, op.Shape(texts), [0])
        tokens = copies.onnx_tokens(op, sources, tokenizers[0])
        ids, lengths, extended = copies.onnx_encode_source(op, tokens, tokenizers)
        target = copies.onnx_encode_target(op, targets, tokens, tokenizers[1])
        return ids, lengths, extended, target, copies.onnx_decode(op, target, tokens, tokenizers[1])

    return Graph(build)


TEXT = st.lists(st.sampled_from([*"abcxzÅ é☃日本\t<", "<V>", "<P>", "<é☃>"]), max_size=9).map("".join)


@hypothesis.given(pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
@hypothesis.example(pairs=[("", ""), ("", "☃")])
@hypothesis.example(pairs=[*zip(TEXTS, reversed(TEXTS), strict=True)])
@hypothesis.example(pairs=[("<V><P>wé☃lk<é☃>", "wé☃lked"), ("<V>", "<V>☃"), ("", "")])
def test_the_graph_gives_the_ids_and_texts_of_python(tokenizers, copying_graph, pairs):
    """Of sources, of what their tokens are in the target, of targets, and back."""
    ids, lengths, extended, targets, texts = copying_graph([text for side in zip(*pairs, strict=True) for text in side])
    for row, (source, target) in enumerate(pairs):
        expected, copied = copies.encode_source(source, tokenizers)
        assert tokenizers[0].encode(source) == expected
        assert [*expected, EOS] == ids[row, : lengths[row]].tolist()
        assert [*copied, EOS] == extended[row, : lengths[row]].tolist()
        assert not extended[row, lengths[row] :].any()
        wanted = copies.encode_target(target, source, tokenizers)
        assert [*wanted, EOS] == [number for number in targets[row].tolist() if number != PAD]
        assert copies.decode(wanted, source, tokenizers) == texts[row]
    assert ids.shape == extended.shape


def test_equal_tokens_have_equal_ids():
    """A known token has the vocabulary's id, another one that of its first place, whatever the source's tokenizer."""
    tokenizers = tuple(Characters.train(TokenizerConfig(), [text]) for text in ("ax", "ab"))
    size = len(tokenizers[1].vocabulary)
    ids, copied = copies.encode_source("a☃x☃xb", tokenizers)
    assert ids == [SPECIALS, UNK, SPECIALS + 1, UNK, SPECIALS + 1, UNK]
    assert copied == [SPECIALS, size + 1, size + 2, size + 1, size + 2, SPECIALS + 1]
    assert [size + 2, UNK, SPECIALS] == copies.encode_target("xéa", "a☃x", tokenizers)
    assert "x\ufffda☃" == copies.decode([size + 2, UNK, SPECIALS, size + 1, EOS, 5], "a☃x", tokenizers)


def test_a_copied_text_is_the_normalised_one():
    """What the source's tokenizer makes of a text is what is copied."""
    folding = Characters.train(TokenizerConfig(fold_case=True), ["a"])
    target = Characters.train(TokenizerConfig(), ["a"])
    assert "ы" == copies.decode(copies.encode_source("Ы", (folding, target))[1], "Ы", (folding, target))


def test_tags_and_marks_are_copied_as_they_were_written():
    """An unknown tag is one token, and a decomposed character that is copied is composed again."""
    settings = TokenizerConfig(tags=True, normalization="nfd")
    tokenizers = tuple(Characters.train(settings, [text]) for text in ("<V>walk", "walked"))
    size = len(tokenizers[1].vocabulary)
    ids, copied = copies.encode_source("<V><PST>wé", tokenizers)
    verb, walk = tokenizers[0].encode("<V>"), tokenizers[1].encode("we")
    assert [*verb, UNK, *tokenizers[0].encode("w"), UNK, UNK] == ids
    assert [size, size + 1, walk[0], walk[1], size + 4] == copied
    assert "<PST>wéd" == copies.decode([*copied[1:], *tokenizers[1].encode("d")], "<V><PST>wé", tokenizers)


@pytest.mark.parametrize("large", [False, True])
def test_stored_pairs_are_those_in_memory(tmp_path, monkeypatch, large):
    """With their copies, and apart from the store of a model that doesn't copy."""
    monkeypatch.setenv(CACHE, str(tmp_path))
    words = Words.train(TokenizerConfig(), [" ".join(f"w{number}" for number in range(66_000 if large else 9))])

    class Named(Task):
        def examples(self, split, rng):
            return (Example(f"w1 x{number} w2 y", f"y x{number} z") for number in range(30))

        def training_size(self):
            return 30

        def fingerprint(self):
            return "a"

    splits = Splits(Named(None), "test", "")
    monkeypatch.setattr(store, "FEWEST_PAIRS", 1)
    stored = store.fixed_pairs(splits, (words, words), 0, copying=True)
    plain = store.fixed_pairs(splits, (words, words), 0)
    expected = Pairs.encode(splits.train(random.Random(0)), (words, words), copying=True)
    assert isinstance(stored.copies.ids.base, np.memmap)
    assert 2 == sum(path.is_dir() for path in tmp_path.iterdir())
    assert plain.copies is None
    rows = range(30)
    one, other = (attrs.astuple(pairs.batch(rows), recurse=False) for pairs in (stored, expected))
    assert all(map(np.array_equal, one, other))
    size = len(words.vocabulary)
    assert [size + 3, size + 1, UNK, EOS] == stored.batch([7]).target[0].tolist()
    known = words.vocabulary.id_of
    assert [known("w1"), size + 1, known("w2"), size + 3, EOS] == stored.batch([7]).copies[0].tolist()


# Trained models


class Symbols(Task):
    """The letters of a word become the next ones; symbols stay as they are."""

    def examples(self, split, rng):
        rng = random.Random(split)
        symbols = SEEN if split == "train" else UNSEEN
        for _ in range({"train": 900}.get(split, 60)):
            source = "".join(rng.choice(symbols if rng.random() < 0.3 else LETTERS) for _ in range(rng.randint(1, 4)))
            yield Example(source, "".join(chr(ord(one) + 1) if one in LETTERS else one for one in source))


class Blind(Decoder):
    """Attends in its steps alone."""

    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = memory.states

    def start(self, memory):
        return memory.states.masked_fill(~memory.mask[:, :, None], 0.0)

    def step(self, inputs, state):
        attention = state.sum(2).softmax(1)
        return Output((attention[:, None] @ state)[:, 0], attention), state

    def forward(self, inputs, lengths, memory):
        return super().forward(inputs, lengths, memory)._replace(attention=None)


TOKENIZER = {"name": "characters", "minimum_count": 20}

SETTINGS = {
    "task": "symbols",
    "source": {"tokenizer": TOKENIZER, "embedding_size": 16},
    "target": {"tokenizer": TOKENIZER, "embedding_size": 16},
    "encoder": {"name": "gru", "hidden_size": 24, "layers": 1},
    "decoder": {"name": "attention-gru", "hidden_size": 32, "layers": 1},
    "training": {"steps": 450, "validate_every": 450, "batch_size": 32, "learning_rate": 0.01, "warmup_steps": 10},
    "decoding": {"max_length": 8},
}

COPY = {"target": {"copy": True}}

SHORT = {"training": {"steps": 3, "validate_every": 3}}

SMALL = {"hidden_size": 8, "layers": 1}


@pytest.fixture(scope="module")
def make_run(tmp_path_factory):
    """Makes runs, each in a folder of its own."""
    module = types.ModuleType("s2s_test_copying")
    module.s2s_tasks = hookimpl(lambda: {"symbols": Symbols})
    module.s2s_decoders = hookimpl(lambda: {"blind": Blind})
    sys.modules[module.__name__] = module
    listening = importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s")
    plugins = Plugins([*importlib.metadata.entry_points(group="s2s"), listening], {})

    def make(*layers):
        run = Run(tmp_path_factory.mktemp("runs") / "run", resolve([SETTINGS, *layers], plugins), plugins)
        run.create()
        return run

    yield make
    del sys.modules[module.__name__]


def train(run, *, resume=False):
    torch.manual_seed(0)
    Trainer(prepare(run, resume=resume)).train()
    return run


@pytest.fixture(scope="module")
def copying_run(make_run):
    """A trained run that copies."""
    return train(make_run(COPY))


@pytest.fixture(scope="module")
def copying(copying_run):
    """Its model."""
    return load_checkpoint(copying_run)


def exact(checkpoint, examples):
    answers = Translator(checkpoint, checkpoint.config.decoding)([example.source for example in examples])
    return sum(map(str.__eq__, answers, (example.target for example in examples))) / len(examples)


def test_symbols_never_seen_are_copied(copying, make_run):
    """After a short training almost every answer is right; without copying, only those without symbols can be."""
    test = list(Symbols(None).examples("test", None))
    assert exact(copying, test) > 0.9
    plain = load_checkpoint(train(make_run(SHORT)))
    with_symbols = [example for example in test if set(example.source) - set(LETTERS)]
    assert exact(plain, with_symbols) == 0
    assert exact(copying, with_symbols) > 0.9


def test_figures_show_what_was_copied(copying_run):
    """The tokens of an answer read as its text does."""
    found = attention_map(copying_run, "aЯb")
    assert [*"bЯc", END] == found.target
    assert (4, 4) == found.weights.shape


@pytest.fixture(scope="module")
def exported(copying, tmp_path_factory):
    """The model's file, with every feature, after its proof."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    decoding = attrs.evolve(copying.config.decoding, no_repeat_ngram=3, coverage_penalty=0.1)
    featured = attrs.evolve(copying.config, decoding=decoding, export=ExportConfig(prefix=True, scorer=True))
    export(attrs.evolve(copying, config=featured), ["aЯb", "abc", "cЖЯ"], path)
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"no_repeat_ngram": 0},
        {"beam_size": 3, "length_penalty": 0.6, "no_repeat_ngram": 0},
        {"beam_size": 4, "coverage_penalty": 0.5, "no_repeat_ngram": 1},
        {"beam_size": 2, "min_length": 4, "prefix": ["Я", "bЯ", "", "ЖЖa", "b", ""]},
    ],
)
def test_the_file_answers_as_the_model_does(copying, exported, settings):
    """All hypotheses and scores, in plain ONNX Runtime, with each copied symbol as text."""
    texts = ["aЯb", "ЯЯ", "", "ЖaЖ\N{GRINNING FACE}", "aЯ" * 9, "\N{SNOWMAN}"]
    settings = {"no_repeat_ngram": 3, "coverage_penalty": 0.1, **settings}
    inputs = {"source": np.array(texts, object)} | {
        name: np.array(value, INPUTS[name].kind if name in INPUTS else object) for name, value in settings.items()
    }
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(exported), options, providers=["CPUExecutionProvider"])
    hypotheses, scores = session.run(["hypotheses", "scores"], inputs)
    prefixes = settings.pop("prefix", None)
    translator = Translator(copying, attrs.evolve(copying.config.decoding, **settings))
    found = translator.answers(texts, prefixes)
    assert found.texts == hypotheses.tolist()
    np.testing.assert_allclose(found.scores, scores, rtol=1e-3, atol=1e-3)
    assert prefixes or "b" in hypotheses[0, 0]
    assert any("Я" in text for text in hypotheses[0])
    for row, prefix in enumerate(prefixes or []):
        begun = prefix if set(prefix) <= {*texts[row], *LETTERS} else prefix.replace("Ж", "\ufffd")
        assert all(text.startswith(begun) for text in hypotheses[row])


def test_the_loop_carries_no_copies(exported):
    """They never change, so the loop carries what it carries without them: 3 of beams, 1 of the GRU, 3 of features."""
    loops = [node for node in onnx.load(exported).graph.node if node.op_type == "Loop"]
    search, _forced = (loop for loop in loops if len(loop.output) > 5)
    assert 3 + 1 + 3 == len(search.input) - 2
    body = next(attribute.g for attribute in search.attribute if attribute.name == "body")
    assert not {"ArgMax", "ReduceMax"} & {node.op_type for node in body.node}


def test_likelihoods_are_the_scores_of_the_search(copying):
    """A given answer with copied symbols is as likely as the search says; one that the source lacks is unknown."""
    search = attrs.evolve(copying.config.decoding, beam_size=3)
    translator = Translator(copying, search)
    texts = ["aЯb", "ЖЖc"]
    found = translator.hypotheses(texts)
    answers = [row[0] for row in translator.texts(found, texts)]
    assert ["bЯc", "ЖЖd"] == answers
    given = Likelihoods(copying)([Example(*pair) for pair in zip(texts, answers, strict=True)])
    for likelihood, scores in zip(given, found.scores, strict=True):
        assert likelihood.log_probability == pytest.approx(scores[0], abs=1e-4)
    likely, unlikely = Likelihoods(copying)([Example("aЯb", "bЯc"), Example("aЯb", "bЖc")])
    assert unlikely.log_probability < likely.log_probability - 1


def test_models_that_copy_answer_together(copying, make_run, tmp_path):
    """In the extended ids, in PyTorch and as one file; one that doesn't copy is refused."""
    runs = [train(make_run(COPY, {"training": {"steps": 40, "validate_every": 40, "seed": seed}})) for seed in (0, 0)]
    other = train(make_run(SHORT))
    together = load_together(runs)
    one = load_checkpoint(runs[0])
    texts = ["aЯb", "Я", ""]
    search = attrs.evolve(one.config.decoding, beam_size=9)
    (ids, scores), (same, mean) = (Translator(model, search).hypotheses(texts) for model in (one, together))
    np.testing.assert_allclose(scores, mean, rtol=0, atol=1e-3)  # the two are alike
    assert np.array_equal(ids, same)
    export(together, texts, tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match=r"have different target\.copy \(false and true\), so they can't answer"):
        load_together([runs[0], other])


def test_training_that_is_resumed_is_the_same(make_run):
    """It sees the same copies."""
    runs = [make_run(COPY, {"training": {"steps": 6, "validate_every": 2}}) for _ in range(2)]
    train(runs[0])
    interrupted = InterruptedAt(2)
    with pytest.raises(TrainingInterruptedError):
        Trainer(prepare(runs[1], interrupted), interrupted).train()
    train(runs[1], resume=True)
    one, other = (load_checkpoint(run).model.state_dict() for run in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_may_start_from_one_that_does_not_copy(make_run):
    """All but the gate is taken over."""
    earlier = train(make_run(SHORT))
    training = prepare(make_run(COPY, {"training": {"initial_run": str(earlier.folder)}}))
    assert {"copying.gate.weight (new)", "copying.gate.bias (new)"} == set(training.inheritance.left)


def test_a_transformer_copies(make_run, tmp_path):
    """It leaves out its attention in training if nobody reads it; with smoothing, in lower precision, and sampling."""
    settings = {"name": "transformer", "hidden_size": 16, "layers": 1}
    training = {"label_smoothing": 0.1, "precision": "bf16", "steps": 4, "validate_every": 4}
    decoding = {"sampling": True, "beam_size": 3}
    layers = {"decoder": settings, "training": training, "decoding": decoding}
    checkpoint = load_checkpoint(train(make_run(COPY, layers)))
    assert checkpoint.model.copying.gate.weight.isfinite().all()
    parity = export(checkpoint, ["aЯb", "ЯЖ"], tmp_path / "model.onnx")
    assert parity.hypotheses > 20


def test_tags_go_with_copying(make_run, tmp_path):
    """The file copies an unseen character of a source with tags, and its answers and scores are the model's."""
    tagged = {"tokenizer": {"tags": True, "normalization": "nfd"}}
    checkpoint = load_checkpoint(train(make_run(COPY, SHORT, {"source": tagged, "target": tagged})))
    torch.nn.init.constant_(checkpoint.model.copying.gate.bias, -9.0)  # nearly always copies
    texts = ["<V>Я", "<V>", "ЖéЖ<é>", ""]
    search = attrs.evolve(checkpoint.config.decoding, beam_size=8)
    export(checkpoint, texts, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    inputs = {"source": np.array(texts, object), "beam_size": np.array(8, INPUTS["beam_size"].kind)}
    hypotheses, scores = session.run(["hypotheses", "scores"], inputs)
    translator = Translator(checkpoint, search)
    found = translator.answers(texts)
    assert found.texts == hypotheses.tolist()
    np.testing.assert_allclose(found.scores, scores, rtol=0, atol=1e-3)
    assert any("Я" in text for text in hypotheses[0])
    assert any("<V>" in text for text in hypotheses[0])


@torch.no_grad()
def test_candidates_are_mixed_before_they_copy(make_model):
    """The vocabulary's distribution, the attention and what the gate reads are all means of the candidates."""
    model = make_model(decoder=Mixes, copy=True)
    source, lengths = torch.tensor([[4, 6, 3, EOS], [3, EOS, PAD, PAD]]), torch.tensor([4, 2])
    target, target_lengths = torch.tensor([[5, 11, EOS], [9, EOS, PAD]]), torch.tensor([3, 2])
    extended = torch.tensor([[4, 6, 11, EOS], [9, EOS, PAD, PAD]])
    whole = model(source, lengths, target, target_lengths, extended).exp().split(target_lengths.tolist())
    state = model.start(source, lengths, extended)
    for place, tokens in enumerate(torch.cat([torch.full((2, 1), BOS), target[:, :-1]], 1).unbind(1)):
        output, _ = model.decoder.step(model.embed_target(tokens), state.decoder)
        logits, mean_attention, state = model.attentive_step(tokens, state)
        for row in range(2 if place < 2 else 1):
            weights = output.weights[row].exp()
            words = (weights[:, None] * model.projection(output.vectors[row]).softmax(1)).sum(0)
            gate = model.copying.gate((weights[:, None] * output.vectors[row]).sum(0)).sigmoid().item()
            attention = (weights[:, None] * output.attention[row]).sum(0)
            expected = mixed(words.log().tolist(), gate, attention.tolist(), extended[row].tolist())
            expected = torch.tensor([expected.get(number, 0.0) for number in range(9 + 4)])
            torch.testing.assert_close(logits[row].exp(), expected, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(whole[row][place], expected, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(mean_attention[row], attention)


def test_hard_attention_copies(make_run, tmp_path):
    """A decoder with several candidates learns, and its file is proved."""
    checkpoint = load_checkpoint(train(make_run(COPY, SHORT, {"decoder": {"name": "hard-attention-lstm", **SMALL}})))
    assert export(checkpoint, ["aЯb", "ЯЖ"], tmp_path / "model.onnx").hypotheses > 1


def test_a_model_without_copying_has_no_gate(make_run):
    """Its weights have the names that they always had."""
    weights = prepare(make_run()).checkpoint.model.state_dict()
    assert not [name for name in weights if "copying" in name]


# Refusals


def refused(make_run, *layers):
    with pytest.raises(ConfigError) as error:
        prepare(make_run(COPY, *layers))
    return str(error.value)


def test_a_decoder_without_attention_is_refused(make_run):
    """By its name, with what to do."""
    assert refused(make_run, {"decoder": {"name": "gru", "hidden_size": 8}}).startswith(
        "target.copy: decoder 'gru' has no attention to copy by: choose a decoder with attention"
    )
    assert refused(make_run, {"decoder": {"name": "blind"}}).startswith(
        "target.copy: decoder 'blind' gives its attention in steps, but not for whole targets in training"
    )


def test_a_chain_of_candidates_is_refused(make_run):
    """Its transitions go from token to token, and what is copied isn't one that they know."""
    assert refused(make_run, {"decoder": {"name": "monotonic-lstm", **SMALL}}).startswith(
        "target.copy: decoder 'monotonic-lstm' has transitions between the candidates of its steps"
    )


def test_tokenizers_that_are_left_to_the_data_are_checked_when_they_are_settled(make_run):
    """One that is chosen fits the other side, or is refused."""
    automatic = {"tokenizer": {"name": "auto"}}
    fitting = make_run({"source": automatic}, COPY)
    assert prepare(fitting).checkpoint.model.copies
    refusal = refused(make_run, {"source": automatic, "target": {"tokenizer": {"name": "words"}}})
    assert "must have the same name" in refusal
    assert "(got 'characters' and 'words')" in refusal


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ({"name": "words"}, {"name": "characters"}, "must have the same name, .* \\(got 'words' and 'characters'\\)"),
        ({"name": "bytes"}, {"name": "bytes"}, "the tokens of tokenizer 'bytes' aren't texts that can be copied"),
        (
            {"name": "words"},
            {"name": "words", "fold_case": True},
            "source.tokenizer.fold_case must be that of the target, True, .* \\(got False\\)",
        ),
        (
            {"name": "words", "normalization": "nfkd"},
            {"name": "words", "normalization": "nfd"},
            "source.tokenizer.normalization must be that of the target, 'nfd', .* \\(got 'nfkd'\\)",
        ),
        (
            {"name": "words"},
            {"name": "words", "tags": True},
            "source.tokenizer.tags must be that of the target, True, .* \\(got False\\)",
        ),
    ],
)
def test_tokenizers_that_can_not_copy_are_refused(source, target, expected):
    """Before data are read, with the setting."""
    plugins = Plugins()
    tables = {"task": "copy", "source": {"tokenizer": source}, "target": {"tokenizer": target}}
    require_copying(resolve([tables], plugins), plugins)
    with pytest.raises(ConfigError, match=f"^target.copy: .*{expected}"):
        require_copying(resolve([tables, COPY], plugins), plugins)


def test_checking_for_attention_changes_nothing(make_run):
    """Neither chance nor modes."""
    model = prepare(make_run(COPY)).checkpoint.model.train()
    before = torch.random.get_rng_state()
    require_attention(model.encoder, model.decoder, "attention-gru")
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(module.training for module in model.modules())


def test_an_unknown_symbol_is_copied_at_any_beam(copying):
    """Beams that no hypothesis is left for stay dead: no id without a token is ever picked."""
    source, extended = (torch.tensor([ids]) for ids in copies_of("Я", copying))
    found, scores = BeamSearch(copying.model)(source, torch.tensor([2]), None, extended, beam_size=40, max_length=1)
    size = len(copying.target_tokenizer.vocabulary)
    picked = found[scores > -math.inf].flatten().tolist()
    assert sorted(picked) == [EOS, UNK, *range(SPECIALS, size), size]


def copies_of(text, checkpoint):
    tokenizers = checkpoint.source_tokenizer, checkpoint.target_tokenizer
    return [[*ids, EOS] for ids in copies.encode_source(text, tokenizers)]
