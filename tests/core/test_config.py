"""A run's configuration: which layer wins, what is refused and how, and what ``run.toml`` keeps."""

import sys
import types
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import ClassVar

import attrs
import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from s2s_core import ConfigError, NoConfig, PluginError, Task, at_least, hookimpl, setting
from s2s_core.cli.context import Installed
from s2s_core.cli.options import run_arguments
from s2s_core.config.decoding import DecodingConfig
from s2s_core.config.fields import LARGEST, MOST_ROWS
from s2s_core.config.overrides import parse_assignment, read_toml
from s2s_core.config.resolve import resolve
from s2s_core.config.structure import structure, to_toml, unstructure
from s2s_core.config.tables import Component
from s2s_core.config.training import TrainingConfig
from s2s_core.pipeline.recipe import open_run
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.folder import default_folder
from s2s_core.runs.run import Run


@attrs.frozen
class Inner:
    """A table within a component's table."""

    depth: int = setting(1, "a number", at_least(1))


@attrs.frozen
class WideConfig:
    """What can be set of ``wide``."""

    width: int = setting(7, "a number", at_least(1))
    rate: float = setting(0.5, "a number")
    label: str = setting("x", "a text")
    names: tuple[str, ...] = setting((), "texts")
    even: int = attrs.field(default=2)
    inner: Inner = attrs.field(factory=Inner)

    @even.validator
    def _check_even(self, _, value):
        if value % 2:
            raise ValueError("even is odd")


class Wide:
    """An encoder, and a decoder, with settings of its own."""

    Config = WideConfig
    api_version = 1


class Opinionated(Task):
    """A task that wants another run than the defaults give."""

    defaults: ClassVar = {
        "encoder": {"name": "wide", "width": 9},
        "training": {"steps": 70, "batch_size": 16},
        "source": {"tokenizer": "words"},
        "target": {"tokenizer": {"name": "words", "minimum_count": 3}},
    }


