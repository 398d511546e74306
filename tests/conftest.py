"""What tests share: fixed seeds, and tiny models of third parties' plugins, exported once a session."""

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import attrs
import hypothesis
import pytest

hypothesis.settings.register_profile("steady", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("steady")  # a busy machine is no failure

if "PYTEST_XDIST_WORKER" in os.environ:  # or threads of all the processes would wait for each other
    os.environ["OMP_NUM_THREADS"] = "1"

HELD_OUT = ["abc", "cab", "bbbb", "a", "ccab b", "abcabcabca", "b\u00e4c", "\N{SLIGHTLY SMILING FACE}a"]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps what tests cache out of the user's own cache."""
    os.environ["S2S_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    """Starts every test with the same chance, and undoes what training sets for the whole process."""
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].use_deterministic_algorithms(mode=False)
        sys.modules["torch"].set_flush_denormal(False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds what takes too long for every run of the suite."""
    parser.addoption("--every-triple", action="store_true", help="test every encoder × decoder × tokenizer")


@attrs.frozen(eq=False)
class ThirdParty:
    """Encoders and decoders as others may write them."""

    scanning_encoder: type
    lstm_encoder: type
    caching_decoder: type
    gru_decoder: type


@attrs.frozen(eq=False)
class Exported:
    """A model, its file, and what export said about it."""

    checkpoint: object
    path: Path
    parity: object


@pytest.fixture(scope="session")
def third_party() -> ThirdParty:
    """Plugins that use what the interfaces allow, and no more."""
    import torch
    from torch import nn

    from s2s_core import Decoder, Encoder, Memory, Output, lstm, padding_mask, scan

    class ScanningEncoder(Encoder):
        """Its cell carries two states, which ``scan`` keeps where a position is padding."""

        def __init__(self, config, input_size):
            super().__init__(config, input_size)
            self.states_size, self.summary_size = 6, 6
            self.inner, self.outer = nn.Linear(input_size + 6, 6), nn.Linear(12, 6)

        def forward(self, inputs, lengths):
            def cell(position, state):
                fast, slow = state["fast"], state["slow"]
                fast = torch.tanh(self.inner(torch.cat([position, slow], 1)))
                return {"fast": fast, "slow": torch.tanh(self.outer(torch.cat([fast, slow], 1)))}

            mask = padding_mask(lengths, inputs.shape[1])
            zeros = inputs.new_zeros(inputs.shape[0], 6)
            states, last = scan(cell, inputs, mask, {"fast": zeros, "slow": zeros})
            return Memory(states["fast"], mask, last["slow"])

    class LSTMEncoder(Encoder):
        """Bidirectional."""

        def __init__(self, config, input_size):
            super().__init__(config, input_size)
            self.states_size, self.summary_size = 8, 16
            self.lstm = nn.LSTM(input_size, 4, batch_first=True, bidirectional=True)

        def forward(self, inputs, lengths):
            states, finals = lstm(self.lstm, inputs, lengths)
            summary = torch.cat([last.transpose(0, 1).flatten(1) for last in finals], 1)
            return Memory(states, padding_mask(lengths, inputs.shape[1]), summary)

    class Cell(NamedTuple):
        hidden: torch.Tensor
        carry: torch.Tensor

    class CachingDecoder(Decoder):
        """Its state has a cache that grows, a memory that stays, and two tensors that start as one object."""

        def __init__(self, config, input_size, memory):
            super().__init__(config, input_size, memory)
            self.output_size = 12
            self.bridge = nn.Linear(memory.summary, 6)
            self.keys = nn.Linear(memory.states, 6)
            self.cell = nn.Linear(input_size + 12, 12)

        def start(self, memory):
            begin = torch.tanh(self.bridge(memory.summary))
            return {
                "cell": Cell(begin, begin),
                "cache": begin.new_zeros(begin.shape[0], 0, 6),
                "memory": (self.keys(memory.states).masked_fill(~memory.mask[:, :, None], 0.0), memory.mask),
                "step": torch.zeros_like(memory.mask[:, 0], dtype=torch.int64),
            }

        def step(self, inputs, state):
            (hidden, carry), (keys, mask) = state["cell"], state["memory"]
            new, gate = self.cell(torch.cat([inputs, hidden, carry], 1)).chunk(2, 1)
            hidden = torch.tanh(new) + 0.1 * state["step"][:, None]
            carry = torch.sigmoid(gate) * carry + hidden
            cache = torch.cat([state["cache"], carry[:, None]], 1)
            attention = (keys @ hidden[:, :, None])[:, :, 0].masked_fill(~mask, -1e9).softmax(1)
            read = (attention[:, None] @ keys)[:, 0]
            remembered = ((cache @ hidden[:, :, None]).softmax(1) * cache).sum(1)
            after = {
                "cell": Cell(hidden, carry),
                "cache": cache,
                "memory": state["memory"],
                "step": state["step"] + 1,
            }
            return Output(torch.cat([read, remembered], 1), attention), after

    class GRUDecoder(Decoder):
        """Its state is one tensor."""

        def __init__(self, config, input_size, memory):
            super().__init__(config, input_size, memory)
            self.output_size = 8
            self.bridge, self.cell = nn.Linear(memory.summary, 8), nn.GRUCell(input_size, 8)

        def start(self, memory):
            return self.bridge(memory.summary)

        def step(self, inputs, state):
            after = self.cell(inputs, state)
            return Output(after), after

    return ThirdParty(ScanningEncoder, LSTMEncoder, CachingDecoder, GRUDecoder)


@pytest.fixture(scope="session")
def make_model(third_party: ThirdParty) -> Callable:
    """Makes a small model with random weights, large enough for answers to differ."""
    import torch

    from s2s_core import NoConfig
    from s2s_core.model.interfaces import MemorySizes
    from s2s_core.model.seq2seq import Seq2Seq

    def make(source_size=9, target_size=9, *, seed=0, encoder=None, decoder=None, spread=1.0, copy=False):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = (encoder or third_party.scanning_encoder)(NoConfig(), 5)
            sizes = MemorySizes(made.states_size, made.summary_size)
            answering = (decoder or third_party.caching_decoder)(NoConfig(), 5, sizes)
            model = Seq2Seq(made, answering, source_size, target_size, copy=copy)
            for parameter in model.parameters():
                torch.nn.init.normal_(parameter, std=spread)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def checkpoints(third_party: ThirdParty, make_model: Callable) -> dict[str, object]:
    """Two untrained models: of characters, by ``scan`` and with a cache; of words, by ``lstm`` and with a GRU."""
    from s2s_core import NoConfig
    from s2s_core.config.decoding import DecodingConfig
    from s2s_core.config.tables import Component, RunConfig, SourceConfig, TargetConfig
    from s2s_core.model.checkpoint import TextModel
    from s2s_core.text.characters import Characters
    from s2s_core.text.tokenizer import TokenizerConfig
    from s2s_core.text.words import Words

    def make(name, tokenizer, source, target, encoder, decoder, decoding, seed):
        config = TokenizerConfig()
        tokenizers = tokenizer.train(config, source), tokenizer.train(config, target)
        component = Component(name, config)
        run = RunConfig(
            task=Component("nothing", NoConfig()),
            source=SourceConfig(component, 5),
            target=TargetConfig(component, 5),
            encoder=Component("third-party", NoConfig()),
            decoder=Component("third-party", NoConfig()),
            decoding=decoding,
        )
        sizes = [len(made.vocabulary) for made in tokenizers]
        model = make_model(*sizes, encoder=encoder, decoder=decoder, seed=seed)
        plugins = [{"kind": "encoder", "name": "third-party", "distribution": "s2s-third", "version": "1.2"}]
        return TextModel(run, *tokenizers, model, plugins)

    return {
        "characters": make(
            "characters",
            Characters,
            ["ab c\u00e4"],
            ["xyz \N{SNOWMAN}\n"],
            third_party.scanning_encoder,
            third_party.caching_decoder,
            DecodingConfig(max_length=12),
            seed=3,
        ),
        "words": make(
            "words",
            Words,
            ["a abc b cab bbbb ccab"],
            ["one two <pad> drei \N{SNOWMAN}"],
            third_party.lstm_encoder,
            third_party.gru_decoder,
            DecodingConfig(max_length=7, beam_size=3, length_penalty=0.5),
            seed=15,
        ),
    }


@pytest.fixture(scope="session")
def export_once(checkpoints: dict, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Exports each of the models when it's first asked for."""
    from s2s_core.exporting.exporter import export

    done: dict[str, Exported] = {}

    def exported(name: str) -> Exported:
        if name not in done:
            path = tmp_path_factory.mktemp("exported") / f"{name}.onnx"
            done[name] = Exported(checkpoints[name], path, export(checkpoints[name], HELD_OUT, path))
        return done[name]

    return exported


@pytest.fixture(params=["characters", "words"])
def exported(request: pytest.FixtureRequest, export_once: Callable[[str], Exported]) -> Exported:
    """Either exported model."""
    return export_once(request.param)


@pytest.fixture
def exported_characters(export_once: Callable[[str], Exported]) -> Exported:
    """The exported model of characters."""
    return export_once("characters")


@pytest.fixture(scope="session")
def export_telling(checkpoints: dict, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports the model of characters with a lexicon, confidence and origin, and returns the file."""
    from s2s_core.config.tables import ExportConfig
    from s2s_core.data.task import Example
    from s2s_core.errors import UnreachableEntriesWarning
    from s2s_core.exporting.exporter import export

    folder = tmp_path_factory.mktemp("telling")
    lexicon, examples = folder / "words.tsv", [Example(text, text) for text in map("".join, product("abc", repeat=4))]
    lexicon.write_text("abc\tknown\nabc\tother\n\u65e5\u672c\tJapan\nto us\tno word\n", encoding="utf-8")

    def exported(name: str, **settings: object) -> Path:
        settings = ExportConfig(lexicon=str(lexicon), confidence=True, origin=True, **settings)
        plain, path = checkpoints["characters"], folder / name
        checkpoint = attrs.evolve(plain, config=attrs.evolve(plain.config, export=settings))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnreachableEntriesWarning)  # of "to us", which stands there for that
            export(checkpoint, HELD_OUT, path, lambda: (examples, "each"))
        return path

    return exported


@pytest.fixture(scope="session")
def telling_file(export_telling: Callable[..., Path]) -> Path:
    """A file that tells all that a file can tell, and has inputs without defaults."""
    return export_telling("telling.onnx", scorer=True, required_inputs=("beam_size", "answer"))


@pytest.fixture(scope="session")
def sentences_file(export_telling: Callable[..., Path]) -> Path:
    """A file that answers each word of a text by itself."""
    return export_telling("sentences.onnx", unit="word", separator=" | ")
