"""Several seeds: runs side by side, the spread of their scores, and the one file that they become."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess

import pytest

import s2s_core as s2s
from s2s_core import ConfigError
from s2s_core.config.seeds import parse_seeds
from s2s_core.pipeline.side_by_side import JobsInterruptedError, SideBySide
from s2s_core.runtime.file import load

TINY = {
    "encoder.hidden_size": 8,
    "decoder.hidden_size": 8,
    "task.alphabet": "abcd",
    "task.maximum_length": 3,
    "task.held_out": 5,
    "training.steps": 60,
    "training.validate_every": 30,
    "training.batch_size": 8,
    "training.learning_rate": 0.02,
    "export.parity_examples": 1,
    "decoding.max_length": 4,
}
OPTIONS = ["--task", "reverse", "--encoder", "gru"]
OPTIONS += [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def many(s2s, tmp_path_factory):
    """The folder of two seeds' runs, and how the command ended. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "many"
    (folder.parent / "random.py").write_text("raise SystemExit('a file of the user is no module of ours')")
    return folder, s2s("run", *OPTIONS, "--seeds", "0,3", "--output", folder, env=one_thread(), cwd=folder.parent)


@pytest.fixture
def copied(many, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(many[0], tmp_path / "copied")


def one_thread():
    """Returns variables that say how many threads a run has."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def without_logs(files):
    """Returns what folders hold but for logs, which tell times."""
    return {path: content for path, content in files.items() if not path.endswith("log.txt")}


def test_a_seed_s_run_is_that_of_the_seed_alone(many, s2s, contents, tmp_path):
    """With as many threads it leaves the same bytes, and nothing but a log besides."""
    folder, ended = many
    assert (ended.code, ended.err) == (0, "")
    alone = s2s("run", *OPTIONS, "--seed", 3, "--output", tmp_path / "alone", env=one_thread())
    assert alone.code == 0, alone
    assert without_logs(contents(folder / "seed-3")) == contents(tmp_path / "alone")
    log = (folder / "seed-3" / "log.txt").read_text(encoding="utf-8")
    timeless = re.compile(r"[\d,]+ target tokens/s, .* left|in \d+ s")
    shown = [timeless.sub("", text) for text in (log.replace(str(folder / "seed-3"), "RUN"), alone.out)]
    assert shown[0] == shown[1].replace(str(tmp_path / "alone"), "RUN")


def test_each_seed_has_lines_of_its_own(many):
    """Then come all scores, and the one file."""
    folder, ended = many
    lines = [line for line in ended.out.splitlines() if line]
    assert (
        lines[3] == f"seeds    0, 3; {min(2, cores())} at a time, each with 1 thread; logs in {folder}/seed-*/log.txt"
    )
    for seed in (0, 3):
        told = [line for line in lines if line.startswith(f"seed {seed} ")]
        assert [re.sub(r"[\d.]+", "#", line[9:].partition(",")[0]) for line in told] == [
            "step # of #",
            "step # of #",
            "best step # of #",
            "exact match # %",
        ]
    topics = [line.split()[0] for line in lines if not line.startswith((" ", "seed "))]
    assert topics[:8] == ["run", "data", "seeds", "mean", "together", "export", "export", "proof"]
    assert re.search(r"^mean +exact match [\d.]+ % ± [\d.]+ %, token accuracy .* ± ", ended.out, re.MULTILINE)


def cores():
    return len(os.sched_getaffinity(0))


def test_mean_and_deviation_are_those_of_the_runs_own_scores(many):
    """As their logs have them, by Python's own statistics."""
    record = json.loads((many[0] / "seeds.json").read_text())
    assert (record["seeds"], record["threads"]) == ([0, 3], 1)
    logged = [
        json.loads((many[0] / f"seed-{seed}" / "metrics.jsonl").read_text().splitlines()[-1])["test"] for seed in (0, 3)
    ]
    for name, found in record["scores"].items():
        values = [scores[name] for scores in logged]
        assert found["seeds"] == values
        assert found["mean"] == pytest.approx(statistics.mean(values))
        assert found["standard_deviation"] == pytest.approx(statistics.stdev(values))
    assert logged[0] != logged[1]


def test_the_file_is_all_seeds_together(many, here):
    """It scores as the runs' folders do together, as is recorded, and its card tells both."""
    folder = many[0]
    record = json.loads((folder / "seeds.json").read_text())
    in_pytorch = json.loads(here("evaluate", folder / "seed-0", folder / "seed-3", "--json").out)
    in_file = json.loads(here("evaluate", folder / "model.onnx", "--json").out)
    assert in_pytorch == in_file == record["together"]
    assert len(load(folder / "model.onnx").metadata["members"]) == 2
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "\n---\n\n# reverse: gru → gru, 2 seeds together\n" in card
    shown = f"{record['together']['scores']['edit_distance']:.4f}"
    mean, deviation = (record["scores"]["edit_distance"][name] for name in ("mean", "standard_deviation"))
    assert f"| edit_distance | {shown} | {mean:.4f} ± {deviation:.4f} |" in card


@pytest.fixture
def finishes(monkeypatch):
    """Replaces the last part, which makes one file of finished runs; gives the seeds of each."""
    finished = []
    monkeypatch.setattr("s2s_core.pipeline.seeds._finish", lambda plan, progress: finished.append(plan.seeds))
    return finished


@pytest.fixture
def started(monkeypatch):
    """Collects the runs that would be started, in place of starting any, as if Ctrl-C came then."""
    found = []

    def run(jobs):
        found.extend(jobs._waiting)
        raise JobsInterruptedError(signal.SIGINT)

    monkeypatch.setattr(SideBySide, "run", run)
    return found


def test_an_interrupted_one_goes_on_to_the_same_bits(many, command, here, finishes, contents, tmp_path):
    """Ctrl-C stops all runs and says how to go on, which leaves what an uninterrupted one does."""
    folder = tmp_path / "stopped"
    arguments = ["run", *OPTIONS, "--seeds", "0,3", "--jobs", "1", "--output", folder]
    with subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one_thread()
    ) as process:
        for line in process.stdout:
            if line.startswith("seed 0 "):
                process.send_signal(signal.SIGINT)
                break
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    way_on = f"s2s run --seeds 0,3 --resume --output {folder}"
    assert err == f"error: stopped; 0 of 2 seeds are finished; go on with {way_on}\n"
    assert not (folder / "seed-3").exists()
    ended = here(*way_on.split()[1:])
    assert (ended.code, ended.err) == (0, "")
    assert finishes == [[0, 3]]
    for name in ("seed-0", "seed-3"):
        assert without_logs(contents(folder / name)) == without_logs(contents(many[0] / name))