class Wise(Task):
    """A task whose defaults depend on what a run is to be."""

    defaults: ClassVar = {"training": {"steps": 70, "batch_size": 16}}

    @classmethod
    def defaults_for(cls, tables):
        assert "wise" == tables["task"]["name"]
        steps = tables["training"]["steps"]
        return {"training": {"validate_every": steps // 7, "steps": 0}, "source": {"tokenizer": {"fold_case": True}}}


class Mistaken(Task):
    """A task whose defaults have an unknown setting."""

    defaults: ClassVar = {"training": {"step": 70}}


@pytest.fixture(scope="module")
def plugins():
    """What is installed, and a plugin of this test."""
    module = types.ModuleType("s2s_test_config")
    module.s2s_encoders = module.s2s_decoders = hookimpl(lambda: {"wide": Wide})
    module.s2s_tasks = hookimpl(lambda: {"opinionated": Opinionated, "wise": Wise, "mistaken": Mistaken})
    sys.modules[module.__name__] = module
    yield Plugins([*entry_points(group="s2s"), EntryPoint(module.__name__, module.__name__, "s2s")], {})
    del sys.modules[module.__name__]


@pytest.fixture
def refusal(plugins):
    """Returns the message with which a run of some tables is refused."""

    def refused(*layers):
        with pytest.raises(ConfigError) as error:
            resolve(layers, plugins)
        return str(error.value)

    return refused


def open_options(plugins, **options):
    """Opens a run as ``s2s run`` does."""
    nothing = {"recipe": None, "task": None, "encoder": None, "decoder": None, "seed": None, "assignments": ()}
    found = Installed()
    found.plugins = plugins
    context = click.Context(click.Command("run"), obj=found)
    given = nothing | {"output": None, "resume": False, "overwrite": False} | options
    return open_run(**run_arguments(context, **given))


def test_later_layers_come_before_earlier_ones(plugins, tmp_path):
    """The task's defaults give way to the TOML file, that to flags, and those to ``--set``."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('task = "opinionated"\n[training]\nbatch_size = 32\nseed = 4\nvalidate_every = 5\n')
    run = open_options(
        plugins, recipe=recipe, seed=5, assignments=("training.validate_every=6",), output=tmp_path / "run"
    )
    training = run.config.training
    assert (training.steps, training.batch_size, training.seed, training.validate_every) == (70, 32, 5, 6)
    assert training.patience == TrainingConfig().patience

    again = open_options(
        plugins, recipe=recipe, seed=5, assignments=("training.seed=6", "training.seed=7"), output=tmp_path / "run"
    )
    assert again.config.training.seed == 7


def test_a_task_may_go_by_what_a_run_is_to_be(plugins):
    """What it adds then gives way to its defaults and to the user, and suits whichever component the user names."""
    config = resolve([{"task": "wise"}], plugins)
    assert (70, 10) == (config.training.steps, config.training.validate_every)
    assert config.source.tokenizer.config.fold_case
    layers = [{"task": "wise", "source": {"tokenizer": "bpe"}}, {"training": {"steps": 140, "batch_size": 32}}]
    config = resolve(layers, plugins)
    assert (140, 20, 32) == (config.training.steps, config.training.validate_every, config.training.batch_size)
    assert ("bpe", True) == (config.source.tokenizer.name, config.source.tokenizer.config.fold_case)


def test_flags_come_before_the_file(plugins, tmp_path):
    """``--task``, ``--encoder`` and ``--decoder`` replace what the file names."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('task = "copy"\nencoder = "mlp-rnn"\ndecoder = "mlp-rnn"\n')
    config = open_options(
        plugins, recipe=recipe, task="sort", encoder="wide", decoder="wide", output=tmp_path / "run"
    ).config
    assert (config.task.name, config.encoder.name, config.decoder.name) == ("sort", "wide", "wide")


def test_a_component_may_be_given_by_its_name_alone(plugins):
    """``encoder = "wide"`` is short for a table with that name."""
    short = resolve([{"task": "copy", "encoder": "wide", "source": {"tokenizer": "words"}}], plugins)
    long = {"task": {"name": "copy"}, "encoder": {"name": "wide"}, "source": {"tokenizer": {"name": "words"}}}
    assert short == resolve([long], plugins)
    assert short.encoder == Component("wide", WideConfig())
    assert short.source.tokenizer.name == "words"


def test_settings_meet_a_name_from_another_layer(plugins):
    """A name in one layer and settings in another belong together, whichever comes first."""
    for layers in (
        [{"encoder": "wide"}, {"encoder": {"width": 3}}],
        [{"encoder": {"width": 3}}, {"encoder": "wide"}],
        [{"encoder": {"name": "wide", "width": 3}}, {"encoder": "wide"}],
    ):
        assert resolve([{"task": "copy"}, *layers], plugins).encoder.config == WideConfig(width=3)


def test_another_component_drops_the_settings_of_the_one_before(plugins):
    """Naming another component doesn't leave it with settings that it doesn't have, or that meant another thing."""
    before = {"task": "opinionated", "decoder": {"name": "wide", "width": 5}}
    config = resolve([before, {"encoder": "mlp-rnn", "target": {"tokenizer": "characters"}}], plugins)
    assert config.encoder.name == "mlp-rnn"
    assert config.target.tokenizer.config.minimum_count == 1
    assert config.decoder.config.width == 5
    back = resolve([before, {"encoder": "mlp-rnn"}, {"encoder": "wide"}], plugins)
    assert back.encoder.config.width == 7


def test_the_decoder_is_named_like_the_encoder(plugins):
    """Without a decoder's name, the decoder with the encoder's name is used, with its own settings."""
    config = resolve([{"task": "copy", "encoder": {"name": "wide", "width": 3}, "decoder": {"rate": 2}}], plugins)
    assert config.decoder == Component("wide", WideConfig(rate=2.0))
    assert resolve([{"task": "copy"}], plugins).decoder.name == "mlp-rnn"


def test_the_default_folder_is_named_like_the_components(plugins):
    """Without ``--output``, a run goes to ``runs/TASK-ENCODER-DECODER``."""
    config = resolve([{"task": "copy", "encoder": "wide", "decoder": "mlp-rnn"}], plugins)
    assert default_folder(config) == Path("runs/copy-wide-mlp-rnn")


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {"trainin": {}},
            "unknown setting trainin (did you mean 'training'?); a run has: decoder, decoding, encoder, ",
        ),
        ({"steps": 100}, "unknown setting steps (did you mean 'training.steps'?); a run has: "),
        (
            {"embedding_size": 8},
            "unknown setting embedding_size (did you mean 'source.embedding_size' or 'target.embedding_size'?); ",
        ),
        (
            {"training": {"stepz": 1}},
            "unknown setting training.stepz (did you mean 'steps'?); training has: accumulation, ",
        ),
        (
            {"encoder": {"hiden_size": 1}},
            "unknown setting encoder.hiden_size (did you mean 'hidden_size'?); encoder has",
        ),
        (
            {"encoder": {"name": "wide", "inner": {"dept": 1}}},
            "unknown setting encoder.inner.dept (did you mean 'depth'?)",
        ),
        (
            {"source": {"tokenizer": {"minimun_count": 1}}},
            "unknown setting source.tokenizer.minimun_count (did you mean 'minimum_count'?); source.tokenizer has: ",
        ),
        (
            {"export": {"zzz": 1}},
            (
                "unknown setting export.zzz; export has: confidence, language, lexicon, license, maximum_loss, origin, "
                "parity_examples, prefix, punctuation, quantize, required_inputs, scorer, separator, tolerance, unit"
            ),
        ),
        ({"training": {"steps": 1.0}}, "training.steps must be a whole number (got 1.0)"),
        ({"training": {"steps": True}}, "training.steps must be a whole number (got True)"),
        ({"training": {"steps": "5"}}, "training.steps must be a whole number (got '5')"),
        ({"training": {"steps": -1}}, "training.steps must be at least 0 (got -1)"),
        ({"training": {"learning_rate": "x"}}, "training.learning_rate must be a number (got 'x')"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate must be more than 0 (got 0.0)"),
        ({"training": {"learning_rate": float("nan")}}, "training.learning_rate must be a finite number (got nan)"),
        ({"training": {"weight_decay": float("inf")}}, "training.weight_decay must be a finite number (got inf)"),
        (
            {"decoding": {"max_length_ratio": float("inf")}},
            "decoding.max_length_ratio must be a finite number (got inf",
        ),
        ({"decoding": {"max_length_ratio": 1e30}}, "decoding.max_length_ratio must be from 0 to 1000000 (got 1e+30)"),
        ({"encoder": {"name": "wide", "rate": -float("inf")}}, "encoder.rate must be a finite number (got -inf)"),
        (
            {"encoder": {"name": "wide", "rate": 10**400}},
            "encoder.rate must be from -4294967296 to 4294967296 (got 1000",
        ),
        ({"training": {"steps": 10**23}}, "training.steps must be from -4294967296 to 4294967296 (got 1"),
        (
            {"encoder": {"name": "wide", "even": -(10**23)}},
            "encoder.even must be from -4294967296 to 4294967296 (got -1",
        ),
        ({"evaluation": {"length_buckets": [1, 10**23]}}, "evaluation.length_buckets must be from -4294967296 to"),
        ({"training": {"batch_size": 10**9}}, "training.batch_size must be from 1 to 100000 (got 1000000000)"),
        ({"decoding": {"beam_size": 10**9}}, "decoding.beam_size must be from 1 to 1000 (got 1000000000)"),
        ({"encoder": {"hidden_size": 2**31}}, "encoder.hidden_size must be from 2 to 16384 (got 2147483648)"),
        ({"encoder": {"name": "lstm", "layers": 10**8}}, "encoder.layers must be from 1 to 100 (got 100000000)"),
        ({"training": {"beta1": 1}}, "training.beta1 must be from 0 to 0.9999 (got 1.0)"),
        ({"training": {"seed": -1}}, "training.seed must be from 0 to 4294967295 (got -1)"),
        ({"training": {"seed": 2**32}}, "training.seed must be from 0 to 4294967295 (got 4294967296)"),
        ({"training": {"device": "gpu"}}, "training.device must be one of 'auto', 'cpu' (got 'gpu')"),
        ({"training": 5}, "training must be a table of settings (got 5)"),
        ({"export": "x"}, "export must be a table of settings (got 'x')"),
        ({"target": {"tie_projection": 1}}, "target.tie_projection must be true or false (got 1)"),
        ({"target": 5}, "target must be a table of settings (got 5)"),
        ({"target": {"tokenizer": 5}}, "target.tokenizer must be a table of settings (got 5)"),
        ({"target": {"tokenizer": {"name": 5}}}, "target.tokenizer.name must be a string (got 5)"),
        ({"encoder": 5}, "encoder must be a table of settings (got 5)"),
        ({"encoder": []}, "encoder must be a table of settings (got [])"),
        ({"encoder": {"name": {}}, "decoder": "wide"}, "encoder.name must be a string (got {})"),
        (
            {"encoder": {"name": "wide", "label": 3}},
            "encoder.label must be a string (got 3; in --set, quote it twice: ",
        ),
        ({"encoder": {"name": "wide", "names": ["a", 3]}}, "encoder.names must be a string (got 3"),
        ({"encoder": {"name": "wide", "even": 3}}, "encoder can't be used: even is odd"),
        ({"encoder": {"name": "wide", "inner": {"depth": 0}}}, "encoder.inner.depth must be at least 1 (got 0)"),
        ({"encoder": {"name": "wide", "inner": 3}}, "encoder.inner must be a table of settings (got 3)"),
        ({"task": {"maximum_length": 0}}, "task.maximum_length must be at least minimum_length, which is 1 (got 0)"),
        ({"task": {"alphabet": "aa"}}, "task.alphabet must be two or more distinct characters (got 'aa')"),
    ],
)
def test_what_can_not_be_used_is_named_with_its_full_path(refusal, tables, expected):
    """An unknown setting, a wrong type or a bad value is refused in one line that says where it stands."""
    message = refusal({"task": "copy"}, tables)
    assert message.startswith(expected)
    assert len(message.splitlines()) == 1


