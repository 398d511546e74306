"""Whatever comes, the command line answers with one clear line and the right exit code, and nothing is lost."""

import contextlib
import errno
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import onnx
import pytest

from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.runtime.file import load
from s2s_core.runtime.metadata import METADATA

WAITING = """
import os, pathlib, time
from s2s_core import hookimpl

FOLDER = pathlib.Path(os.environ["WAITING"])

@hookimpl
def s2s_run_started(run):
    wait("started")

@hookimpl
def s2s_evaluated(run, step):
    wait(str(step))

def wait(moment):
    if moment == os.environ["WAITING_AT"]:
        (FOLDER / "reached").touch()
        while not (FOLDER / "go").exists():
            time.sleep(0.01)
"""
"""A plugin that holds a run at a moment until it's told to go on."""

STOPPED = "error: stopped after 60 of 90 steps; go on with --resume --output "


@pytest.fixture
def copied(exported_run, tmp_path):
    """A copy of the finished run, that a test may change."""
    return Run.open(shutil.copytree(exported_run.folder, tmp_path / "copied"), Plugins())


@pytest.fixture
def file(exported_run):
    """The exported file."""
    return exported_run.onnx_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--task", "revers"],
            "unknown task 'revers' (did you mean 'reverse'?); there are: add, copy, pairs, reverse, sort",
        ),
        (
            ["--task", "copy", "--encoder", "mlp-rn", "--decoder", "mlp-rnn"],
            "unknown encoder 'mlp-rn' (did you mean 'mlp-rnn'?); there are: ",
        ),
        (["--task", "copy", "--decoder", "mlprnn"], "unknown decoder 'mlprnn' (did you mean 'mlp-rnn'?); there are: "),
        (
            ["--task", "copy", "--set", "encoder.hiden_size=5"],
            "unknown setting encoder.hiden_size (did you mean 'hidden_size'?); encoder has: hidden_size",
        ),
        (["--task", "copy", "--set", "training.steps=many"], "training.steps must be a whole number (got 'many')"),
        (["--task", "copy", "--set", "training.steps=-5"], "training.steps must be at least 0 (got -5)"),
        (["--task", "copy", "--set", "training.steps"], "--set takes NAME=VALUE, such as training.steps=500 (got 'tr"),
        (["--task", "copy", "--seed", "-1"], "training.seed must be from 0 to 4294967295 (got -1)"),
        ([], "no task chosen: use --task NAME, or set task.name; there are: add, copy, pairs, reverse, sort"),
        (["nowhere.toml"], "can't read nowhere.toml: No such file or directory"),
    ],
)
def test_what_a_run_can_not_use_is_refused(here, tmp_path, options, expected):
    """One line says what can't be used and what can, and no folder is made."""
    message = here("run", *options, "--output", tmp_path / "run").error()
    assert message.startswith(expected)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "--tsak", "copy"], "No such option '--tsak'. Did you mean '--task'?"),
        (["run", "--task"], "Option '--task' requires an argument."),
        (["run", "--task", "copy", "--seed", "x"], "Invalid value for '--seed': 'x' is not a valid integer."),
        (["rnu"], "No such command 'rnu'."),
        (["plugins", "new", "x"], "Missing option '--kind'. Choose from: task, tokenizer, encoder, decoder, metric"),
        (["predict"], "Missing argument 'MODEL'."),
        (
            ["predict", "m.onnx", "--beam-size", "0"],
            "Invalid value for '--beam-size': 0 is not in the range 1<=x<=1000.",
        ),
        (
            ["predict", "m.onnx", "--top-k", 10**23],
            f"Invalid value for '--top-k': {10**23} is not in the range 0<=x<=4294967296.",
        ),
        (
            ["predict", "m.onnx", "--threads", 10**9],
            "Invalid value for '--threads': 1000000000 is not in the range 0<=x<=1024.",
        ),
        (
            ["predict", "m.onnx", "--max-length-ratio", "inf"],
            "Invalid value for '--max-length-ratio': inf is not in the range",
        ),
        (["predict", "m.onnx", "--length-penalty", "nan"], "Invalid value for '--length-penalty': nan is not a finite"),
        (
            ["predict", "m.onnx", "--temperature", "nan"],
            "Invalid value for '--temperature': nan is not a finite number.",
        ),
        (
            ["predict", "m.onnx", "--temperature", "inf"],
            "Invalid value for '--temperature': inf is not a finite number.",
        ),
        *(
            (["predict", "m.onnx", "--features", wrong], "Invalid value for '--features': give the numbers of columns")
            for wrong in ("1", "x", "2,", "", "-2", "9" * 5000)
        ),
        (["predict", "m.onnx", "--feature-separator", ","], "--feature-separator needs --features"),
        (
            ["predict", "m.onnx", "--features", "2", "--feature-separator", ""],
            "--feature-separator must be at least one",
        ),
        (["evaluate", "x", "--split", "tset"], "Invalid value for '--split': 'tset' is not one of 'test', 'validati"),
    ],
)
def test_a_mistake_in_the_usage_ends_with_2(here, arguments, expected):
    """The mistake is named, with what may have been meant."""
    ended = here(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.splitlines()[-1].startswith(f"Error: {expected}")


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 8.00 PiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory: …\nat …")],
)
def test_too_little_memory_is_one_line(here, monkeypatch, error):
    """It says what to lower."""

    def fail(*_):
        raise error

    monkeypatch.setattr(Plugins, "claims", fail)
    message = here("plugins", "list").error()
    assert message.startswith(
        "not enough memory: lower the sizes of a batch, training.batch_size, decoding.batch_size "
    )
    assert message.endswith(f"({str(error).splitlines()[0]})")


