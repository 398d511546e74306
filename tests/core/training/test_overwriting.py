"""A run that is overwritten keeps its model until the new one has another."""

import shutil

import pytest

from s2s_core import ConfigError
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.runs.run import Run
from s2s_core.training.divergence import DivergedError

DIVERGING = {"learning_rate": 1e30, "clip_norm": 0.0, "optimizer": "sgd"}


@pytest.fixture
def first(make_run, train):
    """A trained run."""
    run = make_run()
    train(run)
    run.trackers_path.mkdir()
    run.onnx_path.touch()
    (run.folder / "notes.txt").write_text("mine")
    return run


@pytest.fixture
def overwritten(first, make_run):
    """Begins another run in the same folder, which diverges at once."""
    first.folder.rename(first.folder.with_name("kept"))
    second = make_run(**DIVERGING)
    (second.folder / "run.toml").unlink()
    second.folder.rmdir()
    first.folder.with_name("kept").rename(first.folder)
    return second


def test_a_run_that_diverges_at_once_leaves_the_one_before(first, overwritten, train, contents, kept):
    """All of it, in a folder that is a run's; the message says where. Only its own files are moved."""
    before = contents(first)
    assert before.pop("notes.txt") == b"mine"
    overwritten.create(overwrite=True)
    with pytest.raises(DivergedError) as diverged:
        train(overwritten)
    previous = Run.open(first.folder / "previous", first.plugins)
    assert f"holds no model yet, but the run before it is in {previous.folder}; start again" in str(diverged.value)
    assert contents(previous) == before
    assert previous.trackers_path.is_dir()
    load_checkpoint(previous)
    assert (first.folder / "notes.txt").exists()


def test_a_run_without_a_model_replaces_none(first, overwritten, train, contents):
    """However often the new run begins."""
    for _ in range(3):
        overwritten.create(overwrite=True)
        with pytest.raises(DivergedError):
            train(overwritten)
    load_checkpoint(Run.open(first.folder / "previous", first.plugins))


def test_the_first_model_replaces_the_one_before(first, train):
    """Then nothing of the earlier run is left."""
    first.create(overwrite=True)
    assert (first.folder / "previous").exists()
    train(first, interrupted_at=4)
    assert first.weights_path.exists()
    assert not (first.folder / "previous").exists()
    assert not first.onnx_path.exists()


@pytest.mark.parametrize(
    "name",
    ["run.toml", "metrics.jsonl", "model.json", "model.safetensors", "model.onnx", "README.md", "trackers", "resume",
     "previous", "previous/resume"],
)  # fmt: skip
def test_a_link_leads_nothing_out_of_the_folder(first, tmp_path, name):
    """Where a run starts again, what lies elsewhere is neither written nor removed."""
    other = tmp_path / "other"
    shutil.copytree(first.folder, other)
    (other / "state.safetensors").touch()
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    link = first.folder / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(other if (other / name).is_dir() or "previous" in name else other / name)
    with pytest.raises(ConfigError) as refused:
        first.create(overwrite=True)
    assert str(refused.value) == f"{link} is a symbolic link, but a run writes in its own folder only: remove the link"
    assert before == {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}


def test_a_run_goes_on_in_its_own_folder_only(make_run, train, tmp_path):
    """Nothing is appended to what a link leads to."""
    run = make_run()
    train(run, interrupted_at=4)
    run.metrics_path.rename(tmp_path / "elsewhere")
    run.metrics_path.symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(ConfigError, match=r"metrics\.jsonl is a symbolic link"):
        train(run, resume=True)
    assert before == (tmp_path / "elsewhere").read_bytes()


def test_the_folder_itself_may_be_a_link(make_run, train, tmp_path):
    """As to another disk: the user made it."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "disk")
    run = make_run("linked")
    train(run)
    run.create(overwrite=True)
    assert (tmp_path / "disk" / "run.toml").exists()
