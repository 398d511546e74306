"""Starting from an earlier run: what is taken over, what isn't, and what is refused."""

import json

import pytest
import torch

from s2s_core import ConfigError, ModelError
from s2s_core.training.preparation import prepare


@pytest.fixture
def earlier(make_run, train):
    """A trained run. Its tokenizers know the letters of its own pairs."""
    run = make_run("earlier")
    train(run)
    return run


def started(run):
    """Returns the training of a run, before the first update."""
    return prepare(run)


def parameters(model):
    return {name: tensor.detach() for name, tensor in model.named_parameters()}


def test_the_best_model_is_taken_over(earlier, make_run, kept):
    """With the same settings it is the whole model."""
    training = started(make_run("later", initial_run=str(earlier.folder), seed=5))
    torch.testing.assert_close(parameters(training.checkpoint.model), kept(earlier), rtol=0, atol=0)
    assert (training.inheritance.taken, training.inheritance.left) == (len(kept(earlier)), ())


def test_vocabularies_are_taken_over(earlier, make_run):
    """New data with other letters doesn't change the meaning of an id: the earlier run's vocabularies stay."""
    task = {"name": "reverse", "alphabet": "bxyza", "maximum_length": 3, "held_out": 5}
    run = make_run("later", {"task": task}, initial_run=str(earlier.folder))
    checkpoint = started(run).checkpoint
    description = json.loads(earlier.description_path.read_text())
    assert checkpoint.source_tokenizer.save() == description["source_tokenizer"]
    assert checkpoint.target_tokenizer.save() == description["target_tokenizer"]


def test_another_tokenizer_starts_its_embeddings_afresh(earlier, make_run, kept):
    """Its ids mean other tokens, even where there are as many. The rest of the model is taken over."""
    target = {"tokenizer": {"name": "characters", "maximum_size": 3}}
    training = started(make_run("later", {"target": target}, initial_run=str(earlier.folder)))
    reason = "of another tokenizer"
    of_ids = ["target_embedding.weight", "projection.weight", "projection.bias"]
    assert sorted(training.inheritance.left) == sorted(f"{name} ({reason})" for name in of_ids)
    found = parameters(training.checkpoint.model)
    for name, tensor in kept(earlier).items():
        assert name in of_ids or (found[name] == tensor).all()


def test_what_does_not_fit_starts_afresh_and_is_named(earlier, make_run, kept):
    """Each weight of another shape, or that the earlier model doesn't have, is listed with the reason."""
    run = make_run("later", {"decoder": {"hidden_size": 10}}, initial_run=str(earlier.folder))
    inheritance = started(run).inheritance
    assert "decoder.hh.0.bias (20, there 16)" in inheritance.left
    assert "decoder.bridge.weight (new)" in inheritance.left
    assert "decoder.hh.0.weight (20×10, there 16×8)" in inheritance.left
    encoder = [name for name in kept(earlier) if name.startswith("encoder.")]
    assert inheritance.taken == len([*encoder, "source_embedding.weight", "target_embedding.weight", "projection.bias"])


def test_nothing_that_fits_is_an_error(earlier, make_run):
    """Then it isn't what the user meant."""
    tables = {
        "encoder": {"hidden_size": 12},
        "decoder": {"hidden_size": 10},
        "source": {"embedding_size": 5},
        "target": {"tokenizer": "words"},
    }
    with pytest.raises(ConfigError, match=r"^training\.initial_run: no weight of .*earlier fits this model; give it "):
        started(make_run("later", tables, initial_run=str(earlier.folder)))


def test_what_holds_no_trained_model_is_refused(make_run, tmp_path):
    """A missing folder, a run without a model, and the run itself."""
    with pytest.raises(ConfigError, match=r"^training\.initial_run: there is no folder .*nowhere$"):
        started(make_run("lost", initial_run=str(tmp_path / "nowhere")))
    untrained = make_run("untrained")
    with pytest.raises(ModelError, match="train the model first"):
        started(make_run("early", initial_run=str(untrained.folder)))
    with pytest.raises(ConfigError, match="is the run's own folder"):
        started(make_run("self", initial_run=str(tmp_path / "self")))


def test_a_fine_tuned_run_resumes_to_the_same_bits(earlier, make_run, train, contents):
    """The weights come from the state then, not from the earlier run."""
    settings = {"initial_run": str(earlier.folder), "steps": 24}
    whole, parts = make_run("whole", **settings), make_run("parts", **settings)
    train(whole)
    train(parts, interrupted_at=10)
    train(parts, resume=True)
    assert contents(parts) == contents(whole)


def test_the_earlier_run_is_left_as_it_is(earlier, make_run, train, contents):
    """Nothing is written there."""
    before = contents(earlier)
    train(make_run("later", initial_run=str(earlier.folder)))
    assert contents(earlier) == before
