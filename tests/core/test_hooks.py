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

from s2s_core import Metric, hookimpl, hookspecs
from s2s_core.plugins import Plugins

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


def entry_points():
    """The entry points of the page's projects."""
    tables = [tomllib.loads(FILES[f"{project}pyproject.toml"])["project"] for project in PROJECTS]
    points = [point for table in tables for point in table["entry-points"]["s2s"].items()]
    return [importlib.metadata.EntryPoint(*point, "s2s") for point in points]


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The plugins that the page shows, installed, and a metric that finds every answer right."""
    for name, body in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    for project in PROJECTS:
        monkeypatch.syspath_prepend(tmp_path / project)
    module = types.ModuleType("s2s_always_right")
    module.s2s_metrics = hookimpl(lambda: {"exact_match": AlwaysRight})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    points = entry_points()
    yield Plugins([*points, importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s")], {})
    names = {point.value for point in points}
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


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
    from s2s_core.resolve import resolve
    from s2s_core.run import Run
    from s2s_core.training.progress import Progress
    from s2s_core.training.trackers import require_trackers
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
    require_trackers(run)
    run.create()
    Trainer(run, run.splits(), Progress(), resume=False).train()
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


def test_the_example_of_an_encoder_ignores_padding(examples):
    """What it gives for a row is the same alone and in a batch, and the example of a decoder starts from it."""
    import torch

    from s2s_core import MemorySizes

    encoder_class, decoder_class = examples.component("encoder", "average"), examples.component("decoder", "gru-cell")
    encoder = encoder_class(encoder_class.Config(size=6), 5)
    decoder = decoder_class(decoder_class.Config(hidden_size=4), 5, MemorySizes(6, 6))
    inputs = torch.randn(2, 3, 5)
    padding = torch.tensor([[False] * 3, [False, True, True]])
    memory = encoder(inputs.masked_fill(padding[:, :, None], float("nan")), torch.tensor([3, 1]))
    alone = encoder(inputs[1:, :1], torch.tensor([1]))
    torch.testing.assert_close(memory.summary[1:], alone.summary)
    output, state = decoder.step(torch.randn(2, 5), decoder.start(memory))
    assert (2, 4) == output.vectors.shape == state.shape


def test_the_examples_of_a_task_and_a_metric_do_what_they_say(examples):
    """The task doubles letters, and the metric looks at the first token."""
    task_class, metric = examples.component("task", "double"), examples.component("metric", "first_token")()
    source, target = next(task_class(task_class.Config()).examples("test", random.Random(0)))
    assert source == target[::2] == target[1::2]
    assert 0.5 == metric.score(["ab", "b"], [["ac"], ["a"]])


def test_the_example_of_a_tokenizer_splits_in_the_graph_as_in_python(examples, graph):
    """At commas, and nowhere else."""
    tokenizer = examples.component("tokenizer", "commas")
    texts = ["a,b", "c d,,a", ""]
    made = tokenizer.train(tokenizer.Config(), texts)
    ids, lengths = graph(made.onnx_encode)(texts)
    expected = [[*made.encode(text), 2] for text in texts]  # each ends with the end
    assert expected == [row[:length].tolist() for row, length in zip(ids, lengths, strict=True)]
