"""The components that a run is made of: its task, its metrics and its tokenizers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import attrs

from s2s_core.config.fields import BadValueError
from s2s_core.config.normalization import AUTO, NormalizationConfig
from s2s_core.config.tables import Component, EvaluationConfig, RunConfig, TokenizerComponent
from s2s_core.data.splits import Again
from s2s_core.data.task import Example, References, Task
from s2s_core.errors import ConfigError, ModelError, PluginError, closest, listing
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.plugins.registry import Plugins
from s2s_core.text.copies import can_copy
from s2s_core.text.tokenizer import Tokenizer


def make_task(component: Component, plugins: Plugins) -> Task:
    """Makes a task.

    Raises:
        PluginError: Its ``references`` are something else than ``Task`` allows.
    """
    task_class: Any = plugins.component("task", component.name)
    task: Task = task_class(component.config)
    if task.references not in get_args(References):
        raise PluginError(f"task {component.name!r} must have references 'each' or 'all' (got {task.references!r})")
    return task


def choose_metrics(config: EvaluationConfig, task: Task | type[Task], plugins: Plugins) -> list[Component]:
    """Returns the metrics that a run reports: its own, or else its task's; the selecting one first.

    Raises:
        ConfigError: ``evaluation.select`` isn't among them.
    """
    metrics = list(config.metrics) or [
        Component(name, plugins.component("metric", name).Config()) for name in task.metrics
    ]
    names = [component.name for component in metrics]
    if config.select and config.select not in names:
        raise ConfigError(
            f"evaluation.select must be one of the metrics, {listing(names)} "
            f"(got {config.select!r}){closest(config.select, names)}"
        )
    return sorted(metrics, key=lambda component: component.name != config.select)


def make_metrics(
    config: EvaluationConfig, task: Task, plugins: Plugins, split: Callable[[str], Sequence[str]] = list
) -> Mapping[str, BaseMetric]:
    """Makes the metrics that a run reports; the first chooses the best checkpoint.

    Args:
        config: Which ones.
        task: Names the metrics to report if the configuration names none.
        plugins: Where they come from.
        split: Cuts a text into the target's tokens; not needed to show scores.
    """
    metrics: dict[str, BaseMetric] = {}
    for component in choose_metrics(config, task, plugins):
        metric_class: Any = plugins.component("metric", component.name)
        metrics[component.name] = metric_class(split, component.config)
    return metrics


def train_tokenizers(config: RunConfig, examples: Iterable[Example], plugins: Plugins) -> tuple[Tokenizer, Tokenizer]:
    """Makes the tokenizers of source and target, or one for both.

    Args:
        config: Which ones.
        examples: The examples, which can be iterated over more than once.
        plugins: Where tokenizers come from.

    Raises:
        ConfigError: A setting of a tokenizer doesn't suit the texts.
    """
    if config.target.share_vocabulary:
        both = texts_of(examples, "source", "target")
        shared = _train_tokenizer(config.source.tokenizer, "source", both, plugins)
        return shared, shared
    return (
        _train_tokenizer(config.source.tokenizer, "source", texts_of(examples, "source"), plugins),
        _train_tokenizer(config.target.tokenizer, "target", texts_of(examples, "target"), plugins),
    )


def texts_of(examples: Iterable[Example], *sides: str) -> Again[str]:
    """Returns the texts of one side, or of several one after the other, read anew on each iteration."""
    return Again(lambda: (getattr(example, side) for side in sides for example in examples))


def _train_tokenizer(component: TokenizerComponent, side: str, texts: Iterable[str], plugins: Plugins) -> Tokenizer:
    tokenizer_class: Any = plugins.component("tokenizer", component.name)
    try:
        tokenizer: Tokenizer = tokenizer_class.train(component.config, texts)
    except BadValueError as error:
        raise ConfigError(f"{side}.tokenizer.{error}") from error
    return tokenizer


def require_copying(config: RunConfig, plugins: Plugins) -> None:
    """Checks that the tokens of sources can be copied to targets, if that is asked for.

    Tokenizers that are left to the data are taken to fit, until they are settled.

    Raises:
        ConfigError: They can't; the message names the setting.
    """
    source, target = config.source.tokenizer, config.target.tokenizer
    if not config.target.copy or AUTO in {source.name, target.name}:
        return
    if source.name != target.name:
        raise ConfigError(
            "target.copy: source.tokenizer and target.tokenizer must have the same name, so that the tokens of sources "
            f"can be tokens of targets (got {source.name!r} and {target.name!r})"
        )
    if not can_copy(plugins.component("tokenizer", target.name)):
        raise ConfigError(
            f"target.copy: the tokens of tokenizer {target.name!r} aren't texts that can be copied: choose characters, "
            "words, bpe or unigram, or another tokenizer with onnx_split and the decode and onnx_decode of Tokenizer"
        )
    for name, value in _normalization(target.config).items():
        if value not in {_normalization(source.config)[name], _normalization(NormalizationConfig())[name]}:
            raise ConfigError(
                f"target.copy: source.tokenizer.{name} must be that of the target, {value!r}, as copied tokens are "
                f"those of the source (got {_normalization(source.config)[name]!r})"
            )


def _normalization(config: Any) -> Mapping[str, Any]:
    """Returns the settings of normalisation among a tokenizer's; the defaults where it has none."""
    settings = config if isinstance(config, NormalizationConfig) else NormalizationConfig()
    return {field.name: getattr(settings, field.name) for field in attrs.fields(NormalizationConfig)}


def load_tokenizer(component: TokenizerComponent, saved: Mapping[str, Any], plugins: Plugins) -> Tokenizer:
    """Creates a tokenizer from what its ``save`` returned.

    Raises:
        ModelError: The saved data is damaged.
    """
    tokenizer_class: Any = plugins.component("tokenizer", component.name)
    try:
        tokenizer: Tokenizer = tokenizer_class.load(component.config, saved)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"the saved tokenizer {component.name!r} is damaged: {error}") from error
    return tokenizer
