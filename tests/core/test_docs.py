"""The documentation names everything that exists, and its links and examples work."""

import importlib.metadata
import inspect
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import attrs
import pytest

from s2s_core import config, hookspecs
from s2s_core.cli.main import main
from s2s_core.plugins import Plugins
from s2s_core.settings import type_name
from s2s_core.testing import Subject, examine

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(set(DOCS.rglob("*.md")) - set(DOCS.rglob("node_modules/**/*.md"))),
]

TABLES = {
    "source": config.SourceConfig,
    "target": config.TargetConfig,
    "training": config.TrainingConfig,
    "decoding": config.DecodingConfig,
    "evaluation": config.EvaluationConfig,
    "export": config.ExportConfig,
}
COMPONENT_TABLES = {"task": "task", "tokenizer": "source.tokenizer", "encoder": "encoder", "decoder": "decoder"}

NAMED_BLOCK = re.compile(r"^```(?:python|toml)\n# (?P<name>\S+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def page(name: str) -> str:
    """Returns a page's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def setting_rows(prefix: str, cls: type) -> set[str]:
    """Returns the lines that document a class's settings."""
    return {
        f"| `{prefix}.{field.name}` | {type_name(field)} | `{json.dumps(field.default, ensure_ascii=False)}` "
        f"| {field.metadata['help']} |"
        for field in attrs.fields(cls)
        if "help" in field.metadata
    }


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


OUR_PLUGINS = [path.name for folder in ("plugins", "tasks") for path in (ROOT / folder).iterdir() if path.is_dir()]


def table_names(text: str) -> list[str]:
    """Returns the first column of a page's tables, without their heads."""
    return re.findall(r"^\| `?([\w-]+)`? \|", text, re.MULTILINE)


def requirement_names(requirements: list[str]) -> list[str]:
    """Returns the packages that are asked for."""
    return sorted(re.match(r"[\w-]+", requirement).group() for requirement in requirements)


def test_configuration_names_every_setting_with_its_default():
    """``configuration.md`` has a line for each setting of the core and of its plugins, and no other."""
    expected = set().union(*(setting_rows(table, cls) for table, cls in TABLES.items()))
    plugins = Plugins(environment={"S2S_PLUGINS": ",".join(("s2s_core", *OUR_PLUGINS))})
    for claim in plugins.claims():
        component = plugins.component(claim.kind, claim.name)
        expected |= setting_rows(COMPONENT_TABLES.get(claim.kind, claim.name), component.Config)
    setting = re.compile(r"\| `[a-z]+\.[\w.]+` \| \w+( or \w+)* \|")
    found = {line for line in page("configuration.md").splitlines() if setting.match(line)}
    assert expected == found


def test_every_table_of_a_run_is_known_to_these_tests():
    """A new table or component of a run needs a line in ``TABLES`` or ``COMPONENT_TABLES``."""
    assert {*TABLES, "task", "encoder", "decoder"} == {field.name for field in attrs.fields(config.RunConfig)}


def refusals(text):
    """Returns the commands that a page shows to be refused, with what they print."""
    shown = re.findall(r"^\$ s2s (.+)\n(error: (?:(?!```|\$ ).*\n)+)", text, re.MULTILINE)
    return [pytest.param(*each, id=each[0]) for each in shown]


@pytest.mark.parametrize(("arguments", "printed"), refusals(page("configuration.md")))
def test_errors_are_those_that_the_commands_print(arguments, printed, monkeypatch, tmp_path, capsys):
    """The commands of ``configuration.md`` that are refused print what stands under them, and write nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["s2s", *shlex.split(arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (1, printed) == (ended.value.code, capsys.readouterr().err)
    assert [] == list(tmp_path.iterdir())


def test_errors_are_shown():
    """There are some to run above."""
    assert len(refusals(page("configuration.md"))) == 3


@pytest.mark.parametrize("name", [name for name in vars(hookspecs) if name.startswith("s2s_")])
def test_hooks_are_documented_with_their_exact_arguments(name):
    """Each has a heading with its arguments, and a signature with their types."""
    signature = inspect.signature(getattr(hookspecs, name))
    text = page("hooks.md")
    assert f"\n## `{name}({', '.join(signature.parameters)})`\n" in text
    written = str(signature).replace("'", "").replace("collections.abc.", "")
    assert f"\ndef {name}{written}\n" in text


@pytest.fixture
def example_points(tmp_path, monkeypatch):
    """The entry points of the plugins that ``hooks.md`` shows."""
    blocks = {match["name"]: match["body"] for match in NAMED_BLOCK.finditer(page("hooks.md"))}
    for name, body in blocks.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    points = tomllib.loads(blocks["s2s-average/pyproject.toml"])["project"]["entry-points"]["s2s"]
    points |= {name.removesuffix(".py"): name.removesuffix(".py") for name in blocks if name.startswith("my_")}
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "s2s-average")
    yield [importlib.metadata.EntryPoint(*point, "s2s") for point in points.items()]
    for module in [module for module in sys.modules if module.partition(".")[0] in points]:
        del sys.modules[module]


@pytest.fixture
def examples(example_points):
    """The plugins that ``hooks.md`` shows, and no others."""
    return Plugins(example_points, {})


def test_examples_of_plugins_load(examples):
    """Each example is a plugin without a problem, whose components can be used."""
    assert () == examples.problems
    assert {"double", "commas", "average", "gru-cell", "first_token"} == {claim.name for claim in examples.claims()}
    for claim in examples.claims():
        component = examples.component(claim.kind, claim.name)
        assert "api_version" in vars(component)
        assert component.__doc__


@pytest.mark.parametrize(
    ("kind", "name", "settings"),
    [
        ("encoder", "average", {"size": 8}),
        ("decoder", "gru-cell", {"hidden_size": 8}),
        ("task", "double", {}),
        ("tokenizer", "commas", {}),
        ("metric", "first_token", {}),
    ],
)
def test_examples_keep_every_promise(example_points, kind, name, settings):
    """Their files answer as the models do, too, though the exporter has never seen the encoder and the decoder."""
    pytest.importorskip("torch")
    plugins = Plugins([*importlib.metadata.entry_points(group="s2s"), *example_points], {})
    findings = examine(Subject.installed(kind, name, settings, plugins))
    assert [] == [finding.message for finding in findings if finding.outcome != "kept"]


def test_examples_of_task_and_metric_work(examples, seed):
    """The task doubles letters, and the metric looks at the first token."""
    import random

    task_class, metric = examples.component("task", "double"), examples.component("metric", "first_token")()
    source, target = next(task_class(task_class.Config()).examples("test", random.Random(0)))
    assert source == target[::2] == target[1::2]
    assert 0.5 == metric.score(["ab", "b"], [["ac"], ["a"]])


def test_dependencies_are_explained():
    """``dependencies.md`` has a line for each package that ``pyproject.toml`` asks for, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, *sections = re.split(r"^## ", page("dependencies.md"), flags=re.MULTILINE)[1:]
    expected = [project["dependencies"], *project["optional-dependencies"].values()]
    for text, requirements in zip((base, *sections), expected, strict=True):
        assert requirement_names(requirements) == sorted(set(table_names(text)) - {"package"})


def test_architecture_has_a_line_for_each_module():
    """``architecture.md`` says what every module of the core is."""
    package = ROOT / "s2s_core"
    modules = {str(path.relative_to(package).with_suffix("").as_posix()) for path in package.rglob("*.py")}
    covered = ("cli/", "metrics/", "testing/", "tokenizers/")
    expected = {name for name in modules if not name.startswith(covered) and not name.endswith("__init__")}
    rows = [line for line in page("architecture.md").splitlines() if line.startswith("| `")]
    found = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    assert (expected - {"__main__"}) | {"__init__", *covered} == found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path):
    """To a file of the project, and to a heading in it."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