def test_finished_seeds_are_kept(copied, started, contents):
    """What is missing is made: here the one file, which Python gets with all scores."""
    before = contents(copied)
    for name in ("model.onnx", "README.md"):
        (copied / name).unlink()
    runs = s2s.run_seeds(seeds=[0, 3], output=copied, resume=True, progress=s2s.Progress())
    assert started == []
    assert contents(copied) == before
    assert [run.config.training.seed for run in runs.runs] == runs.spread.seeds == [0, 3]
    assert [scores.keys() for scores in runs.spread.scores] == [runs.evaluation.scores.keys()] * 2
    assert runs.export.path == copied / "model.onnx"


def test_more_seeds_may_follow(copied, started, here):
    """Those that are finished aren't trained again."""
    here("run", "--seeds", "0,3,5", "--resume", "--output", copied).error(130)
    assert [job.seed for job in started] == [5]


def test_seeds_whose_settings_follow_from_the_data_are_kept(started, here, tmp_path):
    """The tokenizers that a run has chosen are no other settings than those that were left open."""
    (tmp_path / "pairs.tsv").write_text("".join(f"w{number}\tA {number % 3}\n" for number in range(60)))
    names = ("encoder.hidden_size", "decoder.hidden_size", "decoding.max_length")
    tiny = {name: TINY[name] for name in names} | {"task.train": tmp_path / "pairs.tsv", "training.epochs": 0.2}
    options = [word for name, value in tiny.items() for word in ("--set", f"{name}={value}")]
    folder = tmp_path / "many"
    here("run", "--task", "pairs", *options, "--seeds", "0,1", "--output", folder).error(130)
    run = s2s.train(folder / "seeds.toml", {"training.seed": 0}, output=folder / "seed-0", progress=s2s.Progress())
    run.card_path.write_text("finished")
    started.clear()
    here("run", "--seeds", "0,1", "--resume", "--output", folder).error(130)
    assert [job.seed for job in started] == [1]


def test_starting_again_replaces_all(copied, started, here, monkeypatch):
    """The runs make room themselves, one after the other; what they were together goes at once."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    ended = here("run", *OPTIONS, "--set", "training.steps=30", "--seeds", "3,5", "--overwrite", "--output", copied)
    assert ended.error(130).startswith("stopped; 0 of 2 seeds are finished; go on with ")
    assert all("--overwrite" in job.command for job in started)
    assert not (copied / "model.onnx").exists()
    assert not (copied / "README.md").exists()
    assert json.loads((copied / "seeds.json").read_text()) == {"seeds": [3, 5], "threads": 2}
    assert "steps = 30\n" in (copied / "seeds.toml").read_text(encoding="utf-8")


def test_what_an_earlier_command_left_is_not_taken_for_finished(copied, started, here):
    """If starting again was interrupted before a seed's turn, its old run of other settings is trained anew."""
    settings = copied / "seeds.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("steps = 60\n", "steps = 30\n"), encoding="utf-8")
    message = here("run", "--seeds", "0,3", "--resume", "--output", copied).error(130)
    assert message.startswith("stopped; 0 of 2 seeds are finished; go on with ")
    assert [job.seed for job in started] == [0, 3]
    assert all("--overwrite" in job.command and "--resume" not in job.command for job in started)


REFUSES = """
from s2s_core import ConfigError

@hookimpl
def s2s_run_started(run):
    if run.config.training.seed == 3:
        raise ConfigError("three is refused")
"""


