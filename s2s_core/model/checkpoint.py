"""A trained model on disk: ``model.json`` describes it, ``model.safetensors`` holds its weights."""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs
import torch
from torch import Tensor, nn

from s2s_core.config.structure import structure, unstructure
from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError, ModelError, listing
from s2s_core.files import write_atomically
from s2s_core.model.build import build_model, count_weights
from s2s_core.model.data_record import DataRecord
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.model.tensors import DamagedError, Stored, count_stored, read_tensors, write_tensors
from s2s_core.runs.components import load_tokenizer
from s2s_core.runs.provenance import RECORDED, is_provenance, provenance, require
from s2s_core.runs.run import CHANGEABLE, Run
from s2s_core.text import copies
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.version import FORMAT_VERSION, __version__

_NEEDED = frozenset(("config", "source_tokenizer", "target_tokenizer", "plugins"))
"""The keys that ``model.json`` must have, whatever else it has."""


MOST_LARGER = 2
"""How many times as many weights as there are on disk a model may have to be made, to tell which of them differ."""


@attrs.frozen(eq=False)
class TextModel:
    """A model, with the tokenizers that turn texts into its ids and back.

    Attributes:
        config: The run that it came from.
        source_tokenizer: Encodes sources.
        target_tokenizer: Decodes answers.
        model: The model itself.
        provenance: The distribution that each component came from.
        members: The configurations of the runs that an ensemble was made of.
    """

    config: RunConfig
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    model: AnyModel
    provenance: list[dict[str, str]]
    members: tuple[RunConfig, ...] = ()

    @property
    def trained(self) -> Seq2Seq:
        """The model itself, if it isn't an ensemble."""
        assert isinstance(self.model, Seq2Seq)  # noqa: S101  # only code that loads one run asks for it
        return self.model

    def decode(self, ids: Iterable[int], source: str) -> str:
        """Returns the text of an answer's ids, which may stand for tokens of the source."""
        tokenizers = self.source_tokenizer, self.target_tokenizer
        return copies.decode(ids, source, tokenizers) if self.copies else self.target_tokenizer.decode(ids)

    @property
    def copies(self) -> bool:
        """Whether target tokens may be copied from the source."""
        return self.config.target.copy

    def describe(self) -> dict[str, Any]:
        """Returns everything but the weights that is needed to load the model, as values for JSON."""
        return {
            "format": FORMAT_VERSION,
            "s2s": __version__,
            "config": unstructure(self.config),
            "source_tokenizer": self.source_tokenizer.save(),
            "target_tokenizer": self.target_tokenizer.save(),
            "parameters": self.model.parameter_count(),
            "plugins": self.provenance,
            **({"members": [unstructure(member) for member in self.members]} if self.members else {}),
        }

    def save_description(self, run: Run) -> None:
        """Writes ``model.json``, without settings that can be changed after training: those live in ``run.toml``."""
        description = {**self.describe(), "data": attrs.asdict(DataRecord.of(run))}
        description["config"] = {name: table for name, table in description["config"].items() if name not in CHANGEABLE}
        write_atomically(run.description_path, json.dumps(description, ensure_ascii=False, indent=1) + "\n")

    def save_weights(self, run: Run, step: int) -> None:
        """Writes ``model.safetensors``, with the step of the weights and what they belong to."""
        record = {"step": step, "identity": _identity(self.describe())}
        write_tensors(run.weights_path, weights(self.model), record)


def new_checkpoint(run: Run, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer) -> TextModel:
    """Makes a run's model with new weights."""
    source_size, target_size = len(source_tokenizer.vocabulary), len(target_tokenizer.vocabulary)
    model = build_model(run.config, source_size, target_size, run.plugins)
    return TextModel(run.config, source_tokenizer, target_tokenizer, model, provenance(run.config, run.plugins))


def load_tokenizers(run: Run) -> tuple[Tokenizer, Tokenizer]:
    """Loads the tokenizers of a run's source and target, which exist before its model does.

    Raises:
        ConfigError: A setting of ``run.toml`` isn't what the model is trained with.
        ModelError: ``model.json`` is missing, damaged or made by a newer version.
        PluginError: A component isn't installed.
    """
    return _load_tokenizers(run, _read_description(run))


def load_data_record(run: Run) -> DataRecord:
    """Returns what a run remembers of its data.

    Raises:
        ModelError: ``model.json`` is missing, damaged or made by a newer version.
    """
    try:
        return DataRecord.load(_read_description(run))
    except ValueError as error:
        raise ModelError(f"{run.description_path} is damaged: {error}") from error


