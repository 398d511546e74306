"""The example projects, each built and installed from its wheel, as anybody's plugin."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import attrs
import numpy as np
import onnxruntime
import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PROJECTS = ("dates", "minimal-gated")

BRIEF = {
    "source.embedding_size": 8,
    "target.embedding_size": 8,
    "encoder.hidden_size": 8,
    "decoder.hidden_size": 8,
    "training.steps": 2,
    "training.batch_size": 8,
    "export.parity_examples": 2,
}
"""Settings with which a run ends soon, whatever it learns."""


@attrs.frozen
class Environment:
    """A place where Python is installed.

    Attributes:
        folder: Its own.
    """

    folder: Path

    def run(self, *words, folder, **options):
        """Runs a command of the environment in a folder, with nothing of the source tree; it must end well."""
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [self.folder / "bin" / words[0], *words[1:]]
        ended = subprocess.run(
            command, check=False, cwd=folder, env=variables, capture_output=True, encoding="utf-8", **options
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory, distributions):
    """A new environment with our wheel and the examples'; all other packages are those of the tests' own."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    made = Environment(folder / "venv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    copies = [shutil.copytree(EXAMPLES / name, folder / name) for name in PROJECTS]  # a build may leave files behind
    build = ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, *copies]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    install = ["--python", made.folder, "install", "--no-index", "--no-deps", distributions[0], *folder.glob("*.whl")]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    # Python doesn't process the .pth files of a folder that it knows from such a file, so nothing editable is seen.
    (site,) = made.folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def finished(tmp_path_factory, environment):
    """The folder in which ``s2s run`` has trained both examples for a moment."""
    folder = tmp_path_factory.mktemp("finished")
    settings = [word for name, value in BRIEF.items() for word in ("--set", f"{name}={value}")]
    environment.run("s2s", "run", "--task", "dates", *settings, "--output", "dates", folder=folder)
    cell = ("--task", "reverse", "--encoder", "minimal-gated", "--set", "task.held_out=20")
    environment.run("s2s", "run", *cell, *settings, "--output", "cell", folder=folder)
    return folder


def test_examples_are_listed_as_their_own_distributions(environment, tmp_path):
    """``s2s plugins list`` finds what they offer, by their own names and versions, next to ours."""
    listed = json.loads(environment.run("s2s", "plugins", "list", "--json", folder=tmp_path))
    assert [] == listed["problems"]
    found = {
        (row["kind"], row["name"], row["distribution"], row["version"])
        for row in listed["components"]
        if row["distribution"] != "s2s-toolkit"
    }
    assert {
        ("task", "dates", "s2s-dates", "0.1.0"),
        ("metric", "day_error", "s2s-dates", "0.1.0"),
        ("encoder", "minimal-gated", "s2s-minimal-gated", "0.1.0"),
        ("decoder", "minimal-gated", "s2s-minimal-gated", "0.1.0"),
    } == found


@pytest.mark.parametrize("name", PROJECTS)
def test_examples_pass_their_own_tests(environment, tmp_path, name):
    """Each keeps its promises and passes its other tests, where only its wheel is installed."""
    shutil.copytree(EXAMPLES / name / "tests", tmp_path / "tests")
    shutil.copy(EXAMPLES / name / "pyproject.toml", tmp_path)
    environment.run("python", "-m", "pytest", "-q", folder=tmp_path)


@pytest.mark.parametrize(("name", "source"), [("dates", "3rd of March 1987"), ("cell", "hello")])
def test_examples_export_files_that_need_nothing_of_them(finished, name, source):
    """ONNX Runtime alone answers with the exported file."""
    session = onnxruntime.InferenceSession(finished / name / "model.onnx")
    (answers,) = session.run(["target"], {"source": np.array([source, ""], object)})
    assert (2,) == answers.shape
    assert all(isinstance(answer, str) for answer in answers)


def test_examples_are_recorded(finished):
    """A run says which distributions it needs."""
    recorded = {
        name: {record["distribution"] for record in json.loads((finished / name / "model.json").read_text())["plugins"]}
        for name in ("dates", "cell")
    }
    assert {"dates": {"s2s-dates", "s2s-toolkit"}, "cell": {"s2s-minimal-gated", "s2s-toolkit"}} == recorded


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("evaluate", "dates"), "task 'dates' isn't installed: pip install s2s-dates==0.1.0"),
        (("evaluate", "dates/model.onnx"), "task 'dates' isn't installed: pip install s2s-dates==0.1.0"),
        (("export", "cell"), "encoder 'minimal-gated' isn't installed: pip install s2s-minimal-gated==0.1.0"),
        (
            ("run", "--resume", "--output", "cell"),
            "encoder 'minimal-gated' isn't installed: pip install s2s-minimal-gated==0.1.0",
        ),
    ],
)
def test_what_a_run_needs_is_named_and_not_imported(s2s, finished, tmp_path, arguments, expected):
    """Where an example isn't installed, its run says what to install, and leaves alone what else has its name."""
    for package in ("s2s_dates", "s2s_minimal_gated"):
        (tmp_path / f"{package}.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    asked = s2s(*arguments, cwd=finished, env={**os.environ, "PYTHONPATH": path})
    assert expected == asked.error()


def test_a_file_answers_where_its_plugins_are_missing(s2s, finished):
    """An exported file needs nothing of the plugins that made it."""
    answered = s2s("predict", finished / "cell" / "model.onnx", input="hello\nworld\n")
    assert (0, 2, "") == (answered.code, len(answered.out.splitlines()), answered.err)
