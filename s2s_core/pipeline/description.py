"""What an exported file says about where it came from."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.structure import structure_component
from s2s_core.config.tables import Component
from s2s_core.errors import ConfigError, ModelError, listing
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import load_tokenizer
from s2s_core.runs.provenance import RECORDED, is_provenance, require
from s2s_core.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel


@attrs.frozen
class FileDescription:
    """What the metadata of an exported file say about where it came from.

    Attributes:
        task: The task that it was trained for.
        source_tokenizer: Of its sources.
        target_tokenizer: Of its answers.
        evaluation: The table ``evaluation`` of its run.
    """

    task: Component
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    evaluation: Mapping[str, Any]

    @classmethod
    def read(cls, model: "ExportedModel", path: Path, plugins: Plugins) -> "FileDescription":
        """Reads the metadata of a file.

        Raises:
            ModelError: The metadata are damaged.
            PluginError: A task or tokenizer isn't installed.
        """
        records: Any = model.metadata.get("plugins")
        if not is_provenance(records):
            raise ModelError(f"{path} has damaged metadata: plugins must say of each component {listing(RECORDED)}")
        require((used for used in records if used["kind"] not in {"encoder", "decoder"}), plugins)
        with _damage_told(path):
            saved: Any = model.metadata["config"]
            task = structure_component(saved["task"], "task", plugins)
            source, target = (_tokenizer(model.metadata, side, plugins) for side in ("source", "target"))
            return cls(task, source, target, saved.get("evaluation", {}))


def tokenizers_of(model: "ExportedModel", path: Path, plugins: Plugins) -> tuple[Tokenizer, Tokenizer]:
    """Returns the tokenizers of a file's sources and answers, which need no other component to be installed.

    Raises:
        ModelError: The metadata are damaged.
        PluginError: A tokenizer isn't installed.
    """
    with _damage_told(path):
        return _tokenizer(model.metadata, "source", plugins), _tokenizer(model.metadata, "target", plugins)


def _tokenizer(metadata: Mapping[str, Any], side: str, plugins: Plugins) -> Tokenizer:
    component = structure_component(metadata["config"][side]["tokenizer"], "tokenizer", plugins)
    return load_tokenizer(component, metadata[f"{side}_tokenizer"], plugins)


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turns what damaged metadata lead to into a ``ModelError``."""
    try:
        yield
    except KeyError as error:
        raise ModelError(f"{path} has damaged metadata: {error} is missing") from error
    except (TypeError, AttributeError, ConfigError, ModelError) as error:
        raise ModelError(f"{path} has damaged metadata: {error}") from error
