"""``s2s plugins new`` writes a plugin that others could publish as it is, or writes nothing."""

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from s2s_core.plugins.registry import KINDS
from s2s_core.plugins.scaffold import LICENCES, Project
from s2s_core.version import __version__

ROOT = Path(__file__).parents[2]
KEPT = ("I001", "ARG002", "RUF012", "S101", "S311", "SIM905")
"""What ruff may find: our strictest rules are no reason for more words in what others read first."""

SMALL = {
    "training.steps": 20,
    "training.validate_every": 20,
    "training.batch_size": 16,
    "decoding.max_length": 8,
    "encoder.hidden_size": 8,
    "decoder.hidden_size": 8,
}


SEVERAL = """
import json, sys
from s2s_core.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["s2s", *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""
"""Runs commands in one process, which saves importing PyTorch for each."""


def name_of(kind):
    """Returns what these tests call a component."""
    return f"my-{kind}"


def settings(kind):
    """Returns the options that make a run small."""
    smaller = {"task.largest": 999} if kind == "task" else {"task.maximum_length": 3, "task.held_out": 20}
    return [word for name, value in (SMALL | smaller).items() for word in ("--set", f"{name}={value}")]


def site_packages(folder):
    """Returns where an environment's packages are."""
    return next((folder / "lib").glob("python*/site-packages"))


@pytest.fixture(scope="module")
def written(s2s, tmp_path_factory):
    """A folder with a project of each kind, and what the commands printed."""
    folder = tmp_path_factory.mktemp("written")
    ended = {kind: s2s("plugins", "new", name_of(kind), "--kind", kind, cwd=folder) for kind in KINDS}
    assert all(each.code == 0 for each in ended.values()), ended
    return folder, {kind: each.out for kind, each in ended.items()}


@pytest.fixture(scope="module")
def python(written, tmp_path_factory):
    """Runs Python in an environment where the projects are installed, beside all that is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    here = [f"import site; site.addsitedir({path!r})\n" for path in sys.path if path.endswith("site-packages")]
    (site_packages(folder) / "here.pth").write_text("".join(here))

    def run(*arguments, **options):
        command = [folder / "bin" / "python", "-m", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, encoding="utf-8", **options)

    projects = [word for kind in KINDS for word in ("-e", written[0] / f"s2s-{name_of(kind)}")]
    installed = run("pip", "install", "--no-index", "--no-deps", "--no-build-isolation", *projects)
    assert installed.returncode == 0, installed
    return run


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_a_new_project_pass(written, python, kind):
    """As they were generated: each promise is an item of pytest, and the component's own behaviour is one more."""
    ended = python("pytest", "-q", "-W", "error", cwd=written[0] / f"s2s-{name_of(kind)}")
    assert ended.returncode == 0, ended.stdout
    assert "passed" in ended.stdout


def test_new_components_are_found(python, tmp_path):
    """They are listed as any other, without a problem, and their settings are shown."""
    listed = python("s2s_core", "plugins", "list", "--json", cwd=tmp_path)
    found = json.loads(listed.stdout)
    assert found["problems"] == []
    expected = {(kind, name_of(kind), f"s2s-{name_of(kind)}", "0.1.0", "ok") for kind in KINDS}
    columns = ("kind", "name", "distribution", "version", "status")
    assert expected <= {tuple(row[column] for column in columns) for row in found["components"]}


@pytest.mark.parametrize("kind", KINDS)
def test_settings_of_a_new_component_are_shown(python, kind):
    """Each has one at least, with a meaning and bounds, and the component says what it is."""
    shown = python("s2s_core", "plugins", "show", name_of(kind), "--json")
    (described,) = json.loads(shown.stdout)
    assert described["summary"]
    assert described["settings"]
    assert all(setting["meaning"] for setting in described["settings"])
    assert described["settings"][-1]["allowed"]


