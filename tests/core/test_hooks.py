"""Each hook is documented with its exact arguments, and with an example that works."""

import importlib.metadata
import inspect
import json
import random
import re
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from documentation import blocks

from s2s_core import Metric, hookimpl
from s2s_core.plugins import hookspecs
from s2s_core.plugins.registry import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
HOOKS = [name for name in vars(hookspecs) if name.startswith("s2s_")]
FILES = {block.name: block.body for block in blocks(PAGE) if block.name and not block.name.startswith("s2s-bad/")}
PROJECTS = ("", "s2s-average/")


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_exact_arguments(name):
    """It has a line in the table, a heading with its arguments, a signature with their types, and an example."""
    signature = inspect.signature(getattr(hookspecs, name))
    call = f"{name}({', '.join(signature.parameters)})"
    assert f"\n| [`{call}`](#" in PAGE
    assert f"\n## `{call}`\n" in PAGE
    written = re.sub(r"['\"]|collections\.abc\.", "", str(signature))
    assert f"\ndef {name}{written}\n" in PAGE
    assert any(f"@hookimpl\ndef {name}(" in body for body in FILES.values())


def test_no_other_hook_is_documented():
    """A hook that is gone is gone from the page."""
    assert set(HOOKS) == set(re.findall(r"^## `(s2s_\w+)\(", PAGE, re.MULTILINE))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The entry points of the page's projects, which can be imported."""
    for name, body in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    points: dict[str, str] = {}
    for project in PROJECTS:
        monkeypatch.syspath_prepend(tmp_path / project)
        points |= tomllib.loads(FILES[f"{project}pyproject.toml"])["project"]["entry-points"]["s2s"]
    yield [importlib.metadata.EntryPoint(*point, "s2s") for point in points.items()]
    for name in [name for name in sys.modules if name.partition(".")[0] in points]:
        del sys.modules[name]


@pytest.fixture
def examples(installed, monkeypatch):
    """The plugins that the page shows, and a metric that finds every answer right."""
    module = types.ModuleType("s2s_always_right")
    module.s2s_metrics = hookimpl(lambda: {"exact_match": AlwaysRight})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Plugins([*installed, importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s")], {})


class AlwaysRight(Metric):
    """Finds every answer right."""

    def score(self, hypotheses, references):
        return 1


def test_examples_load(examples):
    """Each is a plugin without a problem, whose components can be used."""
    assert () == examples.problems
    expected = {"double", "commas", "average", "gru-cell", "first_token", "exact_match"}
    assert expected == {claim.name for claim in examples.claims()}
    for claim in examples.claims():
        component = examples.component(claim.kind, claim.name)
        assert component is AlwaysRight or "api_version" in vars(component)
        assert component.__doc__


@pytest.fixture
def run(examples, tmp_path):
    """A run that consists of the examples alone, trained."""
    from s2s_core.config.resolve import resolve
    from s2s_core.runs.run import Run
    from s2s_core.training.preparation import prepare
    from s2s_core.training.trainer import Trainer

    tables = {
        "task": {"name": "double", "length": 4},
        "source": {"tokenizer": "commas"},
        "target": {"tokenizer": "commas"},
        "encoder": {"name": "average", "size": 4},
        "decoder": {"name": "gru-cell", "hidden_size": 4},
        "evaluation": {"metrics": ["first_token", "exact_match"]},
        "training": {"steps": 30, "validate_every": 10, "batch_size": 4, "trackers": ["csv"]},
        "decoding": {"max_length": 3},
    }
    run = Run(tmp_path / "run", resolve([tables], examples), examples)
    run.create()
    Trainer(prepare(run)).train()
    return run


def test_examples_are_used_by_a_run(run):
    """Its task, tokenizers, encoder, decoder and metrics are theirs, and it tells them all that happens."""
    lines = [json.loads(line) for line in run.metrics_path.read_text(encoding="utf-8").splitlines()]
    assert [10] == [line["step"] for line in lines]  # my_events has stopped it, as every answer was right
    assert {"first_token", "exact_match"} == set(lines[0]["validation"])
    assert (run.folder / "seconds.txt").read_text(encoding="utf-8").strip().isdigit()
    progress = (run.folder / "progress.csv").read_text(encoding="utf-8").splitlines()
    assert ["10"] == [line.partition(",")[0] for line in progress]
    assert {} == sys.modules["my_events"].began


def test_the_example_of_a_command_runs(examples, exported_characters):
    """It is a command like ours."""
    cli = click.Group("s2s")
    examples.add_commands(cli)
    ended = CliRunner().invoke(cli, ["tokens", str(exported_characters.path)])
    assert (0, {"x", "y", "z", "\N{SNOWMAN}"}) == (ended.exit_code, set(ended.output.split()))


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
def test_examples_keep_every_promise(installed, kind, name, settings):
    """Their files answer as the models do, too, though the exporter has never seen the encoder and the decoder."""
    from s2s_core.testing import Subject, examine

    plugins = Plugins([*importlib.metadata.entry_points(group="s2s"), *installed], {})
    findings = examine(Subject.installed(kind, name, settings, plugins))
    assert [] == [finding.message for finding in findings if finding.outcome != "kept"]


def test_the_examples_of_a_task_and_a_metric_do_what_they_say(examples):
    """The task doubles letters, and the metric looks at the first token."""
    task_class, metric = examples.component("task", "double"), examples.component("metric", "first_token")()
    source, target = next(task_class(task_class.Config()).examples("test", random.Random(0)))
    assert source == target[::2] == target[1::2]
    assert 0.5 == metric.score(["ab", "b"], [["ac"], ["a"]])
