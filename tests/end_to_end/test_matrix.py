"""Every encoder works with every decoder and tokenizer: trained, searched, exported, and proven equal to its file."""

from itertools import count, product

import pytest
import torch

from s2s_core.config.resolve import resolve
from s2s_core.exporting.exporter import export
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.runtime.file import load
from s2s_core.training.preparation import prepare
from s2s_core.training.trainer import Trainer

PLUGINS = Plugins()
ENCODERS, DECODERS, TOKENIZERS = (PLUGINS.names(kind) for kind in ("encoder", "decoder", "tokenizer"))
TEXTS = ["abc", "h", "gfedc", "", "bad cab", "\N{SNOWMAN}a"]


def combinations():
    """Yields every pair of an encoder and a decoder; each meets every tokenizer."""
    number = count()
    for row, encoder in enumerate(ENCODERS):
        for column, decoder in enumerate(DECODERS):
            places = (row + column) % len(TOKENIZERS), (row + 2 * column + 1) % len(TOKENIZERS)
            source, target = (TOKENIZERS[place] for place in places)
            yield pytest.param(encoder, decoder, source, target, next(number), id=f"{encoder}-{decoder}")


def triples():
    """Yields every encoder with every decoder and every tokenizer."""
    for number, (encoder, decoder, tokenizer) in enumerate(product(ENCODERS, DECODERS, TOKENIZERS)):
        yield pytest.param(encoder, decoder, tokenizer, tokenizer, number, id=f"{encoder}-{decoder}-{tokenizer}")


def pytest_generate_tests(metafunc):
    """Takes the pairs, which are enough to find what doesn't fit together, or with an option all triples."""
    if "decoder" in metafunc.fixturenames:
        every = metafunc.config.getoption("every_triple")
        names = "encoder", "decoder", "source", "target", "number"
        metafunc.parametrize(names, list(triples() if every else combinations()))


def small(kind, name):
    """Returns a component's table, with the settings that it calls small."""
    return {**PLUGINS.component(kind, name).small, "name": name}


def make_run(folder, encoder, decoder, source, target, number):
    tables = {
        "task": {"name": "reverse", "alphabet": "abcdefgh", "maximum_length": 5, "held_out": 8},
        "source": {"tokenizer": source, "embedding_size": 8, "reverse": bool(number % 2)},
        "target": {"tokenizer": target, "embedding_size": 8},
        "encoder": small("encoder", encoder),
        "decoder": small("decoder", decoder),
        "training": {"steps": 2, "batch_size": 4, "validate_every": 2, "seed": number},
        "decoding": {"max_length": 6},
    }
    return Run(folder, resolve([tables], PLUGINS), PLUGINS)


def test_every_combination_becomes_a_file(tmp_path, encoder, decoder, source, target, number):
    """Export proves equality with PyTorch, greedy and in a beam; a text's answer is the same alone and in a batch."""
    run = make_run(tmp_path / "run", encoder, decoder, source, target, number)
    training = prepare(run)
    run.create()
    Trainer(training).train()
    path = tmp_path / "model.onnx"
    parity = export(training.checkpoint, TEXTS, path)
    assert parity.hypotheses > 0
    model = load(path)
    for search in ({}, {"beam_size": 3}):
        together = model.answers(TEXTS, **search)
        for row, text in enumerate(TEXTS):
            alone = model.answers([text], **search)
            assert together.hypotheses[row].tolist() == alone.hypotheses[0].tolist()
            torch.testing.assert_close(torch.tensor(together.scores[row]), torch.tensor(alone.scores[0]))


def test_every_component_meets_every_tokenizer():
    """On both sides, so that none is left out where there are too few pairs."""
    met = {(name, tokenizer) for one in combinations() for name in one.values[:2] for tokenizer in one.values[2:4]}
    assert met >= {(name, tokenizer) for name in (*ENCODERS, *DECODERS) for tokenizer in TOKENIZERS}