def test_what_the_commands_say_to_type_trains_models(written, python, tmp_path):
    """The last line of what each prints, here with small sizes and without the export, which takes longest."""
    typed = {kind: shlex.split(printed.splitlines()[-1]) for kind, printed in written[1].items()}
    assert all(words[:2] == ["s2s", "run"] for words in typed.values())
    lines = [["train", *typed[kind][2:], *settings(kind), "--output", kind] for kind in KINDS]
    (tmp_path / "several.py").write_text(SEVERAL)
    ended = python("several", json.dumps(lines), cwd=tmp_path)
    assert ended.returncode == 0, ended
    for kind in KINDS:
        used = json.loads((tmp_path / kind / "model.json").read_text(encoding="utf-8"))["plugins"]
        assert f"s2s-{name_of(kind)}" in {plugin["distribution"] for plugin in used}


def test_new_components_make_an_exported_file(python, tmp_path):
    """All five work together, and their file answers as their model does."""
    parts = [word for kind in ("task", "encoder", "decoder") for word in (f"--{kind}", name_of(kind))]
    for setting in ("source.tokenizer=my-tokenizer", "evaluation.metrics=['my-metric']", "export.parity_examples=2"):
        parts += ["--set", setting]
    ended = python("s2s_core", "run", *parts, *settings("task"), "--output", "run", cwd=tmp_path)
    assert ended.returncode == 0, ended
    assert re.search(r"^test +[\d,]+ lines: my-metric \d", ended.stdout, re.MULTILINE)
    assert re.search(r"^proof .* equal PyTorch's", ended.stdout, re.MULTILINE)
    assert (tmp_path / "run" / "model.onnx").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_shows_what_the_command_says(written, kind):
    """The same commands, and every file that it names is there."""
    folder = written[0] / f"s2s-{name_of(kind)}"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    lines = written[1][kind].splitlines()
    steps = [line.strip() for line in lines[lines.index("next:") + 2 :]]
    assert [step for step in steps if step not in readme.splitlines()] == []
    named = re.findall(r"^\| `([^`]+)` \|", readme, re.MULTILINE)
    assert len(named) == 4
    assert all((folder / name).is_file() for name in named)
    assert "$" not in readme


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_command_lists_is_what_it_wrote(written, contents, kind):
    """Every file, each ending with one line end, without a placeholder that was left."""
    folder = written[0] / f"s2s-{name_of(kind)}"
    listed = [line.strip() for line in written[1][kind].splitlines() if line.startswith(f"  {folder.name}/")]
    paths = {path for path in contents(folder) if "__pycache__" not in path and ".pytest_cache" not in path}
    assert {f"{folder.name}/{path}" for path in paths} == set(listed)
    for path in paths:
        text = (folder / path).read_text(encoding="utf-8")
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), path
        assert "$" not in text.replace("${{ matrix.python }}", ""), path


def test_new_code_is_clean(written):
    """Ruff finds nothing with our own strict rules, but for a few, and changes no layout."""
    config = ("--config", ROOT / "pyproject.toml", "--no-cache")
    for rules in (("check", "--ignore", ",".join(KEPT)), ("format", "--check")):
        ended = subprocess.run(
            [sys.executable, "-m", "ruff", *rules, *config, written[0]], capture_output=True, check=False, text=True
        )
        assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_new_imports_are_in_order(written, kind):
    """As ruff wants them in the project itself, to which the core is another package like any other."""
    options = ("--isolated", "--no-cache", "--select", "I", "--line-length", "120")
    command = [sys.executable, "-m", "ruff", "check", *options, "."]
    folder = written[0] / f"s2s-{name_of(kind)}"
    ended = subprocess.run(command, capture_output=True, check=False, text=True, cwd=folder)
    assert ended.returncode == 0, ended.stdout