def load_checkpoint(run: Run) -> TextModel:
    """Loads a run's best model, in evaluation mode.

    Raises:
        ConfigError: A setting of ``run.toml`` isn't what the model was trained with.
        ModelError: A file is missing, damaged or made by a newer version.
        PluginError: A component isn't installed.
    """
    description = _read_description(run)
    tokenizers = _load_tokenizers(run, description)
    source_size, target_size = (len(tokenizer.vocabulary) for tokenizer in tokenizers)
    _require_as_large(run, source_size, target_size)
    model = build_model(run.config, source_size, target_size, run.plugins)
    _fill(model, run, description)
    return TextModel(run.config, *tokenizers, model.eval(), description["plugins"])


def _require_as_large(run: Run, source_size: int, target_size: int) -> None:
    """Checks that there are as many weights as the model needs, before memory is taken for it."""
    path = run.weights_path
    if not path.is_file():
        return
    needed = count_weights(run.config, source_size, target_size, run.plugins)
    try:
        stored = count_stored(path)
    except (DamagedError, OSError) as error:
        raise ModelError(f"{path} is damaged or of another model: {error}") from error
    if needed is not None and needed > MOST_LARGER * stored:
        raise ModelError(
            f"{path} is damaged or of another model: it has {stored:,} values, but the model has {needed:,} weights"
        )


def _load_tokenizers(run: Run, description: Mapping[str, Any]) -> tuple[Tokenizer, Tokenizer]:
    require(description["plugins"], run.plugins)
    try:
        trained = structure(description["config"], run.plugins)
        tokenizers = (
            load_tokenizer(trained.source.tokenizer, description["source_tokenizer"], run.plugins),
            load_tokenizer(trained.target.tokenizer, description["target_tokenizer"], run.plugins),
        )
    except (ConfigError, ModelError) as error:
        raise ModelError(f"{run.description_path} is damaged: {'; '.join(error.lines)}") from error
    run.require_trained_with(trained)
    return tokenizers


def saved_step(run: Run) -> int | None:
    """Returns the step of the weights on disk; ``None`` if another program wrote them.

    Raises:
        ModelError: They are missing, damaged or of another run.
    """
    step = _read_weights(run, _read_description(run)).record.get("step")
    return step if isinstance(step, int) else None


def _read_weights(run: Run, description: Mapping[str, Any]) -> Stored:
    """Reads the weights that a description belongs to."""
    path = run.weights_path
    if not path.is_file():
        raise ModelError(f"{path} is missing: train the model first, or go on with --resume")
    try:
        stored = read_tensors(path)
    except (DamagedError, OSError) as error:
        raise ModelError(f"{path} is damaged or of another model: {error}") from error
    try:
        identity = _identity(description)
    except (LookupError, TypeError) as error:
        raise ModelError(f"{run.description_path} is damaged: its config is no table of all settings") from error
    if stored.record.get("identity", identity) != identity:
        raise ModelError(f"{path} is of another run than {run.description_path}: put back the one that is its own")
    return stored


def _identity(description: Mapping[str, Any]) -> int:
    """Returns a number for what gives a model its shape and its tokens their meaning, and for the seed."""
    config = description["config"]
    tables = [config[name] for name in ("source", "target", "encoder", "decoder")]
    tokenizers = [description["source_tokenizer"], description["target_tokenizer"]]
    return zlib.crc32(json.dumps([tables, tokenizers, config["training"]["seed"]], sort_keys=True).encode())


def _fill(model: Seq2Seq, run: Run, description: Mapping[str, Any]) -> None:
    """Fills a model with weights from disk."""
    path = run.weights_path
    stored = _read_weights(run, description)
    try:
        load_weights(model, stored.tensors)
    except RuntimeError as error:
        raise ModelError(f"{path} is damaged or of another model: {error}") from error
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise ModelError(f"{path} is damaged: some weights are infinite or not numbers")


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Returns a model's weights by name; weights that modules share come once."""
    seen: set[int] = set()
    unique = {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen or not tensor.numel():
            seen.add(tensor.data_ptr())
            unique[name] = tensor.detach().cpu().contiguous()
    return unique


def load_weights(model: nn.Module, saved: Mapping[str, Tensor]) -> None:
    """Fills a model with saved weights.

    Raises:
        RuntimeError: They belong to another model.
    """
    expected = weights(model)
    if set(saved) != set(expected):
        different = sorted(set(saved) ^ set(expected))
        raise RuntimeError(f"its weights differ in {', '.join(different[:3])}")
    with torch.no_grad():
        model.load_state_dict(saved, strict=False)


def _read_description(run: Run) -> dict[str, Any]:
    path = run.description_path
    if not path.is_file():
        raise ModelError(f"{path} is missing: train the model first, or go on with --resume")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        version = description["format"]
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if version != FORMAT_VERSION:
        raise ModelError(f"{path} has format {version}, but this is s2s {__version__}: upgrade s2s-toolkit")
    if lacking := _NEEDED - set(description):
        raise ModelError(f"{path} is damaged: it has no {listing(lacking)}")
    if not is_provenance(description["plugins"]):
        raise ModelError(f"{path} is damaged: plugins must say of each component {listing(RECORDED)}")
    return cast("dict[str, Any]", description)