@pytest.mark.parametrize(
    "words",
    [["export", "-o"], ["evaluate", "--details"], ["plot", "length", "-o"], ["plot", "states", "-o"]],
    ids=["export", "details", "length", "states"],
)
def test_a_place_that_can_not_be_written_is_refused_at_once(here, copied, words):
    """Before the work whose result would go there: nobody looks at the model, which is damaged."""
    copied.weights_path.write_bytes(b"")
    copied.metrics_path.write_bytes(b"")
    *verb, option = words
    assert here(*verb, copied.folder, option, "nope/x.png").error() == "nope/x.png: there is no folder nope"


def test_a_run_to_start_from_is_looked_for_first(here, tmp_path):
    """Before the data are read, and with its setting's name."""
    data = ["--task", "pairs", "--set", f"task.train={tmp_path / 'missing.tsv'}"]
    message = here("train", *data, "--set", "training.initial_run=nope", "--output", tmp_path / "run").error()
    assert message == "training.initial_run: there is no folder nope"


def test_an_unknown_component_can_not_be_shown(here):
    """The closest name is told."""
    message = here("plugins", "show", "revers").error()
    assert message.startswith("no component is called 'revers' (did you mean 'reverse'?); there are: ")


def test_a_bug_keeps_its_traceback(here, monkeypatch):
    """What no user can put right isn't hidden."""
    monkeypatch.setattr(Plugins, "claims", lambda plugins: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        here("plugins", "list")


@pytest.fixture(params=["predict", "evaluate"])
def use(request, here, tmp_path):
    """Each command that takes a file."""
    words = tmp_path / "words.txt"
    words.write_text("abc\n")
    return lambda path: here(request.param, path, *([words] if request.param == "predict" else []))


@pytest.mark.parametrize("content", [b"", b"hello\n", bytes(1000), b"\xff" * 1000, b"PK\x03\x04"], ids=range(5))
def test_a_file_of_another_kind_is_refused(use, tmp_path, content):
    """What is not an ONNX file is called by its name."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    message = use(path).error()
    assert message.startswith((f"{path} is damaged or is not an ONNX file: ", f"{path} was not made by s2s: "))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(use, file, tmp_path, share):
    """A file of which a part is missing is not answered with."""
    content = file.read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: int(share * len(content))])
    message = use(path).error()
    assert message.startswith((f"{path} is damaged", f"{path} was not made by s2s", f"{path} has damaged metadata"))


def test_a_corrupt_file_is_refused(use, file, tmp_path):
    """Bytes that changed in a name or a size end in one line, be they no UTF-8 or no graph."""
    content = file.read_bytes()
    path = tmp_path / "model.onnx"
    for number in range(1, 13):
        place = number * len(content) // 13
        path.write_bytes(content[:place] + b"\xb1" * 40 + content[place + 40 :])
        ended = use(path)
        if ended.code:
            assert ended.error().startswith(f"{path} ")
        else:
            assert ended.err == f"warning: {path} isn't as s2s proved it: another tool changed it, or it is damaged\n"


def foreign(inputs="source"):
    kind = onnx.TensorProto.STRING
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", [inputs], ["target"])],
        "foreign",
        [onnx.helper.make_tensor_value_info(inputs, kind, [None])],
        [onnx.helper.make_tensor_value_info("target", kind, [None])],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (None, "was not made by s2s: it has no metadata 's2s'"),
        ("{", "has damaged metadata: "),
        ("[]", "has damaged metadata: "),
        ("{}", "has damaged metadata: 'format'"),
        ('{"format": 999}', "has format 999, but this is s2s "),
    ],
)
def test_a_foreign_file_is_refused(use, tmp_path, metadata, expected):
    """An ONNX file that s2s didn't make, or a newer one did, is called so."""
    model = foreign()
    if metadata is not None:
        onnx.helper.set_model_props(model, {METADATA: metadata})
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    assert use(path).error().startswith(f"{path} {expected}")


def test_a_missing_file_is_refused(use, tmp_path):
    """The message says that it can't be read, and why."""
    path = tmp_path / "nowhere.onnx"
    assert use(path).error() == f"can't read {path}: No such file or directory"


@pytest.mark.parametrize("content", [None, b"", "half", b"garbage", b"{}", b"[]", b'{"format": 1}', b'{"format": 999}'])
@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_checkpoint_that_can_not_be_loaded_is_refused(here, copied, name, content, contents):
    """Missing, truncated or foreign weights and descriptions are called so; nothing is changed."""
    path = copied.folder / name
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    before = contents(copied.folder)
    for verb in ("evaluate", "export"):
        message = here(verb, copied.folder).error()
        assert message.startswith(f"{path} ")
        assert ("is missing: train the model first, or go on with --resume" in message) == (content is None)
    assert contents(copied.folder) == before


@pytest.mark.parametrize("content", [None, b"", "half", b"garbage"])
def test_a_state_that_can_not_be_loaded_is_refused(here, copied, content, contents):
    """Resuming from a missing or truncated state is refused; the model is kept."""
    whole = copied.resume_path.read_bytes()
    copied.resume_path.unlink()
    if content is not None:
        copied.resume_path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    before = contents(copied.folder)
    message = here("run", "--resume", "--output", copied.folder).error()
    assert message.startswith(f"{copied.resume_path} is ")
    assert message.endswith("start again with --overwrite")
    assert contents(copied.folder) == before


def test_a_folder_without_a_run_is_refused(here, tmp_path):
    """So is one whose ``run.toml`` is broken."""
    for verb in ("evaluate", "export"):
        assert here(verb, tmp_path).error() == f"{tmp_path} holds no run: it has no run.toml"
    (tmp_path / "run.toml").write_text("[task")
    assert here("evaluate", tmp_path).error().startswith(f"{tmp_path / 'run.toml'} is not a TOML file: ")


def test_the_lines_before_a_bad_one_are_answered(here, s2s, file, tmp_path):
    """A line that isn't UTF-8 is named, after the answers to those before it."""
    path = tmp_path / "words.txt"
    path.write_bytes(b"abc\nh\xc3\xa4\nb\xffc\nabc\n")
    ended = here("predict", file, path)
    assert ended.error() == f"{path}, line 3 is not UTF-8: byte 0xff at position 2"
    assert ended.out.split("\n") == [*load(file)(["abc", "hä"]), ""]
    with path.open("rb") as stream:
        piped = s2s("predict", file, stdin=stream)
    assert piped.error() == "standard input, line 3 is not UTF-8: byte 0xff at position 2"
    assert piped.out == ended.out


def test_an_endless_line_is_refused(command, file):
    """It's given up soon, in little memory, though the writer would go on for ever."""
    endless = [sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('a' * 65536)"]
    with subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        ended = subprocess.run(
            [*command, "predict", file], stdin=writer.stdout, capture_output=True, check=False, timeout=60
        )
        writer.stdout.close()
    assert ended.returncode == 1
    assert ended.stderr == b"error: standard input, line 1 is longer than 1,048,576 bytes\n"
    assert ended.stdout == b""


def test_a_missing_text_file_is_refused(here, file, tmp_path):
    """The message says that it can't be read, and why; so with a folder."""
    path = tmp_path / "nowhere.txt"
    assert here("predict", file, path).error() == f"can't read {path}: No such file or directory"
    assert here("predict", file, tmp_path).error() == f"can't read {tmp_path}: Is a directory"


def test_a_reader_that_goes_away_ends_it_quietly(command, file, tmp_path):
    """``s2s predict … | head -1`` ends like any program whose pipe is closed: no word, exit code 141."""
    words = tmp_path / "words.txt"
    words.write_text("abc\n" * 200_000)
    with subprocess.Popen([*command, "predict", file, words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as talk:
        first = talk.stdout.readline()
        talk.stdout.close()
        talk.wait(timeout=60)
        assert (first.decode(), talk.stderr.read()) == (f"{load(file)(['abc'])[0]}\n", b"")
    assert talk.returncode == 141


def test_a_list_no_one_reads_ends_quietly(command):
    """The same holds where all output comes at the end."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([*command, "plugins", "list"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", ["plugins list", "predict FILE FILE", "train SMALL --output OUTPUT"])
def test_an_output_that_is_closed_is_no_error(command, file, small, tmp_path, arguments):
    """Nothing is written, as with any program."""
    parts = {"FILE": [file], "SMALL": small, "OUTPUT": [tmp_path / "run"]}
    words = [str(word) for part in arguments.split() for word in parts.get(part, [part])]
    if "predict" in words:
        words[-1] = str(tmp_path / "words.txt")
        (tmp_path / "words.txt").write_text("abc\n")
    ended = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command, *words], stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("options", [("predict", "FILE"), ("train", "--task", "pairs", "--set", "task.train=-")])
def test_an_input_that_is_closed_is_an_empty_one(command, file, tmp_path, options):
    """No answers to no lines; and no pairs is an error like that of an empty file."""
    words = [str(file) if word == "FILE" else word for word in options]
    ended = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *command, *words], capture_output=True, check=False, cwd=tmp_path
    )
    assert b"Traceback" not in ended.stderr
    assert (ended.returncode, ended.stdout) == ((0, b"") if "predict" in words else (1, b""))
    assert len(ended.stderr.splitlines()) == ended.returncode


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has it")  # noqa: PTH110  # a device
def test_an_output_that_is_full_is_reported(command, file):
    """What can't be written is not lost silently."""
    for arguments in (["predict", file], ["plugins", "list"]):
        with open("/dev/full", "wb") as full:  # noqa: PTH123  # a device
            ended = subprocess.run(
                [*command, *arguments], input=b"abc\n", stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert (ended.returncode, ended.stderr) == (1, b"error: No space left on device\n")


@contextlib.contextmanager
def no_file_longer_than(size):
    """Makes writing fail, in this process, as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_checkpoint_that_can_not_be_written_ends_training(here, small, tmp_path):
    """The message names the file; what was written before stays whole, and no temporary file is left."""
    folder = tmp_path / "run"
    with no_file_longer_than(10_000):
        ended = here("train", *small, "--output", folder)
    assert ended.error() == f"{folder / 'resume' / 'state.safetensors'}: {os.strerror(errno.EFBIG)}"
    assert sorted(path.name for path in folder.rglob("*")) == [".lock", "model.json", "resume", "run.toml"]


def test_a_file_that_can_not_be_written_ends_export(here, copied, contents):
    """The file that was there stays."""
    before = contents(copied.folder)
    with no_file_longer_than(10_000):
        ended = here("export", copied.folder)
    assert ended.error() == f"{copied.onnx_path}: {os.strerror(errno.EFBIG)}"
    assert contents(copied.folder) == before


@pytest.fixture
def small_disk(tmp_path, exported_run):
    """A file system with room for one checkpoint and half of another."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = int(exported_run.weights_path.stat().st_size + 1.6 * exported_run.resume_path.stat().st_size)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system isn't permitted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_training_goes_on_when_the_disk_has_room_again(here, small, small_disk, exported_run, contents):
    """A disk that fills up in training is one line; the last state is whole and leads to the same result."""
    folder = small_disk / "run"
    message = here("train", *small, "--output", folder).error()
    assert message == f"{folder / 'resume' / 'state.safetensors'}: {os.strerror(errno.ENOSPC)}"
    assert here("evaluate", folder).code == 0
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    assert here("train", "--resume", "--output", folder).code == 0
    assert trained(contents(folder)) == trained(contents(exported_run.folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(here, small, tmp_path):
    """The message names it."""
    tmp_path.chmod(0o555)
    assert here("train", *small, "--output", tmp_path / "run").error() == f"{tmp_path / 'run'}: Permission denied"


def test_a_file_in_the_folder_s_place_is_refused(here, small, tmp_path):
    """What isn't a folder can't hold a run."""
    (tmp_path / "run").touch()
    assert here("train", *small, "--output", tmp_path / "run").code == 2
    message = here("train", *small, "--output", tmp_path / "run" / "below").error()
    assert message == f"{tmp_path / 'run' / 'below'}: Not a directory"


@pytest.fixture
def hold(tmp_path, command):
    """Starts a command in a process group of its own, holds it at a moment, and does something to it there."""
    site = tmp_path / "site"
    info = site / "s2s_waiting-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: s2s-waiting\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[s2s]\ns2s_waiting = s2s_waiting\n")
    (site / "s2s_waiting.py").write_text(WAITING)

    def held(*arguments, at, then):
        environment = {**os.environ, "PYTHONPATH": str(site), "WAITING": str(site), "WAITING_AT": at}
        started = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        with started as process:
            while not (site / "reached").exists():
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            then(process.pid)
            (site / "go").touch()
            _, told = process.communicate(timeout=60)
        return process.returncode, told

    return held


def trained(files):
    """Returns what training alone leaves of a run's files."""
    log = [line for line in files["metrics.jsonl"].splitlines() if b'"test"' not in line]
    kept = ("run.toml", "model.json", "model.safetensors", "resume/state.safetensors")
    return {name: files[name] for name in kept} | {"metrics.jsonl": log}


def twice(number):
    """Sends a process group a signal, and again when the first one has been taken."""

    def send(group):
        os.killpg(group, number)
        time.sleep(0.5)
        os.killpg(group, number)

    return send


@pytest.mark.parametrize(
    ("then", "code", "expected"),
    [
        (lambda group: os.killpg(group, signal.SIGINT), 130, STOPPED),
        (lambda group: os.kill(group, signal.SIGTERM), 143, STOPPED),
        (lambda group: os.kill(group, signal.SIGHUP), 129, STOPPED),
        (twice(signal.SIGINT), 130, "error: interrupted"),
        (lambda group: os.kill(group, signal.SIGKILL), -signal.SIGKILL, ""),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP", "Ctrl-C twice", "SIGKILL"],
)
def test_a_stopped_training_goes_on(hold, here, small, exported_run, contents, tmp_path, then, code, expected):
    """However training is stopped, a whole checkpoint is left, and ``--resume`` ends with the same bits."""
    folder = tmp_path / "run"
    ended, told = hold("train", *small, "--output", folder, at="60", then=then)
    assert ended == code
    lines = [line for line in told.splitlines() if line]
    assert [line[: len(expected)] for line in lines] == [expected] * bool(expected)

    assert here("evaluate", folder, "--json").code == 0
    resumed = here("train", "--resume", "--output", folder)
    assert resumed.code == 0, resumed
    assert trained(contents(folder)) == trained(contents(exported_run.folder))


def test_nohup_keeps_training_alive(hold, small, tmp_path):
    """A terminal that is closed is nothing to a command that is told to ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended, told = hold(
            "train", *small, "--output", tmp_path / "run", at="60", then=lambda group: os.kill(group, signal.SIGHUP)
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (ended, told) == (0, "")


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3])
def test_ctrl_c_while_starting_is_no_traceback(command, moment):
    """Python itself takes a moment in which nobody can catch it; from then on, a line tells."""
    with subprocess.Popen(
        [*command, "plugins", "list"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        time.sleep(0.05 + moment)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert b"s2s_core/cli" not in told
    assert process.returncode in {0, 130, -signal.SIGINT}


@pytest.mark.parametrize("moment", ["evaluate", "export"])
def test_ctrl_c_after_training_says_how_to_go_on(here, copied, monkeypatch, moment):
    """The model is there already; what is left is done by resuming."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"s2s_core.pipeline.run.{moment}", interrupted)
        ended = here("run", "--resume", "--output", copied.folder)
    assert ended.error(130) == (
        f"interrupted; the model is trained, and evaluated and exported by s2s run --resume --output {copied.folder}"
    )


def test_nobody_writes_to_a_run_that_is_being_exported(here, copied, command, monkeypatch):
    """Its folder is locked until its card is written."""
    told = []

    def other(*_, **__):
        overwriting = [*command, "train", copied.settings_path, "--overwrite", "--output", copied.folder]
        told.append(subprocess.run(overwriting, capture_output=True, text=True, check=False).stderr)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("s2s_core.pipeline.run.export", other)
        here("run", "--resume", "--output", copied.folder)
    assert f"{copied.folder} is being written by process {os.getpid()}" in told[0]


def test_a_terminal_that_lacks_a_character_gets_an_escape(s2s, small, tmp_path):
    """As Windows may lack the arrow between encoder and decoder."""
    ended = s2s("train", *small, "--output", tmp_path / "run", env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"^model .* \\u2192 ", ended.out, re.MULTILINE)


def test_a_run_that_diverges_is_one_line(here, small, tmp_path):
    """The message says what happened at which step, and what to try."""
    options = ["--set", "training.learning_rate=1e30", "--set", "training.clip_norm=0"]
    message = here("train", *small, *options, "--output", tmp_path / "run").error()
    assert message.startswith("training diverged: ")
    assert "start again with --overwrite and a lower training.learning_rate than 1e+30, or" in message


def test_ctrl_c_ends_answering(command, file):
    """``s2s predict`` that waits for lines ends in one line, with exit code 130."""
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "predict", file], start_new_session=True, **options) as process:
        process.stdin.write("abc\n")
        process.stdin.flush()
        assert process.stdout.readline()  # it has started
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.split() == ["error:", "interrupted"]