def test_new_code_is_typed(written):
    """Mypy finds nothing in strict mode."""
    files = [path for kind in KINDS for path in written[0].glob(f"s2s-{name_of(kind)}/s2s_*/{kind}.py")]
    assert len(files) == len(KINDS)
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *files], capture_output=True, check=False, text=True, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", ["class", "con", "tokenizer", "a", "x1", "two_words", "a-b_c", "z" * 50])
@pytest.mark.parametrize("kind", KINDS)
def test_every_name_that_is_allowed_gives_code(name, kind):
    """Whatever it means elsewhere: all that is derived from it has a prefix or an ending."""
    files = Project(name, kind).files()
    package = "s2s_" + name.replace("-", "_")
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")
        assert len(path) < 200
    assert {f"{package}/__init__.py", f"{package}/{kind}.py", f"{package}/py.typed"} <= set(files)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == package.replace("_", "-")
    assert project["entry-points"]["s2s"] == {package: package}


def test_a_new_project_needs_this_version_or_a_newer_one():
    """Both where it runs and where it's tested."""
    project = tomllib.loads(Project("x", "task").files()["pyproject.toml"])["project"]
    minor = ".".join(__version__.split(".")[:2])
    assert project["dependencies"] == ["attrs", f"s2s-toolkit>={minor}"]
    assert f"s2s-toolkit[train]>={minor}" in project["optional-dependencies"]["test"]


@pytest.mark.parametrize("licence", LICENCES)
def test_the_licence_is_the_chosen_one(licence):
    """Its text names the author, ``pyproject.toml`` its identifier; without a licence there is neither."""
    files = Project("x", "task", licence, 'Ada "Countess" Lovelace\\').files()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["authors"] == [{"name": 'Ada "Countess" Lovelace\\'}]
    if licence == "none":
        assert "LICENSE" not in files
        assert "license" not in project
        assert "None yet." in files["README.md"]
        return
    assert project["license"].lower() == licence
    assert re.search(r'Copyright (\(c\) )?20\d\d,? Ada "Countess" Lovelace\\\n', files["LICENSE"])
    assert files["README.md"].endswith(f"[{project['license']}](LICENSE)\n")


def test_the_apache_licence_is_ours_with_the_author_in_it():
    """Nothing else in its text differs from what this project has."""
    ours = (ROOT / "LICENSE").read_text(encoding="utf-8")
    theirs = Project("x", "task", "apache-2.0", "[name of copyright owner]").files()["LICENSE"]
    assert ours == re.sub(r"Copyright 20\d\d", "Copyright [yyyy]", theirs)


def test_the_author_is_whom_git_knows(here, monkeypatch, tmp_path):
    """Unless ``--author`` says who; without either, nobody is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Grace Hopper\n")

    def authors(name, *options):
        assert here("plugins", "new", name, "--kind", "metric", "--licence", "mit", *options).code == 0
        folder = tmp_path / f"s2s-{name}"
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        return project.get("authors"), (folder / "LICENSE").read_text().splitlines()[2].partition(" 20")[2][3:]

    assert authors("one") == ([{"name": "Grace Hopper"}], "Grace Hopper")
    assert authors("two", "--author", "Ada Lovelace") == ([{"name": "Ada Lovelace"}], "Ada Lovelace")
    (tmp_path / "gitconfig").write_text("")
    assert authors("three") == (None, "the authors of s2s-three")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert authors("four") == (None, "the authors of s2s-four")


RULE = "NAME must be lower-case letters and digits, in words joined by '-' or '_', and begin with a letter"


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("", ""),
        ("3d", "d"),
        ("PhoneBook", "phone-book"),
        ("phone book", "phone-book"),
        ("café", "cafe"),
        ("日本", ""),
        ("../evil", "evil"),
        ("..", ""),
        ("a/b", "a-b"),
        ("a\\b", "a-b"),
        ("a--b", "a-b"),
        ("a-", "a"),
        ("_a", "a"),
        ("a\n", "a"),
        ("$name", "name"),
    ],
)
def test_a_name_that_is_no_package_is_refused(here, monkeypatch, tmp_path, name, likely):
    """With the rule and, where one is near, a name that would do; nothing is written."""
    monkeypatch.chdir(tmp_path)
    message = here("plugins", "new", "--kind", "task", "--", name).error()
    assert message == f"{RULE} (got {name!r})" + (f" (did you mean {likely!r}?)" if likely else "")
    assert list(tmp_path.iterdir()) == []


TAKEN = f"there is a task 'reverse' already, of s2s-toolkit {__version__}: choose another name, or uninstall that one"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("task", "reverse", TAKEN),
        ("encoder", "toolkit", "a distribution s2s-toolkit is installed already: choose another name, or uninstall it"),
        ("metric", "core", "a package s2s_core is installed already: choose another name, or uninstall it"),
        ("metric", "z" * 51, f"NAME must have at most 50 characters (got 51: {'z' * 51!r})"),
    ],
)
def test_a_name_that_is_taken_or_long_is_refused(here, monkeypatch, tmp_path, kind, name, message):
    """By a component, a distribution or a package; nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert here("plugins", "new", name, "--kind", kind).error() == message
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_is_free(here, monkeypatch, tmp_path):
    """As an encoder and a decoder may have one name, so may a metric and a task."""
    monkeypatch.chdir(tmp_path)
    assert here("plugins", "new", "reverse", "--kind", "metric").code == 0


