"""What an exported file says about itself."""

import functools
import json
import operator
from collections.abc import Mapping
from typing import Any

import attrs

from s2s_core.errors import ModelError
from s2s_core.version import FORMAT_VERSION, __version__

METADATA = "s2s"
"""The key of the file's metadata, a JSON object."""


@attrs.frozen
class Metadata:
    """The metadata of an exported file.

    Attributes:
        name: What the file is called in messages.
        entries: The JSON object.
    """

    name: str
    entries: dict[str, Any]

    @classmethod
    def read(cls, name: str, properties: Mapping[str, str]) -> "Metadata":
        """Reads them from the properties of an ONNX file.

        Raises:
            ModelError: They are missing, damaged or of a newer version.
        """
        try:
            if METADATA not in properties:
                raise ModelError(f"{name} was not made by s2s: it has no metadata {METADATA!r}")
            entries: dict[str, Any] = json.loads(properties[METADATA])
            version = entries["format"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"{name} has damaged metadata: {error}") from error
        if version != FORMAT_VERSION:
            raise ModelError(f"{name} has format {version}, but this is s2s {__version__}: upgrade s2s-toolkit")
        return cls(name, entries)

    @property
    def beam_size(self) -> int:
        """The number of beams that the file searches with unless a call sets it."""
        beams = self._noted("config", "decoding", "beam_size")
        if not isinstance(beams, int):
            raise self._damaged("config.decoding.beam_size is no whole number")
        return beams

    @property
    def decoding(self) -> dict[str, Any]:
        """The settings of the search that the file has by default."""
        decoding = self._noted("config", "decoding")
        if not isinstance(decoding, dict):
            raise self._damaged("config.decoding is no table")
        return decoding

    @property
    def unit(self) -> str:
        """Says ``"word"`` if the file answers each word of a text by itself, else ``"text"``."""
        export = self._noted("config").get("export", {})
        unit = export.get("unit", "text") if isinstance(export, dict) else None
        if unit not in {"text", "word"}:
            raise self._damaged("config.export.unit is neither text nor word")
        return str(unit)

    def knows(self, character: str) -> bool:
        """Returns whether a source token contains a character. A tokenizer that saves no tokens knows all."""
        saved = self._noted("source_tokenizer")
        tokens = saved.get("tokens", [character]) if isinstance(saved, dict) else None
        if not (isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)):
            raise self._damaged("source_tokenizer.tokens is no list of texts")
        return any(character in token for token in tokens)

    def _noted(self, *keys: str) -> Any:
        """Returns the entry under nested keys."""
        try:
            return functools.reduce(operator.getitem, keys, self.entries)
        except (KeyError, TypeError) as error:
            raise self._damaged(f"there is no {'.'.join(keys)}") from error

    def _damaged(self, how: str) -> ModelError:
        return ModelError(f"{self.name} has damaged metadata: {how}")
