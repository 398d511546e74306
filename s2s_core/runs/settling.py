"""Settles what a recipe leaves to the data: the tokenizers and the amount of training."""

from collections.abc import Mapping

import attrs

from s2s_core.config.amount import with_amount, with_amount_of
from s2s_core.config.normalization import AUTO
from s2s_core.config.structure import structure_component
from s2s_core.config.tables import Component, RunConfig
from s2s_core.runs.components import texts_of
from s2s_core.runs.run import Run
from s2s_core.text.choice import choose_tokenizer
from s2s_core.text.survey import TextSurvey

SIDES = ("source", "target")


def settle_tokenizers(run: Run, initial: RunConfig | None = None) -> tuple[Run, list[str]]:
    """Names the tokenizers of a run that are ``auto``.

    Args:
        run: The run.
        initial: The configuration of the run that it starts from, whose tokenizers are taken.

    Returns:
        The run, and a line for each tokenizer that was chosen.
    """
    tokenizers, reasons = dict[str, Component](), list[str]()
    for side in _open_sides(run.config):
        if initial is not None:
            tokenizers[side], reason = getattr(initial, side).tokenizer, "the run that this one starts from has it"
        else:
            tokenizers[side], reason = _chosen(run, side)
        reasons.append(f"{side}.tokenizer = {tokenizers[side].name}, as {reason}")
    return (run.settled(_with_tokenizers(run.config, tokenizers)) if tokenizers else run), reasons


def settle_amount(run: Run, updates_per_epoch: float | None) -> Run:
    """Returns the run with a number of updates.

    Args:
        run: The run.
        updates_per_epoch: The number of updates that train on every pair once; ``None`` if the examples never end.

    Raises:
        ConfigError: The number would follow from examples that never end.
    """
    training = with_amount(run.config.training, updates_per_epoch)
    return run if training == run.config.training else run.settled(attrs.evolve(run.config, training=training))


def settled_like(config: RunConfig, settled: RunConfig) -> RunConfig:
    """Returns a configuration in which what is left to the data is as in ``settled``."""
    tokenizers = {side: getattr(settled, side).tokenizer for side in _open_sides(config)}
    training = with_amount_of(config.training, settled.training)
    return attrs.evolve(_with_tokenizers(config, tokenizers), training=training)


def _open_sides(config: RunConfig) -> list[str]:
    return [side for side in SIDES if getattr(config, side).tokenizer.name == AUTO]


def _chosen(run: Run, side: str) -> tuple[Component, str]:
    wanted: Component = getattr(run.config, side).tokenizer
    target = run.config.target
    shared = SIDES if target.share_vocabulary or target.copy else (side,)  # tokens to copy are of one kind
    examples = run.splits.vocabulary_examples(run.config.training.seed)
    survey = TextSurvey.of(texts_of(examples, *shared))
    choice = choose_tokenizer(survey, normalized=wanted.config.normalization != "none")
    table = {"name": choice.name, **attrs.asdict(wanted.config), **choice.settings}
    return structure_component(table, "tokenizer", run.plugins), choice.reason


def _with_tokenizers(config: RunConfig, tokenizers: Mapping[str, Component]) -> RunConfig:
    sides = {side: attrs.evolve(getattr(config, side), tokenizer=each) for side, each in tokenizers.items()}
    return attrs.evolve(config, **sides)
