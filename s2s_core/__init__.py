"""s2s: train a sequence-to-sequence model and ship it as one text-to-text ONNX file.

The names below are all that a plugin or a program needs. Each is imported when it is first used, so that nobody waits
for what isn't needed, such as PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from s2s_core.config.fields import (
        BadValueError,
        NoConfig,
        at_least,
        between,
        described,
        more_than,
        must_be,
        one_of,
        setting,
    )
    from s2s_core.data.lines import MOST_LINE_BYTES, BadLineError, decode_line, raw_lines
    from s2s_core.data.task import Example, Task
    from s2s_core.errors import (
        ChangedDataWarning,
        ChangedFileWarning,
        ConfigError,
        DataError,
        ExportError,
        ModelError,
        PluginError,
        S2SError,
        S2SWarning,
        UnreachableEntriesWarning,
        is_utf8,
    )
    from s2s_core.evaluation.metric import Likelihood, LikelihoodMetric, Metric
    from s2s_core.model.dropout import Dropout
    from s2s_core.model.interfaces import Decoder, Encoder, Memory, MemorySizes, Output, State, bridge, padding_mask
    from s2s_core.model.recurrence import scan
    from s2s_core.model.rnn import gru, lstm
    from s2s_core.pipeline.compare import Comparison, compare
    from s2s_core.pipeline.distil import distil
    from s2s_core.pipeline.evaluate import evaluate
    from s2s_core.pipeline.export import export
    from s2s_core.pipeline.patch import Patch, patch
    from s2s_core.pipeline.progress import Progress
    from s2s_core.pipeline.results import Distilled, Export, SeedRuns, TrainedRun
    from s2s_core.pipeline.run import run
    from s2s_core.pipeline.score import score
    from s2s_core.pipeline.seeds import run_seeds
    from s2s_core.pipeline.train import train
    from s2s_core.pipeline.web_page import WebPage, web_page
    from s2s_core.plugins.hookspecs import Run, hookimpl
    from s2s_core.runs.processes import is_first_process
    from s2s_core.runtime.file import load
    from s2s_core.text.survey import TextSurvey
    from s2s_core.text.tags import with_features
    from s2s_core.text.tokenizer import Misfit, Tokenizer, TokenizerConfig
    from s2s_core.version import API_VERSION, __version__

_MODULES = {
    "s2s_core.config.fields": (
        "BadValueError", "NoConfig", "at_least", "between", "described", "more_than", "must_be", "one_of", "setting",
    ),
    "s2s_core.data.lines": ("MOST_LINE_BYTES", "BadLineError", "decode_line", "raw_lines"),
    "s2s_core.data.task": ("Example", "Task"),
    "s2s_core.errors": (
        "ChangedDataWarning", "ChangedFileWarning", "ConfigError", "DataError", "ExportError", "ModelError",
        "PluginError", "S2SError", "S2SWarning", "UnreachableEntriesWarning", "is_utf8",
    ),
    "s2s_core.evaluation.metric": ("Likelihood", "LikelihoodMetric", "Metric"),
    "s2s_core.model.dropout": ("Dropout",),
    "s2s_core.model.interfaces": (
        "Decoder", "Encoder", "Memory", "MemorySizes", "Output", "State", "bridge", "padding_mask",
    ),
    "s2s_core.model.recurrence": ("scan",),
    "s2s_core.model.rnn": ("gru", "lstm"),
    "s2s_core.pipeline.compare": ("Comparison", "compare"),
    "s2s_core.pipeline.distil": ("distil",),
    "s2s_core.pipeline.evaluate": ("evaluate",),
    "s2s_core.pipeline.export": ("export",),
    "s2s_core.pipeline.patch": ("Patch", "patch"),
    "s2s_core.pipeline.progress": ("Progress",),
    "s2s_core.pipeline.results": ("Distilled", "Export", "SeedRuns", "TrainedRun"),
    "s2s_core.pipeline.run": ("run",),
    "s2s_core.pipeline.score": ("score",),
    "s2s_core.pipeline.seeds": ("run_seeds",),
    "s2s_core.pipeline.train": ("train",),
    "s2s_core.pipeline.web_page": ("WebPage", "web_page"),
    "s2s_core.plugins.hookspecs": ("Run", "hookimpl"),
    "s2s_core.runs.processes": ("is_first_process",),
    "s2s_core.runtime.file": ("load",),
    "s2s_core.text.survey": ("TextSurvey",),
    "s2s_core.text.tags": ("with_features",),
    "s2s_core.text.tokenizer": ("Misfit", "Tokenizer", "TokenizerConfig"),
    "s2s_core.version": ("API_VERSION", "__version__"),
}  # fmt: skip
"""The names that each module defines."""

__all__ = [
    "API_VERSION",
    "MOST_LINE_BYTES",
    "BadLineError",
    "BadValueError",
    "ChangedDataWarning",
    "ChangedFileWarning",
    "Comparison",
    "ConfigError",
    "DataError",
    "Decoder",
    "Distilled",
    "Dropout",
    "Encoder",
    "Example",
    "Export",
    "ExportError",
    "Likelihood",
    "LikelihoodMetric",
    "Memory",
    "MemorySizes",
    "Metric",
    "Misfit",
    "ModelError",
    "NoConfig",
    "Output",
    "Patch",
    "PluginError",
    "Progress",
    "Run",
    "S2SError",
    "S2SWarning",
    "SeedRuns",
    "State",
    "Task",
    "TextSurvey",
    "Tokenizer",
    "TokenizerConfig",
    "TrainedRun",
    "UnreachableEntriesWarning",
    "WebPage",
    "__version__",
    "at_least",
    "between",
    "bridge",
    "compare",
    "decode_line",
    "described",
    "distil",
    "evaluate",
    "export",
    "gru",
    "hookimpl",
    "is_first_process",
    "is_utf8",
    "load",
    "lstm",
    "more_than",
    "must_be",
    "one_of",
    "padding_mask",
    "patch",
    "raw_lines",
    "run",
    "run_seeds",
    "scan",
    "score",
    "setting",
    "train",
    "web_page",
    "with_features",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            value = globals()[name] = getattr(importlib.import_module(module), name)
            return value
    raise AttributeError(f"module 's2s_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