def test_several_mistakes_are_several_lines(refusal):
    """All that is wrong is said at once, a line each."""
    tables = {
        "task": {"name": "copy", "alphabet": 3, "lenght": 4},
        "training": {"steps": "x", "seed": 1.5, "stepz": 1},
        "decoding": {"beam_size": 0},
        "exprot": {},
    }
    lines = refusal(tables).splitlines()
    starts = [
        "task.alphabet must be a string (got 3",
        "unknown setting task.lenght",
        "training.steps must be a whole number (got 'x')",
        "training.seed must be a whole number (got 1.5)",
        "unknown setting training.stepz (did you mean 'steps'?)",
        "decoding.beam_size must be from 1 to 1000 (got 0)",
        "unknown setting exprot (did you mean 'export'?)",
    ]
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_a_table_of_strangers_is_one_line(refusal):
    """As when the head of a table is misspelt, which moves its settings into the one before."""
    line = refusal({"task": "copy"}, {"export": {f"s{number:02}": 1 for number in range(12)} | {"prefx": True}})
    told = line.partition("; ")[0]
    assert told == (
        "unknown settings export.prefx (did you mean 'prefix'?), "
        + ", ".join(f"export.s{number:02}" for number in range(9))
        + " and 3 more"
    )
    assert len(line.splitlines()) == 1