def test_a_folder_whose_name_no_terminal_shows_is_written(s2s, tmp_path):
    """What is printed of it is readable."""
    folder = os.fsencode(tmp_path) + b"/\xff"
    ended = s2s("plugins", "new", "x", "--kind", "task", "--output", os.fsdecode(folder), env=strict_utf8())
    assert (0, "") == (ended.code, ended.err)
    assert f"{tmp_path}/\N{REPLACEMENT CHARACTER}/pyproject.toml\n" in ended.out
    assert Path(os.fsdecode(folder), "pyproject.toml").exists()


def strict_utf8():
    """Returns an environment in which standard output takes Unicode alone, as most people's."""
    return {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}


def test_an_author_of_two_lines_is_refused(here, monkeypatch, tmp_path):
    """It would break the files that it stands in."""
    monkeypatch.chdir(tmp_path)
    message = here("plugins", "new", "x", "--kind", "task", "--author", "a\nb").error()
    assert message == "the author must be one line of printable characters (got 'a\\nb'): use --author"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_exists_is_left_as_it_is(here, tmp_path, make):
    """Be it a folder or a link that leads nowhere."""
    make(tmp_path / "mine")
    message = here("plugins", "new", "x", "--kind", "task", "--output", tmp_path / "mine").error()
    assert message == f"{tmp_path / 'mine'} exists already: give another folder with --output"
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_a_project_needs_a_folder_to_stand_in(here, tmp_path):
    """Folders above it aren't made."""
    folder = tmp_path / "nope" / "mine"
    message = here("plugins", "new", "x", "--kind", "task", "--output", folder).error()
    assert message == f"{folder}: there is no folder {folder.parent}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(here, tmp_path):
    """The message names the project's folder."""
    tmp_path.chmod(0o555)
    message = here("plugins", "new", "x", "--kind", "task", "--output", tmp_path / "mine").error()
    assert message == f"{tmp_path / 'mine'}: Permission denied"


def test_half_a_project_is_taken_away(here, tmp_path):
    """Where a file can't be written whole, nothing is left, and the message names the project's folder."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        message = here("plugins", "new", "x", "--kind", "task", "--output", tmp_path / "mine").error()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert message == f"{tmp_path / 'mine'}: File too large"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_project_is_taken_away(monkeypatch, tmp_path):
    """Ctrl-C while files are written leaves nothing."""
    written = []
    write = Path.write_text

    def interrupted(self, *arguments, **options):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(self)
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Project("x", "task").write(tmp_path / "mine")
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_as_any_other(tmp_path):
    """Others may read it where they may read what this user makes."""
    Project("x", "task").write(tmp_path / "mine")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "mine").stat().st_mode == (tmp_path / "other").stat().st_mode
