"""Each kind of bad plugin gives one clear message on the command line, and everything else goes on working."""

import json
import sys

import pytest

from s2s_core.cli.main import main
from s2s_core.plugins.registry import Plugins
from s2s_core.version import API_VERSION, __version__

GOOD = """
@hookimpl
def s2s_tasks():
    return {"good": "s2s_synthetic.words:Reverse"}
"""
HERE = f"(s2s-toolkit {__version__} has {API_VERSION})"

BROKEN = {
    "raises": ("raise RuntimeError('no moon')", "RuntimeError: no moon"),
    "imports_nothing": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "misspelt": ("@hookimpl\ndef s2s_tsaks(): ...", "unknown hook 's2s_tsaks' (did you mean 's2s_tasks'?)"),
    "hookless": ("def s2s_tasks(): ...", "hookless has no hook: is @hookimpl missing?"),
    "raises_when_asked": ("@hookimpl\ndef s2s_tasks(): return 1 / 0", "ZeroDivisionError: division by zero"),
}
"""Sources of plugins that can't be loaded, and the reason that is told, by the plugins' names."""

MISFITS = {
    "unimportable": ("raise OSError('no disk')\nclass Part: ...", "can't be imported: OSError: no disk"),
    "exiting": ("raise SystemExit(3)\nclass Part: ...", "can't be imported: SystemExit: 3"),
    "newer": (
        f"class Part:\n    api_version = {API_VERSION + 1}",
        f"needs api_version {API_VERSION + 1} {HERE}: upgrade s2s-toolkit",
    ),
    "older": (
        "class Part:\n    api_version = 0",
        f"has api_version 0, which no longer works {HERE}: upgrade older",
    ),
    "no_class": ("Part = 5", "must be a class (got 5): upgrade no-class"),
    "versionless": (
        "class Part: ...",
        f"must have an integer api_version (got None, {HERE[1:-1]}): upgrade versionless",
    ),
    "no_attrs": (
        "class Part:\n    api_version = 1\n    class Config: ...",
        "must have an attrs class as its Config (got <class 'no_attrs_part.Part.Config'>): upgrade no-attrs",
    ),
}
"""Modules of components that can't be used, and the reason that is told, by the plugins' names."""


def offer(kind, name):
    """Returns a plugin whose one component has the plugin's name."""
    return f"@hookimpl\ndef s2s_{kind}s():\n    return {{'{name}': '{name}_part:Part'}}\n"


def train(task, folder, *settings):
    """Returns the words of a training of two updates."""
    sizes = ["encoder.hidden_size=4", "decoder.hidden_size=4", "task.held_out=4", "training.steps=2", *settings]
    assignments = [word for size in sizes for word in ("--set", size)]
    return ["train", "--task", task, *assignments, "--set", "training.batch_size=4", "--output", folder]


def listed(ended):
    """Returns what ``s2s plugins list`` says of each name: the status of who offers it."""
    rows = [line.split(maxsplit=4) for line in ended.out.splitlines()[1:]]
    return {(kind, name, distribution): status for kind, name, distribution, _, status in rows}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plugin_that_can_not_be_loaded_is_listed_with_the_reason(here, install, name):
    """The components of the others are there."""
    source, reason = BROKEN[name]
    install(name, source)
    install("good", GOOD)
    ended = here("plugins", "list")
    distribution = name.replace("_", "-")
    assert ended.code == 0
    assert f"problem: plugin {name} ({distribution} 1.2): {reason}; to disable it: S2S_DISABLE_PLUGINS={name}\n" == (
        ended.err
    )
    found = listed(ended)
    assert found["task", "good", "good"] == found["task", "reverse", "s2s-toolkit"] == "ok"