def test_no_more_problems_are_told_than_can_be_read(refusal):
    """All after the first twenty are a number."""
    tables = {table: {name: [] for name in names} for table, names in MANY.items()}
    lines = refusal({"task": "copy"}, tables).splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"and {sum(map(len, MANY.values())) - 20} more"


MANY = {
    "training": (
        "steps",
        "seed",
        "epochs",
        "beta1",
        "beta2",
        "batch_size",
        "patience",
        "momentum",
        "schedule",
        "device",
    ),
    "decoding": ("beam_size", "max_length", "min_length", "seed", "top_k", "top_p", "temperature", "batch_size"),
    "export": ("tolerance", "unit", "prefix", "lexicon"),
}
"""Settings that can't be lists."""


def test_a_task_s_own_mistake_is_refused_too(refusal):
    """An unknown setting among a task's defaults is not swallowed."""
    assert refusal({"task": "mistaken"}).startswith("unknown setting training.step (did you mean 'steps'?)")


@pytest.mark.parametrize("layers", [[], [{}], [{"training": {"steps": 5}}], [{"task": {"alphabet": "ab"}}]])
def test_a_run_needs_a_task(refusal, layers):
    """Without a task the message says how to choose one, and which there are."""
    message = refusal(*layers)
    assert message.startswith("no task chosen: use --task NAME, or set task.name; there are: add, copy, mistaken, ")


