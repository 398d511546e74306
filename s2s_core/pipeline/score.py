"""Scores given answers: runs in PyTorch, exported files in ONNX Runtime alone."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s2s_core.data.task import Example
from s2s_core.errors import ConfigError
from s2s_core.evaluation.metric import Likelihood
from s2s_core.pipeline.description import tokenizers_of
from s2s_core.pipeline.models import Runs, files_among, opened, several
from s2s_core.plugins.registry import Plugins
from s2s_core.text.copies import encode_target

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel

Scorer = Callable[[Sequence[Example]], list[Likelihood]]
"""Returns how likely each answer of a batch is."""


def score(models: Runs, examples: Iterable[Example], *, plugins: Plugins | None = None) -> list[Likelihood]:
    """Returns how likely a run's best model, or a file, finds given answers.

    ::

        [likelihood] = s2s.score("runs/mine", [s2s.Example("abc", "cba")])

    Args:
        models: A trained run or its folder, or several, which score with the mean of their models' probabilities; or
            the path of a file that was exported with ``export.scorer = true``.
        examples: Sources, each with the answer to score.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        ConfigError: The runs have different tasks or vocabularies, or the file has no scorer.
        ModelError: There is no trained model, or it is damaged.
    """
    return scorer(models, plugins=plugins)(list(examples))


def scorer(models: Runs, *, plugins: Plugins | None = None) -> Scorer:
    """Returns what scores one batch of examples after the other; takes and raises what ``score`` does."""
    files = files_among(models)
    if not files:
        return _scorer_of_runs(models, plugins)
    if len(several(models)) > 1:
        raise ConfigError(f"several models must be folders of runs (got {files[0]})")
    return _scorer_of_file(files[0], plugins or Plugins())


def _scorer_of_runs(runs: Runs, plugins: Plugins | None) -> Scorer:
    from s2s_core.decoding.likelihood import Likelihoods  # noqa: PLC0415  # needs PyTorch
    from s2s_core.model.together import load_together  # noqa: PLC0415

    return Likelihoods(load_together(opened(runs, plugins)))


def _scorer_of_file(path: Path, plugins: Plugins) -> Scorer:
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    model = ExportedModel(path)
    model.require_output("answer_scores")
    tokenizers = tokenizers_of(model, path, plugins)
    copies = bool(model.metadata["config"]["target"].get("copy"))

    def tokens(example: Example) -> int:
        """Returns the number of tokens of an answer, its end included."""
        if copies:
            return len(encode_target(example.target, example.source, tokenizers)) + 1
        return len(tokenizers[1].encode(example.target)) + 1

    def likelihoods(examples: Sequence[Example]) -> list[Likelihood]:
        scores = _scores(model, examples)
        return [Likelihood(score, tokens(example)) for score, example in zip(scores, examples, strict=True)]

    return likelihoods


def _scores(model: "ExportedModel", examples: Sequence[Example]) -> list[float]:
    sources, targets = [example.source for example in examples], [example.target for example in examples]
    scores: list[float] = model.score(sources, targets).tolist()
    return scores
