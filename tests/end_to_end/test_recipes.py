"""Each recipe describes a run that works, here with a small model on a few pairs."""

from pathlib import Path

import pytest

from s2s_core.config.overrides import read_toml
from s2s_core.config.resolve import resolve
from s2s_core.plugins.registry import Plugins

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))

SMALL = {
    "source.embedding_size": 8,
    "target.embedding_size": 8,
    "encoder.hidden_size": 8,
    "decoder.hidden_size": 8,
    "training.steps": 2,
    "training.batch_size": 4,
    "training.validate_every": 2,
}


@pytest.fixture
def pairs(tmp_path):
    """A file of a few pairs, but enough for a confidence to be calibrated on those that are held out."""
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"word {number}\tw o {number}\n" for number in range(400)), encoding="utf-8")
    return path


def test_the_recipe_of_the_paper_is_the_papers():
    """Section 3.4 of arXiv 1409.3215, number by number."""
    path = next(path for path in RECIPES if path.stem == "sutskever2014")
    config = resolve([read_toml(path), {"task": {"train": "pairs.tsv"}}], Plugins())
    assert (160_000, 80_000) == tuple(side.tokenizer.config.maximum_size for side in (config.source, config.target))
    assert (1000, 1000) == (config.source.embedding_size, config.target.embedding_size)
    assert [("lstm", 4, 1000)] * 2 == [
        (component.name, component.config.layers, component.config.hidden_size)
        for component in (config.encoder, config.decoder)
    ]
    assert config.source.reverse
    training = config.training
    assert ("sgd", 0.7, 0.0) == (training.optimizer, training.learning_rate, training.momentum)
    assert (0.08, 5.0, 128) == (training.initial_range, training.clip_norm, training.batch_size)
    epoch = 12_000_000 / training.batch_size
    assert training.schedule == "halving"
    assert (7.5 * epoch, 5 * epoch, epoch / 2) == (training.steps, training.halving_start, training.halving_interval)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_trains(here, recipe, pairs, tmp_path):
    """All that it lacks is the data."""
    settings = {"task.train": pairs, "training.device": "cpu", **SMALL}
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    ended = here("train", recipe, *options, "--output", tmp_path / "run")
    assert ended.code == 0, ended
    assert (tmp_path / "run" / "model.safetensors").is_file()
