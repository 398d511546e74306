"""A run: its folder, its configuration, and the components that it is made of."""

import functools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config import Component, EvaluationConfig, RunConfig, TokenizerComponent
from s2s_core.errors import ConfigError, ModelError, PluginError, closest, listing
from s2s_core.files import write_atomically
from s2s_core.metric import Measure
from s2s_core.plugins import KINDS, Plugins
from s2s_core.resolve import read_toml, structure, to_toml, unstructure
from s2s_core.settings import BadValueError
from s2s_core.task import Example, Task
from s2s_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from s2s_core.data import Splits


RECORDED = ("kind", "name", "distribution", "version")
"""What is recorded of a component's origin."""

_INSTALLABLE = re.compile(r"([A-Za-z0-9][\w.!+-]*)?", re.ASCII)
"""The name or version of a distribution; none where a component belongs to no distribution."""


@attrs.frozen
class Run:
    """Where a run lives and what it consists of.

    Attributes:
        folder: Holds all that the run writes.
        config: What the run consists of.
        plugins: Where its components come from.
    """

    folder: Path
    config: RunConfig
    plugins: Plugins = attrs.field(repr=False)

    @classmethod
    def open(cls, folder: Path, plugins: Plugins) -> "Run":
        """Opens the run in a folder.

        Raises:
            ConfigError: There is none, or its ``run.toml`` is damaged.
            PluginError: A component is missing; the message says what to install.
        """
        path = folder / "run.toml"
        if not folder.is_dir():
            raise ConfigError(f"there is no folder {folder}")
        if not path.is_file():
            raise ConfigError(f"{folder} holds no run: it has no run.toml")
        tables = read_toml(path)
        try:
            config = structure(tables, plugins)
        except ConfigError as error:
            require(_recorded(folder / "model.json"), plugins)
            raise ConfigError(f"{path} can't be used: {error}") from error
        return cls(folder, config, plugins)

    def open_initial(self) -> "Run | None":
        """Opens the run that this one starts from, if it does.

        Raises:
            ConfigError: The folder holds no run, or is the run's own.
        """
        if not self.config.training.initial_run:
            return None
        folder = Path(self.config.training.initial_run)
        if folder.resolve() == self.folder.resolve():
            raise ConfigError(f"training.initial_run is the run's own folder, {folder}: choose another --output")
        try:
            return Run.open(folder, self.plugins)
        except ConfigError as error:
            raise ConfigError(f"training.initial_run: {error}") from error

    def create(self, *, overwrite: bool = False) -> None:
        """Makes the folder and writes ``run.toml``.

        Args:
            overwrite: Whether to start again where a run is. Its model is set aside until this one has a model.

        Raises:
            ConfigError: The folder holds a run already, or links in place of what a run writes.
        """
        self.require_own()
        if overwrite:
            if self.weights_path.exists():
                self._set_aside()
            self._clear()
        self.require_new()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "run.toml", to_toml(self.config))

    def require_new(self) -> None:
        """Checks that the folder holds no run.

        Raises:
            ConfigError: It does.
        """
        if (self.folder / "run.toml").exists():
            raise ConfigError(
                f"{self.folder} already holds a run: go on with --resume, start again with --overwrite, "
                "or choose another --output"
            )

    def require_own(self) -> None:
        """Checks that what the run writes is in its folder: a link would let it write, or remove, somewhere else.

        Raises:
            ConfigError: A link stands where the run writes.
        """
        folders = self.resume_path.parent, self.previous_path, self.previous_path / self.resume_path.parent.name
        for path in (*self._written(), *folders):
            if path.is_symlink():
                raise ConfigError(
                    f"{path} is a symbolic link, but a run writes in its own folder only: remove the link"
                )

    def drop_previous(self) -> None:
        """Removes the run that was overwritten, now that this one has a model."""
        shutil.rmtree(self.previous_path, ignore_errors=True)

    def _set_aside(self) -> None:
        """Moves what a run wrote to ``previous``, its model last."""
        for path in self._written():
            if path.exists():
                target = self.previous_path / path.relative_to(self.folder)
                _remove(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)

    def _clear(self) -> None:
        """Removes what a run writes, and nothing else."""
        for path in self._written():
            _remove(path)

    def _written(self) -> Sequence[Path]:
        """Returns what a run writes."""
        return (
            self.folder / "run.toml",
            self.metrics_path,
            self.trackers_path,
            self.resume_path,
            self.onnx_path,
            self.card_path,
            self.description_path,
            self.weights_path,
        )

    @property
    def metrics_path(self) -> Path:
        """The loss and the scores of each validation, and the test scores, each a JSON object on a line of its own."""
        return self.folder / "metrics.jsonl"

    @property
    def weights_path(self) -> Path:
        """The best model's weights."""
        return self.folder / "model.safetensors"

    @property
    def description_path(self) -> Path:
        """All else that is needed to load the model."""
        return self.folder / "model.json"

    @property
    def resume_path(self) -> Path:
        """What training needs to go on."""
        return self.folder / "resume" / "state.safetensors"

    @property
    def onnx_path(self) -> Path:
        """The exported model."""
        return self.folder / "model.onnx"

    @property
    def trackers_path(self) -> Path:
        """The folder of what trackers log."""
        return self.folder / "trackers"

    @property
    def previous_path(self) -> Path:
        """The folder of the run that was overwritten, until this one has a model."""
        return self.folder / "previous"

    @property
    def card_path(self) -> Path:
        """The model's card."""
        return self.folder / "README.md"

    def settings(self) -> dict[str, bool | int | float | str]:
        """Returns every setting by its path, such as ``training.steps``; a list as text."""
        return _flat(unstructure(self.config))

    def splits(self) -> "Splits":
        """Returns the task's examples; its validation and test sets are drawn when it is first called."""
        return self._splits

    @functools.cached_property
    def _splits(self) -> "Splits":
        from s2s_core.data import Splits  # noqa: PLC0415  # s2s starts without numpy

        name = self.config.task.name
        plugin = self.plugins.plugin_of("task", name)
        return Splits(make_task(self.config.task, self.plugins), name, f"{plugin.distribution} {plugin.version}")