@pytest.mark.parametrize("layers", [[], [{"encoder": {"hidden_size": 6}}]])
def test_a_run_without_the_default_encoder_needs_another(layers):
    """Where its plugin isn't there the message says how to choose one, which there are, and why; a choice suffices."""
    plugins = Plugins(environment={"S2S_DISABLE_PLUGINS": "s2s_mlp_rnn"})
    with pytest.raises(ConfigError) as refused:
        resolve([{"task": "copy"}, *layers], plugins)
    first, second, third = str(refused.value).splitlines()
    assert first == "no encoder chosen, and the default isn't there: use --encoder NAME, or set encoder.name"
    assert second.startswith("unknown encoder 'mlp-rnn'; there are: ")
    assert "disabled by" in third
    assert resolve([{"task": "copy", "encoder": "lstm"}, *layers], plugins).encoder.name == "lstm"


@pytest.mark.parametrize("task", [5, [], True])
def test_a_task_that_is_no_table_is_refused(refusal, task):
    """What can't be a task is refused as such."""
    assert refusal({"task": task}) == f"task must be a table of settings (got {task!r})"


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"task": "revers"}, "unknown task 'revers' (did you mean 'reverse'?); there are: add, copy, "),
        ({"task": {"name": 5}}, "unknown task '5'; there are: add, copy, "),
        (
            {"task": "copy", "encoder": "mlprnn"},
            "unknown encoder 'mlprnn' (did you mean 'mlp-rnn'?); there are: ",
        ),
        (
            {"task": "copy", "decoder": "wiede"},
            "unknown decoder 'wiede' (did you mean 'wide'?); there are: ",
        ),
        ({"task": "copy", "source": {"tokenizer": "word"}}, "unknown tokenizer 'word' (did you mean 'words'?)"),
    ],
)
def test_an_unknown_component_is_refused_with_the_closest_name(plugins, tables, expected):
    """A misspelt component is refused with what there is."""
    with pytest.raises((PluginError, ConfigError)) as refused:
        resolve([tables], plugins)
    assert str(refused.value).startswith(expected)


@settings(deadline=None, max_examples=50)  # the time of one is left to the machine
@given(
    training=some.builds(
        TrainingConfig,
        steps=some.integers(1, LARGEST),
        batch_size=some.integers(1, MOST_ROWS),
        learning_rate=some.floats(0, exclude_min=True, allow_nan=False, allow_infinity=False),
        weight_decay=some.floats(0, allow_nan=False, allow_infinity=False),
        beta1=some.floats(0, 0.9999),
        beta2=some.floats(0, 0.9999),
        seed=some.integers(0, 2**32 - 1),
        device=some.sampled_from(["auto", "cpu"]),
    ),
    alphabet=some.text(min_size=2, max_size=9).filter(lambda text: len(set(text)) == len(text)),
    names=some.lists(some.text(max_size=3), max_size=3),
)
def test_run_toml_keeps_every_value(tmp_path_factory, plugins, training, alphabet, names):
    """Reading what was written gives the same configuration, to the last bit and for any text."""
    tables = {
        "task": {"name": "reverse", "alphabet": alphabet},
        "encoder": {"name": "wide", "names": names},
        "training": attrs.asdict(training),
    }
    config = resolve([tables], plugins)
    path = tmp_path_factory.getbasetemp() / "run.toml"
    path.write_bytes(to_toml(config).encode())
    assert config.training == training
    assert resolve([read_toml(path)], plugins) == config
    assert structure(read_toml(path), plugins) == config


def test_run_toml_holds_every_setting(plugins):
    """What nobody set is written out too, so that a later version with other defaults gives the same run."""
    tables = unstructure(resolve([{"task": "opinionated"}], plugins))
    assert tables["training"] == attrs.asdict(TrainingConfig(steps=70, batch_size=16)) | {"trackers": []}
    assert tables["decoding"] == attrs.asdict(DecodingConfig())
    assert tables["encoder"] == {
        "name": "wide",
        "width": 9,
        "rate": 0.5,
        "label": "x",
        "names": [],
        "even": 2,
        "inner": {"depth": 1},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("training.steps=500", {"training": {"steps": 500}}),
        (" training . steps = 500 ", {"training": {"steps": 500}}),
        ("a.b.c=1e-3", {"a": {"b": {"c": 1e-3}}}),
        ("a=true", {"a": True}),
        ("a='5'", {"a": "5"}),
        ('a="5"', {"a": "5"}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ("a={b = 1}", {"a": {"b": 1}}),
        ("a=lstm", {"a": "lstm"}),
        ("a=x y=z", {"a": "x y=z"}),
        ("a=", {"a": ""}),
        ("a=5 apples", {"a": "5 apples"}),
        ("a=1\nb = 2", {"a": "1\nb = 2"}),
        ("a=é☃", {"a": "é☃"}),
        ("a=[1", {"a": "[1"}),
    ],
)
def test_an_assignment_is_toml_or_else_a_string(text, expected):
    """``--set`` reads TOML, and takes what isn't TOML as it stands."""
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["training.steps", "", "=5", ".a=5", "a.=5", "a..b=5", " =5"])
def test_an_assignment_without_a_name_is_refused(text):
    """Where the name or the equals sign is missing, the message shows how it is done."""
    with pytest.raises(ConfigError) as refused:
        parse_assignment(text)
    assert str(refused.value) == f"--set takes NAME=VALUE, such as training.steps=500 (got {text!r})"


