"""A run's folder: what isn't a run's stays, one process writes at a time, and a start that was killed starts again."""

import os
import platform
import shutil
import signal
import subprocess
import time

import pytest

OWN = {
    "README.md": "my project",
    "trackers/mine": "data",
    "metrics.jsonl": "x",
    "previous/notes": "n",
    "model.onnx": "",
}


@pytest.fixture
def own(tmp_path):
    """A folder with files of a user's own."""
    for name, text in OWN.items():
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "own"


@pytest.fixture
def writer(command, small, tmp_path):
    """A process that trains in a folder for long, once it has begun to write."""
    folder = tmp_path / "busy"
    endless = ["--set", "training.steps=1000000", "--set", "training.warmup_steps=10"]
    process = subprocess.Popen(
        [*command, "train", *small, *endless, "--output", folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    try:
        while not (folder / "model.safetensors").exists():
            assert process.poll() is None
            time.sleep(0.05)
        yield folder, process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_the_users_own_files_stay(own, here, small, contents, options):
    """Their names are a run's, but no run wrote them: whatever the options, nothing is changed, removed or added."""
    error = here("train", *small, "--output", own, *options).error()
    names = "previous and metrics.jsonl and trackers and model.onnx and README.md"
    assert error == f"{own} holds {names}, which no run wrote: choose another --output"
    assert contents(own) == {name: text.encode() for name, text in OWN.items()}


def test_other_files_are_no_hindrance(tmp_path, here, small, contents):
    """A folder may have anything else."""
    (tmp_path / "notes.txt").write_text("mine")
    assert here("train", *small, "--output", tmp_path).code == 0
    assert contents(tmp_path)["notes.txt"] == b"mine"


def test_the_users_own_files_stay_where_seeds_are_trained(own, here, small, contents):
    """The folder of several seeds' runs has files of such names too."""
    error = here("run", *small, "--seeds", "0-1", "--overwrite", "--output", own).error()
    assert error == f"{own} holds model.onnx and README.md, which no run wrote: choose another --output"
    assert contents(own) == {name: text.encode() for name, text in OWN.items()}


def test_the_users_own_files_stay_where_a_model_is_distilled(exported_run, tmp_path, here):
    """So do files that have the names of what distillation adds."""
    (tmp_path / "train.jsonl").write_text("mine")
    error = here("distil", exported_run.folder, "--overwrite", "--output", tmp_path).error()
    assert error == f"{tmp_path} holds train.jsonl, which no run wrote: choose another --output"
    assert (tmp_path / "train.jsonl").read_text() == "mine"


def test_an_empty_name_is_no_folder(here, small):
    """It is what ``--output "$UNSET"`` gives, and would be the current folder."""
    ended = here("train", *small, "--output", "", "--overwrite")
    assert ended.code == 2
    assert "the name is empty: name a folder, such as runs/mine, or . for this one" in ended.err


def test_one_process_writes_at_a_time(writer, here, s2s, small):
    """The second is told who the first is; when that is killed, its lock has ended, and its run goes on."""
    folder, process = writer
    message = (
        f"{folder} is being written by process {process.pid} on {platform.node()}: wait until that ends, "
        "or choose another --output"
    )
    assert here("train", *small, "--output", folder, "--overwrite").error() == message
    assert s2s("train", "--resume", "--output", folder).error() == message
    process.send_signal(signal.SIGSTOP)  # so that nothing is written between these two
    before = (folder / "run.toml").read_bytes()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert before == (folder / "run.toml").read_bytes()
    assert here("train", *small, "--output", folder, "--overwrite").code == 0
    assert not (folder / ".lock").read_bytes()


@pytest.mark.parametrize("resumed", [True, False], ids=["resumed", "started again"])
def test_a_start_that_was_killed_starts_again(exported_run, tmp_path, here, small, contents, resumed):
    """Before its first state a run has nothing to lose, and nothing to resume."""
    folder = tmp_path / "killed"
    folder.mkdir()
    shutil.copy(exported_run.settings_path, folder)
    (folder / "metrics.jsonl").write_text('{"step": ')
    arguments = ["--resume"] if resumed else small
    assert here("train", *arguments, "--output", folder).code == 0
    again = contents(folder)
    first = contents(exported_run.folder)
    for name in ("model.safetensors", "resume/state.safetensors", "run.toml", "model.json"):
        assert again[name] == first[name]


def test_a_lock_that_is_a_link_is_refused(tmp_path, here, small):
    """What it leads to is not written."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "mine")
    error = here("train", *small, "--output", tmp_path / "run").error()
    assert error.startswith(f"{tmp_path / 'run' / '.lock'} is a symbolic link, but a run writes in its own folder only")
    assert (tmp_path / "mine").read_text() == "mine"