def test_a_failing_seed_stops_the_others(here, install, monkeypatch, tmp_path):
    """The end of its log says why; the others are finished or can go on."""
    install("refuses", REFUSES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    folder = tmp_path / "many"
    ended = here("run", *OPTIONS, "--seeds", "3,0,1", "--jobs", 1, "--output", folder)
    assert ended.code == 1
    first, *middle, last = ended.err.splitlines()
    assert first == f"error: seed 3 failed with exit code 1; {folder}/seed-3/log.txt ends with"
    assert middle[-1] == "    error: three is refused"
    assert last == f"the other seeds were stopped; go on with s2s run --seeds 3,0,1 --resume --output {folder}"
    assert not (folder / "seed-0").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0-2", "--seed", 1], "--seed and --seeds exclude each other"),
        (["--jobs", 2], "--jobs needs --seeds"),
        (["--seeds", "3"], "several seeds are 2 to 100, such as 0-4 (got 1)"),
        (["--seeds", "4-0"], "begins with its smaller one, 0-4 (got '4-0')"),
        (["--seeds", "0,a"], "such as 0-4 or 0,3,7 (got '0,a')"),
        (["--seeds", "0,1-"], "such as 0-4 or 0,3,7 (got '0,1-')"),
        (["--seeds", "0,1,0"], "seeds must differ (got 0 twice)"),
        (["--seeds", "0-4294967296"], "several seeds are 2 to 100 (got '0-4294967296')"),
        (["--seeds", "0,4294967296"], "a seed must be between 0 and 4294967295 (got 4294967296)"),
        (["--seeds", "0-1", "--jobs", 0], "--jobs"),
        (["--seeds", "0-1", "--resume", "--overwrite"], "--resume and --overwrite exclude each other"),
    ],
)
def test_usage_that_makes_no_sense_is_refused(here, tmp_path, options, message):
    """Before anything is written."""
    ended = here("run", *OPTIONS, *options, "--output", tmp_path / "many")
    assert ended.code == 2
    assert message in ended.err.replace("\n", " ")
    assert not (tmp_path / "many").exists()


def test_seeds_are_numbers_and_ranges():
    """In the order in which they are written."""
    assert parse_seeds("0-2, 7,5") == [0, 1, 2, 7, 5]
    with pytest.raises(ConfigError, match="seeds are numbers or ranges"):
        parse_seeds("0," + "1" * 5000)


def test_one_of_several_processes_is_refused(here, monkeypatch, tmp_path):
    """Each seed is a process of its own."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    message = here("run", *OPTIONS, "--seeds", "0-1", "--output", tmp_path / "many").error()
    assert message.endswith(
        "as LOCAL_RANK is set: start s2s without torchrun or accelerate launch, or train one seed at a time"
    )


def test_a_seed_among_the_settings_is_refused(here, tmp_path):
    """It would be every run's."""
    message = here("run", *OPTIONS, "--set", "training.seed=3", "--seeds", "0-1", "--output", tmp_path / "x").error()
    assert message == "training.seed and several seeds exclude each other: leave training.seed out"


def test_folders_that_hold_other_runs_are_refused(here, many, exported_run, copied, contents, tmp_path):
    """Whether of several seeds or of one, and what they hold is left alone."""
    before = contents(copied)
    message = here("run", *OPTIONS, "--seeds", "0,3", "--output", copied).error()
    assert message.startswith(f"{copied} already holds runs of several seeds: go on with --resume, start again with")
    message = here(
        "run", *OPTIONS, "--set", "training.steps=7", "--seeds", "0,3", "--resume", "--output", copied
    ).error()
    assert message.startswith(f"{copied} holds runs with other settings than these: go on with --seeds, --resume and")
    for options in ([], ["--overwrite"]):
        message = here("run", *OPTIONS, *options, "--output", copied).error()
        assert message == f"{copied} holds runs of several seeds: choose another --output"
    assert contents(copied) == before
    message = here("run", *OPTIONS, "--seeds", "0,3", "--overwrite", "--output", exported_run.folder).error()
    assert message == f"{exported_run.folder} holds a run: choose another --output for several seeds"
    message = here("run", *OPTIONS, "--seeds", "0,3", "--resume", "--output", tmp_path / "none").error()
    assert message == f"{tmp_path / 'none'} holds no runs of several seeds: No such file or directory"


def test_a_run_never_follows_a_link(here, copied, tmp_path):
    """A log would be written elsewhere."""
    log = copied / "seed-3" / "log.txt"
    log.unlink()
    log.symlink_to(tmp_path / "elsewhere")
    message = here("run", "--seeds", "0,3", "--resume", "--output", copied).error()
    assert message == f"{log} is a symbolic link, but a run writes in its own folder only: remove the link"


@pytest.mark.parametrize("content", ["{", "[]", '{"seeds": [0, 3]}', '{"threads": "1"}'])
def test_a_damaged_record_is_told(here, copied, content):
    """With the way out."""
    (copied / "seeds.json").write_text(content)
    message = here("run", "--seeds", "0,3", "--resume", "--output", copied).error()
    assert message.startswith(f"{copied / 'seeds.json'} is damaged")