def test_tables_without_end_are_refused(tmp_path):
    """Nothing could go through them; the message says where they are."""
    path = tmp_path / "deep.toml"
    for depth in (21, 900):
        with pytest.raises(ConfigError, match=r"^no setting has more than 20 names in its path"):
            parse_assignment(".".join("a" * depth) + "=1")
        path.write_text(".".join("a" * depth) + " = 1\n")
        with pytest.raises(
            ConfigError, match=r"deep\.toml has tables in one another, more than 20 of them, which no run"
        ):
            read_toml(path)
    path.write_text(".".join("a" * 19) + " = 1\n")
    assert read_toml(path) == parse_assignment(".".join("a" * 19) + "=1")


def test_an_assignment_that_is_not_utf_8_is_refused():
    """Bytes that aren't UTF-8 could not be written to ``run.toml``."""
    argument = b"task.alphabet=ab\xff".decode(errors="surrogateescape")
    with pytest.raises(ConfigError, match=r"^--set takes UTF-8 text \(got 'task\.alphabet=ab\\udcff'\)$"):
        parse_assignment(argument)


def test_a_broken_toml_is_refused(tmp_path):
    """The message names the file, and the line."""
    path = tmp_path / "recipe.toml"
    path.write_text("task = 'copy'\n[training\n")
    with pytest.raises(ConfigError) as refused:
        read_toml(path)
    assert str(refused.value).startswith(f"{path} is not a TOML file: ")
    assert "line 2" in str(refused.value)


def test_a_toml_of_other_bytes_is_refused(tmp_path):
    """A file that isn't UTF-8 is no TOML."""
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"task = '\xff'")
    with pytest.raises(ConfigError, match="is not a TOML file: 'utf-8' codec"):
        read_toml(path)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, f"a = {'9' * 5000}"], ids=["nested", "long"])
def test_a_toml_that_can_not_be_parsed_is_refused(tmp_path, text):
    """Whatever the parser fails on, the message names the file; ``--set`` takes it for a text."""
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_toml(path)
    assert str(refused.value).startswith(f"{path} is not a TOML file")
    assert isinstance(parse_assignment(text)["a"], str)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("", "a run must have decoder, encoder, source, target, task"),
        ('task = "copy"\n[encoder]\n', "a run must have decoder, source, target"),
    ],
)
def test_a_run_toml_that_lacks_a_table_is_refused(plugins, tmp_path, tables, message):
    """The message names the file, and what it lacks."""
    (tmp_path / "run.toml").write_text(tables)
    with pytest.raises(ConfigError) as refused:
        Run.open(tmp_path, plugins)
    assert str(refused.value) == f"{tmp_path / 'run.toml'} can't be used: {message}"


def test_what_is_no_table_at_all_is_refused(plugins):
    """There is no setting to name then."""
    with pytest.raises(ConfigError, match=r"^a run must be a table of settings \(got \[\]\)$"):
        structure([], plugins)


def test_a_missing_toml_is_refused(tmp_path):
    """The message names the file and the reason."""
    path = tmp_path / "nowhere.toml"
    with pytest.raises(ConfigError) as refused:
        read_toml(path)
    assert str(refused.value) == f"can't read {path}: No such file or directory"


def test_a_component_without_settings_takes_none(plugins):
    """A component that has nothing to set refuses every setting."""
    assert resolve([{"task": "opinionated"}], plugins).task.config == NoConfig()
    with pytest.raises(ConfigError, match=r"^unknown setting task\.x; task has: none$"):
        resolve([{"task": {"name": "opinionated", "x": 1}}], plugins)
