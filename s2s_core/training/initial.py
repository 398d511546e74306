"""Initialises a model from an earlier run: its vocabularies, and the weights that fit."""

from pathlib import Path
from typing import Literal

import attrs
import torch

from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.model.checkpoint import TextModel, weights
from s2s_core.text.tokenizer import Tokenizer

Side = Literal["source", "target"]

_OF_IDS = {"source": ("source_embedding.",), "target": ("target_embedding.", "projection.")}
"""The prefixes of the weights that have a row for each id of a side."""


@attrs.frozen
class Inheritance:
    """The weights that a model inherited.

    Attributes:
        folder: The folder of the earlier run.
        taken: The number of tensors that were taken from it.
        left: The new model's other tensors, each with the reason why it wasn't inherited.
    """

    folder: Path
    taken: int
    left: tuple[str, ...]

    @property
    def total(self) -> int:
        """The number of the new model's tensors."""
        return self.taken + len(self.left)


def same_tokenizer(side: Side, config: RunConfig, initial: TextModel | None) -> Tokenizer | None:
    """Returns the earlier run's tokenizer of a side, if the new run chose the same one with the same settings."""
    if initial is None or getattr(config, side).tokenizer != getattr(initial.config, side).tokenizer:
        return None
    if config.target.share_vocabulary != initial.config.target.share_vocabulary:
        return None
    tokenizer: Tokenizer = getattr(initial, f"{side}_tokenizer")
    return tokenizer


def inherit(checkpoint: TextModel, initial: TextModel, folder: Path) -> Inheritance:
    """Takes over every weight whose name and shape are the same, and whose rows mean the same ids.

    Raises:
        ConfigError: No weight fits.
    """
    new, old = weights(checkpoint.model), weights(initial.model)
    foreign = tuple(
        prefix
        for side, prefixes in _OF_IDS.items()
        if getattr(checkpoint, f"{side}_tokenizer") is not getattr(initial, f"{side}_tokenizer")
        for prefix in prefixes
    )
    left = {}
    for name, tensor in new.items():
        if name not in old:
            left[name] = "new"
        elif name.startswith(foreign):
            left[name] = "of another tokenizer"
        elif old[name].shape != tensor.shape:
            left[name] = f"{_shape(tensor)}, there {_shape(old[name])}"
    taken = {name: old[name] for name in new if name not in left}
    if not taken:
        raise ConfigError(
            f"training.initial_run: no weight of {folder} fits this model; "
            "give it the encoder and decoder settings of that run, which its run.toml holds"
        )
    with torch.no_grad():
        checkpoint.model.load_state_dict(taken, strict=False)
    return Inheritance(folder, len(taken), tuple(f"{name} ({reason})" for name, reason in left.items()))


def _shape(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"
