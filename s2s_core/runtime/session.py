"""Opens and runs a file in ONNX Runtime, whose errors become ours."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import onnxruntime

from s2s_core.compat import runtime_errors as errors
from s2s_core.errors import ConfigError, ModelError
from s2s_core.runtime.memory import is_out_of_memory, limit_memory

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

SMALL_FILE = 10_000_000
"""The size in bytes up to which one thread is best: the threads of larger models wait less than they compute.

Measured on two quiet cores in batches of 64: with one thread, a file of 2.5 MB took 0.7 of the time of two, one of
30 MB 1.4 of it. On busy cores, the small one took half.
"""

_QUIET = 4  # ONNX Runtime warns about every input that has a default, and prints errors that it also raises


class Stop:
    """Ends answers that nobody waits for any more, from any thread: those that are computed, and later ones at once."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = _QUIET

    def __call__(self) -> None:
        """Ends them; they raise a ``ModelError``."""
        self.options.terminate = True


class Session:
    """A file that is open in ONNX Runtime.

    Args:
        name: What the file is called in messages.
        content: Of the file.
        provider: One of ``PROVIDERS``.
        threads: How many threads an operator may use; 0 leaves it to ``threads_for``.
        memory: How many bytes of memory a run may take on a CPU; 0 sets no limit.

    Attributes:
        inputs: The inputs without a default, in the file's order.
        optional: The inputs with one.
        outputs: The outputs.
        properties: Of the file, as texts.

    Raises:
        ModelError: The file is damaged, or it isn't one.
        ConfigError: The provider isn't available.
        MemoryError: There is too little memory for the file.
    """

    def __init__(self, name: str, content: bytes, *, provider: str = "cpu", threads: int = 0, memory: int = 0) -> None:
        self._name = name
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _QUIET
        options.add_session_config_entry("session.load_model_format", "ONNX")  # ONNX Runtime's own has other rules
        options.intra_op_num_threads = threads or threads_for(len(content))
        if memory and provider == "cpu":
            limit_memory(options, memory)
        providers = [_provider(provider)]
        with self._raised(" is damaged or is not an ONNX file"):
            self._session = onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
            self.inputs = self._session.get_inputs()
            self.optional = self._session.get_overridable_initializers()
            self.outputs = self._session.get_outputs()
            self.properties = self._session.get_modelmeta().custom_metadata_map

    def run(self, outputs: list[str], inputs: Mapping[str, Any], stop: Stop | None = None) -> list[Any]:
        """Returns outputs, by their names.

        Raises:
            ModelError: The file can't be run with these inputs.
            MemoryError: It would need more memory than there is.
        """
        with self._raised(" can't answer"):
            results: list[Any] = self._session.run(outputs, inputs, stop and stop.options)
        return results

    @contextlib.contextmanager
    def _raised(self, what: str) -> Iterator[None]:
        """Raises ours instead of ONNX Runtime's errors."""
        try:
            yield
        except _RUNTIME_ERRORS as error:
            if is_out_of_memory(error):
                raise MemoryError(f"{self._name} needs more memory than there is for it") from error
            raise ModelError(f"{self._name}{what}: {_first_line(error)}") from error


def threads_for(size: int) -> int:
    """Returns how many threads ONNX Runtime should use for a file of a size; 0 means as many as there are cores."""
    return 1 if size <= SMALL_FILE else 0


_RUNTIME_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
    UnicodeDecodeError,  # from names in a damaged file
)


def _provider(name: str) -> str:
    provider = PROVIDERS.get(name)
    if provider is None:
        raise ConfigError(f"unknown provider {name!r}; there are: {', '.join(PROVIDERS)}")
    if provider not in onnxruntime.get_available_providers():
        raise ConfigError(f"this ONNX Runtime has no provider {name!r}: pip install onnxruntime-gpu")
    if name == "cuda":
        with contextlib.redirect_stdout(sys.stderr):  # it prints which of them are missing
            onnxruntime.preload_dlls()  # those of CUDA and cuDNN that pip installed, which the system doesn't find
    return provider


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
