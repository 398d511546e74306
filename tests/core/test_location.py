"""A saved run finds its data from elsewhere, and after it was moved together with them."""

import pytest

import s2s_core as s2s
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

QUIET = s2s.Progress()

SMALL = {
    "task": "pairs",
    "task.train": "data/pairs.tsv",
    "encoder": "gru",
    "encoder.hidden_size": 8,
    "encoder.layers": 1,
    "decoder": "attention-gru",
    "decoder.hidden_size": 8,
    "decoding.max_length": 4,
    "training.steps": 2,
    "training.validate_every": 1,
}


def write(path, letters="ab"):
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{letters}{number}\t{number}\n" for number in range(60)))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with data and a run, which was trained there."""
    folder = tmp_path / "project"
    write(folder / "data" / "pairs.tsv")
    monkeypatch.chdir(folder)
    s2s.train(settings=SMALL, output="runs/mine", progress=QUIET)
    return folder


def test_a_run_is_used_from_elsewhere_and_after_a_move(project, tmp_path, monkeypatch):
    """Its scores are the same."""
    here = s2s.evaluate("runs/mine").scores
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert here == s2s.evaluate(project / "runs" / "mine").scores
    moved = project.rename(tmp_path / "moved")
    assert here == s2s.evaluate(moved / "runs" / "mine").scores


def test_what_is_where_the_program_runs_comes_first(project, tmp_path, monkeypatch):
    """As it always did."""
    write(tmp_path / "other" / "data" / "pairs.tsv", "xy")
    monkeypatch.chdir(tmp_path / "other")
    run = Run.open(project / "runs" / "mine", Plugins())
    assert run.splits.validation[0].source.startswith("xy")


def test_data_that_are_nowhere_are_missing(project, tmp_path, monkeypatch):
    """By the name that the run has."""
    (project / "data" / "pairs.tsv").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(s2s.DataError, match=r"^can't read data/pairs\.tsv"):
        s2s.evaluate(project / "runs" / "mine")


def test_a_new_run_looks_only_where_it_is_started(project, tmp_path, monkeypatch):
    """It would train on data that nobody named."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(s2s.DataError, match=r"^can't read data/pairs\.tsv"):
        s2s.train(settings=SMALL, output=project / "runs" / "new", progress=QUIET)


def test_a_file_is_evaluated_from_elsewhere(project, tmp_path, monkeypatch):
    """Its task finds the data as its run does; so do further evaluations of what was just resumed there."""
    exported = s2s.export("runs/mine", progress=QUIET)
    here = s2s.evaluate(exported.path).scores
    path = exported.path.resolve()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert here == s2s.evaluate(path).scores
    trained = s2s.train(output=path.parent, resume=True, progress=QUIET)
    assert here == s2s.evaluate(trained, {"decoding.beam_size": 5}).scores
