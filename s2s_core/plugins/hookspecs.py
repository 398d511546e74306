"""The hooks that a plugin may implement. Each is documented with an example in ``docs/hooks.md``.

A registration hook returns a mapping from the name that a user types to a class, or to ``"module:Class"``, which is
imported when the name is first used.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from s2s_core.runs.run import Run

PROJECT = "s2s"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


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
    """Gives names that ``training.trackers`` may have, such as ``("wandb",)``, before anything of a run is written.

    An ``S2SError`` refuses the run.
    """


@hookspec
def s2s_run_started(run: "Run", step: int) -> None:
    """Is told that a run's training starts, or goes on after ``step`` steps; an ``S2SError`` refuses the run."""


@hookspec
def s2s_progressed(run: "Run", step: int, values: Mapping[str, float]) -> None:
    """Is told, between validations, what training measured up to ``step``: ``loss``, ``learning_rate`` and so on."""


@hookspec
def s2s_evaluated(run: "Run", step: int, metrics: Mapping[str, float]) -> bool | None:
    """Is told the validation scores after ``step`` steps; returning ``True`` stops the training."""


@hookspec
def s2s_run_finished(run: "Run") -> None:
    """Is told that a run's training has come to its end and its best model is on disk."""


@hookspec
def s2s_run_ended(run: "Run") -> None:
    """Is told last, however training ended: finished, interrupted or failed."""