def test_what_works_is_trained_whatever_else_is_installed(here, install, tmp_path):
    """Each plugin that doesn't work is a line of warning."""
    for name, (source, _) in BROKEN.items():
        install(name, source)
    for name, (part, _) in MISFITS.items():
        install(name, offer("task", name), part)
    install("good", GOOD)
    ended = here(*train("good", tmp_path / "run"))
    assert ended.code == 0
    warnings = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert sorted(BROKEN) == [line.split()[2] for line in warnings]
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("name", MISFITS)
def test_a_component_that_can_not_be_used_is_refused_by_every_command(here, install, tmp_path, name):
    """The list has it, as listing imports nothing; other components work."""
    part, reason = MISFITS[name]
    install(name, offer("task", name), part)
    distribution = name.replace("_", "-")
    assert "ok" == listed(here("plugins", "list"))["task", name, distribution]
    expected = f"task {name!r} of plugin {name} ({distribution} 1.2) {reason}"
    for command in (["plugins", "show", name], ["plugins", "check", name], ["run", "--task", name]):
        assert expected == here(*command).error()
    assert here("plugins", "show", "reverse").code == 0


def test_a_name_that_two_plugins_claim_belongs_to_neither(here, install):
    """The list names both, and asking for the name says how to have one of them."""
    for name in ("one", "other"):
        install(name, "@hookimpl\ndef s2s_tasks():\n    return {'mine': int, 'NAME': int}\n".replace("NAME", name))
    ended = here("plugins", "list")
    clash = "task 'mine' is also claimed by other (other 1.2), so none of them gets it"
    assert ended.err == f"problem: plugin one (one 1.2): {clash}; to disable it: S2S_DISABLE_PLUGINS=one\n"
    found = listed(ended)
    assert found["task", "mine", "one"] == "also claimed by other (other 1.2)"
    assert found["task", "one", "one"] == found["task", "other", "other"] == "ok"
    assert here("run", "--task", "mine").err.endswith(
        "error: task 'mine' of one (one 1.2) is also claimed by other (other 1.2): "
        "disable one with S2S_DISABLE_PLUGINS=one or S2S_DISABLE_PLUGINS=other\n"
    )


def test_a_plugin_can_not_take_the_name_of_ours(here, install, monkeypatch):
    """Neither has it, until one is disabled."""
    install("thief", "@hookimpl\ndef s2s_tasks():\n    return {'reverse': int}\n")
    assert "task 'reverse' is also claimed by thief (thief 1.2), so none of them gets it" in here("plugins", "list").err
    monkeypatch.setenv("S2S_DISABLE_PLUGINS", "thief")
    assert "ok" == listed(here("plugins", "list"))["task", "reverse", "s2s-toolkit"]


def test_an_entry_point_that_two_distributions_have_is_loaded_from_neither(here, install):
    """The one line names both."""
    install("twice", GOOD)
    install("twice", GOOD, distribution="impostor")
    ended = here("plugins", "list")
    (line,) = ended.err.splitlines()
    assert "its name is also an entry point of " in line
    assert "impostor 1.2" in line
    assert "twice 1.2" in line
    assert ("task", "good", "twice") not in listed(ended)


def test_an_event_that_raises_is_one_warning(here, install, tmp_path, caplog):
    """The run goes on to its end."""
    install("stumbling", "@hookimpl\ndef s2s_progressed(run):\n    raise RuntimeError('no moon')\n")
    ended = here(*train("reverse", tmp_path / "run", "training.validate_every=1"))
    assert ended.code == 0
    (message,) = caplog.messages
    assert message == (
        "plugin stumbling (stumbling 1.2): s2s_progressed failed: RuntimeError: no moon;"
        " to disable it: S2S_DISABLE_PLUGINS=stumbling"
    )


def test_an_event_may_refuse_the_run(here, install, tmp_path):
    """With its own message, and no traceback."""
    install(
        "strict",
        """
        from s2s_core import ConfigError
        @hookimpl
        def s2s_run_started(run):
            raise ConfigError("training.seed: not today")
        """,
    )
    ended = here(*train("reverse", tmp_path / "run"))
    assert (ended.code, ended.err.splitlines()[-1]) == (1, "error: training.seed: not today")


METRIC = """
from s2s_core import Metric
class Part(Metric):
    api_version = 1
    def score(self, hypotheses, references):
        raise ValueError("no moon")
"""


