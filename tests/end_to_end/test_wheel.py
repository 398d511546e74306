"""The built distribution, installed into an empty environment."""

import json
import os
import shutil
import subprocess
import tarfile
import venv
import zipfile
from itertools import chain
from pathlib import Path

import pytest

from s2s_core.runtime.file import load

ROOT = Path(__file__).parents[2]
PACKAGES = [
    ROOT / "s2s_core",
    *(folder for name in ("plugins", "tasks") for folder in (ROOT / name).iterdir() if folder.is_dir()),
]


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory, distributions):
    """An environment with the wheel and what it requires, and nothing for training."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    constraints = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", distributions[0]]
    subprocess.run(install, check=True, env=constraints)
    return folder


def run(folder, *arguments, **options):
    """Runs ``s2s`` of an environment, away from the source tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [folder / "bin" / "s2s", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment, **options)


def test_wheel_holds_every_package_and_the_licence(distributions):
    """The wheel has the core, each plugin and task, the type marker, the licence, and nothing else."""
    names = zipfile.ZipFile(distributions[0]).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {folder.name for folder in PACKAGES}
    assert {f"{folder.name}/py.typed" for folder in PACKAGES} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_holds_every_module_of_the_source_tree(distributions):
    """No module is left out of the wheel."""
    names = set(zipfile.ZipFile(distributions[0]).namelist())
    expected = {path.relative_to(folder.parent).as_posix() for folder in PACKAGES for path in folder.rglob("*.py")}
    assert expected - names == set()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_distributions_hold_what_is_no_module(distributions, kind):
    """Every template of a plugin, and what web pages are made of, is in both."""
    if kind == "wheel":
        names = set(zipfile.ZipFile(distributions[0]).namelist())
    else:
        with tarfile.open(distributions[1]) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
    folders = [ROOT / "s2s_core" / "plugins" / "scaffold" / "templates", ROOT / "s2s_core" / "pipeline" / "page"]
    files = [[path for path in folder.rglob("*") if path.is_file()] for folder in folders]
    assert all(files)
    assert {path.relative_to(ROOT).as_posix() for path in chain(*files)} - names == set()


def test_sdist_holds_what_a_packager_needs(distributions):
    """The sdist has the sources, the tests and the licence."""
    with tarfile.open(distributions[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "Makefile", "constraints.txt", "plugins/s2s_mlp_rnn/encoder.py"} <= names
    assert "tests/end_to_end/test_wheel.py" in names
    assert {"docs/examples/dates/s2s_dates/task.py", "docs/examples/minimal-gated/tests/test_conformance.py"} <= names


def test_base_install_lists_components_without_torch(empty_environment):
    """Listing works where nothing for training is installed, and finds our plugins through their entry points."""
    listed = run(empty_environment, "plugins", "list", "--json")
    names = {(row["kind"], row["name"]) for row in json.loads(listed.stdout)["components"]}
    assert {("task", "reverse"), ("encoder", "mlp-rnn"), ("decoder", "mlp-rnn"), ("tokenizer", "words")} <= names
    assert not list((empty_environment / "lib").glob("python*/site-packages/torch"))


def test_base_install_writes_a_new_plugin(empty_environment, tmp_path):
    """It needs nothing for training."""
    ended = run(empty_environment, "plugins", "new", "mine", "--kind", "encoder", "--output", tmp_path / "mine")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "mine" / "s2s_mine" / "encoder.py").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--task", "reverse", "--encoder", "mlp-rnn"),
        ("train", "--task", "reverse"),
        ("plugins", "show", "mlp-rnn"),
    ],
)
def test_base_install_says_what_training_needs(empty_environment, arguments):
    """Asking for what needs PyTorch names the extra to install, in one line and without a traceback."""
    asked = run(empty_environment, *arguments)
    assert asked.returncode == 1
    assert 'pip install "s2s-toolkit[train]"' in asked.stderr
    assert "Traceback" not in asked.stderr


def test_base_install_runs_an_exported_file(empty_environment, exported_run):
    """The file answers in an environment without PyTorch and ONNX as it does here."""
    words = ["abc", "", "ba", "☃"]
    file = shutil.copy(exported_run.onnx_path, empty_environment / "model.onnx")
    answered = run(empty_environment, "predict", file, input="".join(word + "\n" for word in words))
    assert answered.stdout.splitlines() == load(exported_run.onnx_path)(words)


def test_base_install_evaluates_an_exported_file(empty_environment, exported_run):
    """A file can be scored without PyTorch."""
    evaluated = run(empty_environment, "evaluate", exported_run.onnx_path, "--json")
    assert set(json.loads(evaluated.stdout)["scores"]) == {"exact_match", "token_accuracy", "edit_distance"}
