"""The hooks that a plugin may implement. Each is documented with an example in ``docs/hooks.md``.

A registration hook returns a mapping from the name that a user types to a class, or to ``"module:Class"``, which is
imported when the name is first used.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click

PROJECT = "s2s"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Run(Protocol):
    """A run as hooks see it: what they may rely on, and nothing else."""

    @property
    def folder(self) -> Path:
        """The folder that holds everything that the run writes."""

    @property
    def config(self) -> Any:
        """The tables of ``run.toml`` as attributes, such as ``run.config.training.steps``."""

    @property
    def metrics_path(self) -> Path:
        """The loss and the scores of each validation, and the test scores, each a JSON object on a line of its own."""

    @property
    def weights_path(self) -> Path:
        """The best model's weights."""

    @property
    def description_path(self) -> Path:
        """Everything else that is needed to load the model."""

    @property
    def onnx_path(self) -> Path:
        """The exported model."""

    @property
    def trackers_path(self) -> Path:
        """The folder of what trackers log."""

    @property
    def card_path(self) -> Path:
        """The model's card."""

    def settings(self) -> Mapping[str, bool | int | float | str]:
        """Returns every setting by its path, such as ``training.steps``; a list as text."""


@hookspec
def s2s_encoders() -> Mapping[str, type | str]:  # type: ignore[empty-body]  # a specification has no body
    """Gives encoders, such as ``{"mlp-rnn": "s2s_mlp_rnn.encoder:MLPRNNEncoder"}``."""


@hookspec
def s2s_decoders() -> Mapping[str, type | str]:  # type: ignore[empty-body]
    """Gives decoders, such as ``{"mlp-rnn": "s2s_mlp_rnn.decoder:MLPRNNDecoder"}``."""


@hookspec
def s2s_tasks() -> Mapping[str, type | str]:  # type: ignore[empty-body]
    """Gives tasks, such as ``{"reverse": "s2s_synthetic.words:Reverse"}``."""


@hookspec
def s2s_tokenizers() -> Mapping[str, type | str]:  # type: ignore[empty-body]
    """Gives tokenizers, such as ``{"characters": "s2s_core.text.characters:Characters"}``."""


@hookspec
def s2s_metrics() -> Mapping[str, type | str]:  # type: ignore[empty-body]
    """Gives metrics, such as ``{"exact_match": "s2s_core.evaluation.metrics.exact_match:ExactMatch"}``."""


@hookspec
def s2s_commands(cli: "click.Group") -> None:
    """Adds commands, with ``cli.add_command(command)``."""


@hookspec
def s2s_trackers(run: "Run") -> Collection[str]:  # type: ignore[empty-body]
    """Gives the names that ``training.trackers`` may contain, such as ``("wandb",)``, before the run writes anything.

    An ``S2SError`` refuses the run.
    """


@hookspec
def s2s_run_started(run: "Run", step: int) -> None:
    """Called when training starts, or resumes after ``step`` steps. An ``S2SError`` refuses the run."""


@hookspec
def s2s_progressed(run: "Run", step: int, values: Mapping[str, float]) -> None:
    """Called between validations with what training measured up to ``step``: ``loss``, ``learning_rate`` and so on."""


@hookspec
def s2s_evaluated(run: "Run", step: int, metrics: Mapping[str, float], loss: float) -> bool | None:
    """Called with the validation scores and loss after ``step`` steps. Returning ``True`` stops training."""


@hookspec
def s2s_run_finished(run: "Run") -> None:
    """Called when training is complete and the best model is on disk."""


@hookspec
def s2s_run_ended(run: "Run") -> None:
    """Called last, however training ended: completed, interrupted or failed."""
