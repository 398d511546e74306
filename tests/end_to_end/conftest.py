"""What these tests share: the command line, in a process of its own or in this one, and one small finished run."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import attrs
import pytest

from s2s_core.cli.main import main
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

ROOT = Path(__file__).parents[2]

SMALL = {
    "encoder.hidden_size": 64,
    "decoder.hidden_size": 64,
    "task.alphabet": "abcdefgh",
    "task.maximum_length": 3,
    "task.held_out": 20,
    "training.steps": 90,
    "training.validate_every": 30,
    "training.batch_size": 64,
    "training.learning_rate": 0.003,
    "training.warmup_steps": 10,
    "decoding.max_length": 8,
}
"""Trained in a moment, but far enough to answer some words rightly and no two alike."""


@attrs.frozen
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
    """

    code: int
    out: str
    err: str

    def error(self, code=1):
        """Returns the one line with which a command refused to work; anything else is a failure."""
        assert self.code == code, self
        (line,) = self.err.splitlines()
        assert line.startswith("error: "), self
        return line.removeprefix("error: ")


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """The wheel and the sdist; ``make test`` has built them already."""
    folder = ROOT / "dist"
    if not list(folder.glob("*.whl")):
        folder = tmp_path_factory.mktemp("dist")
        subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def command():
    """The words that start ``s2s``. Like its script, they find no module in the current folder."""
    return [sys.executable, "-P", "-m", "s2s_core"]


@pytest.fixture(scope="session")
def small():
    """The options of a small run, but its folder."""
    return ["--task", "reverse", *(word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))]


@pytest.fixture(scope="session")
def s2s(command):
    """Runs ``s2s`` in a process of its own."""

    def run(*arguments, **options):
        ended = subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, check=False, encoding="utf-8", **options
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs ``s2s`` in this process, which saves the import of PyTorch."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["s2s", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def first_run(s2s, small, tmp_path_factory):
    """The folder of a run by ``s2s run``, and how the command ended. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    return folder, s2s("run", *small, "--output", folder)


@pytest.fixture(scope="session")
def exported_run(first_run):
    """A small run that is trained, evaluated and exported. Tests leave it as it is."""
    folder, ended = first_run
    assert ended.code == 0, ended
    return Run.open(folder, Plugins())


@pytest.fixture(scope="session")
def contents():
    """Returns what a folder holds: every file's content by its path."""

    def read(folder):
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return read


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs plugins of one module, which has the name of its distribution and of its entry point."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)

    def write(name, source, part="", *, distribution=None):
        distribution = distribution or name.replace("_", "-")
        info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[s2s]\n{name} = {name}\n")
        (folder / f"{name}.py").write_text("from s2s_core import hookimpl\n" + dedent(source))
        if part:
            (folder / f"{name}_part.py").write_text(part)

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