def _flat(tables: Mapping[str, Any], path: str = "") -> dict[str, bool | int | float | str]:
    settings: dict[str, bool | int | float | str] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            settings |= _flat(value, f"{path}{name}.")
        else:
            settings[path + name] = str(value) if isinstance(value, list) else value
    return settings


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_first_process() -> bool:
    """Whether this process is the one, of those that ``torchrun`` or ``accelerate launch`` started, that writes."""
    return os.environ.get("RANK", "0") == "0"


def make_task(component: Component, plugins: Plugins) -> Task:
    """Makes a task."""
    task_class: Any = plugins.component("task", component.name)
    task: Task = task_class(component.config)
    return task


def choose_metrics(config: EvaluationConfig, task: Task | type[Task], plugins: Plugins) -> list[Component]:
    """Returns the metrics that a run reports: those it chose, or its task's; the one that selects comes first.

    Raises:
        ConfigError: ``evaluation.select`` isn't among them.
    """
    chosen = list(config.metrics) or [
        Component(name, plugins.component("metric", name).Config()) for name in task.metrics
    ]
    names = [component.name for component in chosen]
    if config.select and config.select not in names:
        raise ConfigError(
            f"evaluation.select must be one of the metrics, {listing(names)} "
            f"(got {config.select!r}){closest(config.select, names)}"
        )
    return sorted(chosen, key=lambda component: component.name != config.select)


def make_metrics(
    config: EvaluationConfig, task: Task, plugins: Plugins, split: Callable[[str], Sequence[str]] = list
) -> Mapping[str, Measure]:
    """Makes the metrics that a run reports; the first chooses the best checkpoint.

    Args:
        config: Which ones.
        task: Names those that are taken otherwise.
        plugins: Where they come from.
        split: Cuts a text into the target's tokens; not needed to show scores.
    """
    metrics: dict[str, Measure] = {}
    for component in choose_metrics(config, task, plugins):
        metric_class: Any = plugins.component("metric", component.name)
        metrics[component.name] = metric_class(split, component.config)
    return metrics


