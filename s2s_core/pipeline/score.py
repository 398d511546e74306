"""Scores given answers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from s2s_core.data.task import Example
from s2s_core.evaluation.metric import Likelihood
from s2s_core.pipeline.models import Runs, opened
from s2s_core.plugins.registry import Plugins

if TYPE_CHECKING:
    from s2s_core.decoding.likelihood import Likelihoods


def score(runs: Runs, examples: Iterable[Example], *, plugins: Plugins | None = None) -> list[Likelihood]:
    """Returns how likely a run's best model finds given answers.

    ::

        [likelihood] = s2s.score("runs/mine", [s2s.Example("abc", "cba")])

    Args:
        runs: A trained run or its folder, or several, which score with the mean of their models' probabilities.
        examples: Sources, each with the answer to score.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        ConfigError: The runs have different tasks or vocabularies.
        ModelError: There is no trained model, or it is damaged.
    """
    return scorer(runs, plugins=plugins)(list(examples))


def scorer(runs: Runs, *, plugins: Plugins | None = None) -> "Likelihoods":
    """Returns what scores one batch of examples after the other; takes and raises what ``score`` does."""
    from s2s_core.decoding.likelihood import Likelihoods  # noqa: PLC0415  # needs PyTorch
    from s2s_core.model.checkpoint import load_together  # noqa: PLC0415

    return Likelihoods(load_together(opened(runs, plugins)))