def test_a_metric_that_raises_keeps_its_traceback_and_is_named(install, tmp_path, monkeypatch):
    """It is a bug of a plugin, which one line below the traceback says."""
    install("moody", offer("metric", "moody"), METRIC)
    words = train("reverse", tmp_path / "run", 'evaluation.metrics=["moody"]')
    monkeypatch.setattr(sys, "argv", ["s2s", *map(str, words)])
    with pytest.raises(ValueError, match="no moon") as raised:
        main()
    (note,) = raised.value.__notes__
    assert note == "This happened in metric 'moody' of plugin moody (moody 1.2), whose bug it may be."


TASK = """
from s2s_core import Task
class Part(Task):
    api_version = 1
    def examples(self, split, rng):
        raise RuntimeError("no moon")
"""


def test_a_task_that_raises_is_named_below_the_traceback(s2s, install, tmp_path, monkeypatch):
    """Standard error ends with the error and with the plugin."""
    install("waning", offer("task", "waning"), TASK)
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    ended = s2s("train", "--task", "waning", "--output", tmp_path / "run")
    lines = ended.err.splitlines()
    assert ended.code == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [
        "RuntimeError: no moon",
        "This happened in task 'waning' of plugin waning (waning 1.2), whose bug it may be.",
    ]
    assert not (tmp_path / "run").exists()


DECODER = """
from torch import nn
from s2s_core import Decoder, Output, bridge
class Part(Decoder):
    api_version = 1
    def __init__(self, config, input_size, memory):
        super().__init__(config, input_size, memory)
        self.output_size = 4
        self.bridge, self.cell = bridge(memory.summary, 4), nn.GRUCell(input_size, 4)
    def start(self, memory):
        return {"hidden": self.bridge(memory.summary)}
    def step(self, inputs, state):
        hidden = self.cell(inputs, state["hidden"].float())
        return Output(hidden), {"hidden": hidden.double()}
"""


def test_a_decoder_that_breaks_the_contract_of_its_state_is_refused_before_training(here, install, tmp_path):
    """In one line, which says of which tensor what was expected and what came; nothing is written."""
    install("widening", offer("decoder", "widening"), DECODER)
    options = ["--task", "reverse", "--encoder", "mlp-rnn", "--decoder", "widening", "--set", "task.held_out=4"]
    for command in ("run", "train"):
        assert here(command, *options, "--output", tmp_path / "run").error() == (
            "decoder 'widening' breaks its contract: step must keep dtype, rank and batch of every tensor of the "
            "state: state['hidden'] was float32 [2, 4] for a batch of 2 (got float64 [2, 4]); "
            "see docs/architecture.md#the-contract-of-the-state"
        )
    assert not (tmp_path / "run").exists()


def test_what_a_plugin_prints_is_no_part_of_the_output(here, install):
    """Not when it is loaded, and not when its component is; it goes to standard error."""
    part = f"print('from the part')\n{TASK}"
    install("loud", "print('from the plugin')\n" + offer("task", "loud"), part)
    for arguments, printed in (
        (["list", "--json"], "from the plugin\n"),
        (["show", "loud", "--json"], "from the part\n"),
    ):
        ended = here("plugins", *arguments)
        assert json.loads(ended.out)
        assert printed in ended.err


def test_strict_plugins_are_all_good_or_none_are_used(here, install, monkeypatch):
    """As suits continuous integration."""
    install("misspelt", BROKEN["misspelt"][0])
    monkeypatch.setenv("S2S_STRICT_PLUGINS", "1")
    ended = here("plugins", "list")
    assert ended.code == 1
    assert ended.out == ""
    assert "unknown hook 's2s_tsaks' (did you mean 's2s_tasks'?)" in ended.err
    monkeypatch.setenv("S2S_DISABLE_PLUGINS", "misspelt")
    assert here("plugins", "list").code == 0
    assert Plugins().problems == ()


def test_what_a_file_does_alone_imports_no_plugin(here, install, exported_run, tmp_path, monkeypatch):
    """So none can be in the way; a command on a run's folder imports them all."""
    install("misspelt", BROKEN["misspelt"][0])
    monkeypatch.setenv("S2S_STRICT_PLUGINS", "1")
    lines = tmp_path / "lines.txt"
    lines.write_text("abc\n")
    assert (0, "") == (here("predict", exported_run.onnx_path, lines).code, here("serve", "--help").err)
    assert "S2S_STRICT_PLUGINS is set" in here("evaluate", exported_run.folder).err