def train_tokenizers(config: RunConfig, examples: Iterable[Example], plugins: Plugins) -> tuple[Tokenizer, Tokenizer]:
    """Makes the tokenizers of source and target, or one for both.

    Args:
        config: Which ones.
        examples: They can be gone through more than once.
        plugins: Where tokenizers come from.

    Raises:
        ConfigError: A setting of a tokenizer doesn't suit the texts.
    """
    if config.target.share_vocabulary:
        both = _Texts(examples, "source", "target")
        shared = _train_tokenizer(config.source.tokenizer, "source", both, plugins)
        return shared, shared
    return (
        _train_tokenizer(config.source.tokenizer, "source", _Texts(examples, "source"), plugins),
        _train_tokenizer(config.target.tokenizer, "target", _Texts(examples, "target"), plugins),
    )


class _Texts:
    """The texts of examples on one side, or on several one after the other, read anew whenever they are wanted."""

    def __init__(self, examples: Iterable[Example], *sides: str) -> None:
        self._examples, self._sides = examples, sides

    def __iter__(self) -> Iterator[str]:
        return (getattr(example, side) for side in self._sides for example in self._examples)


def _train_tokenizer(component: TokenizerComponent, side: str, texts: Iterable[str], plugins: Plugins) -> Tokenizer:
    tokenizer_class: Any = plugins.component("tokenizer", component.name)
    try:
        tokenizer: Tokenizer = tokenizer_class.train(component.config, texts)
    except BadValueError as error:
        raise ConfigError(f"{side}.tokenizer.{error}") from error
    return tokenizer


def load_tokenizer(component: TokenizerComponent, saved: Mapping[str, Any], plugins: Plugins) -> Tokenizer:
    """Makes a tokenizer from what its ``save`` gave.

    Raises:
        ModelError: What was saved is damaged.
    """
    tokenizer_class: Any = plugins.component("tokenizer", component.name)
    try:
        tokenizer: Tokenizer = tokenizer_class.load(component.config, saved)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"the saved tokenizer {component.name!r} is damaged: {error}") from error
    return tokenizer


def provenance(config: RunConfig, plugins: Plugins) -> list[dict[str, str]]:
    """Says which distribution each of a run's components came from, and its version."""
    task_class: Any = plugins.component("task", config.task.name)
    used = [
        ("task", config.task.name),
        ("tokenizer", config.source.tokenizer.name),
        ("tokenizer", config.target.tokenizer.name),
        ("encoder", config.encoder.name),
        ("decoder", config.decoder.name),
        *(("metric", metric.name) for metric in choose_metrics(config.evaluation, task_class, plugins)),
    ]
    records = []
    for kind, name in dict.fromkeys(used):
        plugin = plugins.plugin_of(kind, name)  # type: ignore[arg-type]  # the kinds above
        records.append({"kind": kind, "name": name, "distribution": plugin.distribution, "version": plugin.version})
    return records


def _recorded(path: Path) -> list[Mapping[str, str]]:
    """Returns where the components of a run came from, if its ``model.json`` tells."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["plugins"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
    return records if is_provenance(records) else []


def is_provenance(records: object) -> bool:
    """Whether this, read from a file, is what ``provenance`` returns.

    Distribution and version are no more than that, as a user may paste them into a shell.
    """
    return isinstance(records, list) and all(
        isinstance(record, dict)
        and all(isinstance(record.get(name), str) for name in RECORDED)
        and all(_INSTALLABLE.fullmatch(record[name]) for name in ("distribution", "version"))
        for record in records
    )


def require(records: Iterable[Mapping[str, str]], plugins: Plugins) -> None:
    """Checks that the components of a saved model are installed.

    Raises:
        PluginError: One is missing; the message says what to install.
    """
    for record in records:
        kind: Any = record["kind"]
        name, distribution = record["name"], record["distribution"]
        if kind not in KINDS or name in plugins.names(kind):
            continue
        if distribution in {plugin.distribution for plugin in (*plugins.plugins, *plugins.disabled)}:
            plugins.component(kind, name)  # which says why it can't be had
        way = f"pip install {distribution}=={record['version']}" if distribution else "it belonged to no distribution"
        raise PluginError(f"{kind} {name!r} isn't installed: {way}")
