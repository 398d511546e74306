"""A model repository, the folder from which Triton and KServe serve a model.

    FOLDER/NAME/config.pbtxt     what the model takes and gives, and how it is batched
    FOLDER/NAME/1/model.onnx     version 1, the exported file

The configuration is written first, as its first line tells that a model's folder may be replaced.
"""

import re
from pathlib import Path

import attrs

from s2s_core.config.outputs import ALWAYS, OUTPUTS, TOLD
from s2s_core.config.tables import ExportConfig
from s2s_core.errors import ConfigError
from s2s_core.files import require_writable, write_atomically

_MARK = "# Written by s2s export, which replaces it."
"""The first line of a configuration that may be replaced."""

_CONFIG = """{mark}
# An input that isn't listed, such as beam_size, keeps its default in the file.
name: "{name}"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "source" data_type: TYPE_STRING dims: [ 1 ] reshape: {{ shape: [ ] }} }}
]
output [
{outputs}
]
dynamic_batching {{ }}
"""

_KINDS = {"string": "TYPE_STRING", "float": "TYPE_FP32"}

_SHAPES = {1: "dims: [ 1 ] reshape: { shape: [ ] }", 2: "dims: [ -1 ]"}
"""The shape of an output of a rank, without the dimension of the texts; one without others needs the detour."""


@attrs.frozen
class ModelRepository:
    """The place of a model in a repository.

    Attributes:
        folder: The repository.
        name: The model's name, and that of its folder.
    """

    folder: Path
    name: str

    @property
    def config_path(self) -> Path:
        """The model's configuration."""
        return self.folder / self.name / "config.pbtxt"

    @property
    def model_path(self) -> Path:
        """The exported file."""
        return self.folder / self.name / "1" / "model.onnx"

    def require_room(self) -> None:
        """Checks that nothing is where the model goes but what an earlier export wrote.

        Raises:
            ConfigError: Something is, or the name can't be a model's.
            OSError: The folder can't be written.
        """
        if not re.fullmatch(r"[\w.-]+", self.name) or set(self.name) == {"."}:
            raise ConfigError(
                f"{self.name!r} can't be a model's name, of letters, digits, '_', '-' and '.': "
                "choose another --output, whose name the model gets"
            )
        for path in (self.config_path.parent, self.model_path.parent, self.config_path, self.model_path):
            if path.is_symlink():
                raise ConfigError(f"{path} is a symbolic link: remove it, or choose another --triton")
        if self.config_path.parent.exists() and not self._is_ours():
            raise ConfigError(f"{self.config_path.parent} was not written by s2s: choose another --triton or --output")
        nearest = next(folder for folder in self.config_path.parents if folder.exists())
        require_writable(nearest / self.config_path.name)

    def write(self, content: bytes, settings: ExportConfig) -> None:
        """Writes the configuration and then the exported file, which is what a server loads.

        Args:
            content: The exported file's.
            settings: Of its export, which say what it tells.

        Raises:
            OSError: They can't be written.
        """
        outputs = ",\n".join(map(_output, (*ALWAYS, *(name for name in TOLD if getattr(settings, name)))))
        self.model_path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.config_path, _CONFIG.format(mark=_MARK, name=self.name, outputs=outputs))
        write_atomically(self.model_path, content)

    def _is_ours(self) -> bool:
        """Returns whether an earlier export wrote the model's folder."""
        try:
            return self.config_path.read_bytes().startswith(_MARK.encode())
        except OSError:
            return False


def _output(name: str) -> str:
    output = OUTPUTS[name]
    return f'  {{ name: "{name}" data_type: {_KINDS[output.kind]} {_SHAPES[output.rank]} }}'
