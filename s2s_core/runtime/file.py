"""Runs an exported file. It needs ONNX Runtime and numpy, but neither PyTorch nor ONNX."""

import contextlib
import functools
import json
import operator
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from s2s_core.compat import runtime_errors as errors
from s2s_core.config.decoding import ASKED_BY, INPUTS
from s2s_core.config.outputs import OUTPUTS, TOLD
from s2s_core.errors import ChangedFileWarning, ConfigError, ModelError, closest, listing
from s2s_core.runtime.hub import fetch, is_on_hub
from s2s_core.runtime.inputs import TEXTS, number, one_each, required_inputs, strings
from s2s_core.runtime.memory import is_out_of_memory, limit_memory
from s2s_core.runtime.structure import structure_of
from s2s_core.version import FORMAT_VERSION, __version__

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

METADATA = "s2s"
"""The key of the file's metadata, a JSON object."""

_KINDS = {"int64": "tensor(int64)", "float32": "tensor(float)"}

SMALL_FILE = 10_000_000
"""The size in bytes up to which one thread is best: the threads of larger models wait less than they compute.

Measured on two quiet cores in batches of 64: with one thread, a file of 2.5 MB took 0.7 of the time of two, one of
30 MB 1.4 of it. On busy cores, the small one took half.
"""

_QUIET = 4  # ONNX Runtime warns about every input that has a default, and prints errors that it also raises


class Answers(NamedTuple):
    """The best answers to some texts, best first.

    Attributes:
        hypotheses: string[N, K].
        scores: float[N, K]; minus infinity where there are fewer than K hypotheses.
        confidence: float[N], how probable it is that the best one is right; nothing if the file can't tell.
        origin: string[N], ``"model"``, ``"lexicon"`` or, where neither was asked, ``"source"``; nothing if the file
            can't tell.
    """

    hypotheses: NDArray[np.object_]
    scores: NDArray[np.float32]
    confidence: NDArray[np.float32] | None = None
    origin: NDArray[np.object_] | None = None


class Stop:
    """Ends answers that nobody waits for any more, from any thread: those that are computed, and later ones at once."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = _QUIET

    def __call__(self) -> None:
        """Ends them; they raise a ``ModelError``."""
        self.options.terminate = True


class ExportedModel:
    """An exported model.

    A file that another tool changed after the export, or that is damaged but can be used, gives a
    ``ChangedFileWarning``.

    Args:
        file: Its path, or its content.
        provider: ``"cpu"`` or ``"cuda"``.
        threads: How many threads an operator may use; 0 stands for one if the file is small, else for as many as there
            are cores.
        memory: How many bytes of memory answers may take at a time, on a CPU; 0 sets no limit. All files of a process
            with a limit share it, and the latest one applies to those that are opened later.

    Attributes:
        metadata: What the file says about itself.
        changed: Whether it isn't as it was when it was proved.

    Raises:
        ModelError: The file is missing, damaged, foreign or made by a newer version.
        ConfigError: The provider isn't available.
    """

    def __init__(self, file: str | Path | bytes, *, provider: str = "cpu", threads: int = 0, memory: int = 0) -> None:
        self._name = "the model" if isinstance(file, bytes) else str(file)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _QUIET
        options.add_session_config_entry("session.load_model_format", "ONNX")  # ONNX Runtime's own has other rules
        content = file if isinstance(file, bytes) else _read(Path(file))
        options.intra_op_num_threads = threads or threads_for(len(content))
        if memory and provider == "cpu":
            limit_memory(options, memory)
        checksum = self._require_plain(content)
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=[_provider(provider)], enable_fallback=0
            )
        except _RUNTIME_ERRORS as error:
            if is_out_of_memory(error):
                raise MemoryError(f"{self._name} needs more memory than there is for it") from error
            raise ModelError(f"{self._name} is damaged or is not an ONNX file: {_first_line(error)}") from error
        self.metadata = self._read_metadata()
        self._require_form()
        self._outputs = {value.name for value in self._session.get_outputs()}
        self._required = self._required_inputs()
        self._inputs = {value.name for value in self._session.get_overridable_initializers()} | self._required.keys()
        self.changed = self.metadata.get("checksum", checksum) != checksum
        if self.changed:
            message = f"{self._name} isn't as s2s proved it: another tool changed it, or it is damaged"
            warnings.warn(message, ChangedFileWarning, stacklevel=2)

    def __call__(self, texts: Sequence[str], **search: Any) -> list[str]:
        """Returns the best answer to each text; takes what ``answers`` takes."""
        (target,) = self._run(["target"], texts, **search)
        return list(target)

    def answers(self, texts: Sequence[str], *, stop: Stop | None = None, **search: Any) -> Answers:
        """Returns all hypotheses.

        Args:
            texts: Any number of texts.
            stop: Ends the search when it is called.
            **search: Settings of ``DecodingConfig`` by their names, such as ``beam_size``, each with a default in the
                file; and ``prefix``, a text to begin with, or a list of one for each text.

        Raises:
            ConfigError: The file was exported without the part of the search that a setting belongs to, or a number
                isn't finite or too large.
            DataError: A text can't be UTF-8, or there are not as many prefixes as texts.
            MemoryError: The texts are too many or too long for the memory.
        """
        hypotheses, scores, *others = self._run(["hypotheses", "scores", *self.told], texts, stop, **search)
        return Answers(hypotheses, scores, **dict(zip(self.told, others, strict=True)))

    def score(self, texts: Sequence[str], answers: Sequence[str]) -> NDArray[np.float32]:
        """Returns the log-probability of a given answer to each text, its end included, float[N].

        Args:
            texts: Any number of texts.
            answers: One for each.

        Raises:
            ConfigError: The file was exported without a scorer.
            DataError: A text can't be UTF-8, or there are not as many answers as texts.
            MemoryError: The texts are too many or too long for the memory.
        """
        self.require_output("answer_scores")
        scores: NDArray[np.float32]
        (scores,) = self._run(["answer_scores"], texts, answer=answers, beam_size=1, max_length=1, max_length_ratio=0)
        return scores

    def require_output(self, name: str) -> None:
        """Checks that the file has an output that only some have.

        Raises:
            ConfigError: It hasn't.
        """
        if name not in self._outputs:
            raise ConfigError(f"{self._name} has no output {name!r}: {self._way(OUTPUTS[name].asked_by)}")

    @property
    def told(self) -> list[str]:
        """The outputs about each answer that only some files have, of ``confidence`` and ``origin``."""
        return [name for name in TOLD if name in self._outputs]

    @property
    def inputs(self) -> frozenset[str]:
        """The settings of a search that the file takes, by their names."""
        return frozenset(self._inputs & {*INPUTS, "prefix"})

    @property
    def required(self) -> Mapping[str, NDArray[Any]]:
        """The inputs, besides the source, that the file has no default for, each with that of its settings."""
        return self._required

    @property
    def beam_size(self) -> int:
        """The number of beams that the file searches with unless a call sets it."""
        beams = self._noted("config", "decoding", "beam_size")
        if not isinstance(beams, int):
            raise ModelError(f"{self._name} has damaged metadata: config.decoding.beam_size is no whole number")
        return beams

    @property
    def decoding(self) -> dict[str, Any]:
        """The settings of the search that the file has by default."""
        decoding = self._noted("config", "decoding")
        if not isinstance(decoding, dict):
            raise ModelError(f"{self._name} has damaged metadata: config.decoding is no table")
        return decoding

    @property
    def unit(self) -> str:
        """Says ``"word"`` if the file answers each word of a text by itself, else ``"text"``."""
        export = self._noted("config").get("export", {})
        unit = export.get("unit", "text") if isinstance(export, dict) else None
        if unit not in {"text", "word"}:
            raise ModelError(f"{self._name} has damaged metadata: config.export.unit is neither text nor word")
        return str(unit)

    def knows(self, character: str) -> bool:
        """Returns whether a source token contains a character. A tokenizer that saves no tokens knows all."""
        saved = self._noted("source_tokenizer")
        tokens = saved.get("tokens", [character]) if isinstance(saved, dict) else None
        if not (isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)):
            raise ModelError(f"{self._name} has damaged metadata: source_tokenizer.tokens is no list of texts")
        return any(character in token for token in tokens)

    def _noted(self, *keys: str) -> Any:
        """Returns the entry of the metadata under nested keys."""
        try:
            return functools.reduce(operator.getitem, keys, self.metadata)
        except (KeyError, TypeError) as error:
            raise ModelError(f"{self._name} has damaged metadata: there is no {'.'.join(keys)}") from error

    def _run(self, outputs: list[str], texts: Sequence[str], stop: Stop | None = None, /, **search: Any) -> list[Any]:
        inputs: dict[str, Any] = {"source": strings(texts), **self._required}
        for name, value in search.items():
            if value is not None:
                self._require(name)
                inputs[name] = one_each(name, value, len(texts)) if name in TEXTS else number(name, value)
        try:
            results: list[Any] = self._session.run(outputs, inputs, stop and stop.options)
        except _RUNTIME_ERRORS as error:
            if is_out_of_memory(error):
                raise MemoryError(f"{self._name} needs more memory than there is for it") from error
            raise ModelError(f"{self._name} can't answer: {_first_line(error)}") from error
        for name, result in zip(outputs, results, strict=True):
            rows = len(result) if isinstance(result, np.ndarray) and result.ndim == OUTPUTS[name].rank else "other"
            if rows != len(texts):
                raise ModelError(f"{self._name} can't answer: it gives {rows} answers to {len(texts)} texts")
        return results

    def _require(self, name: str) -> None:
        """Checks that the file has what an optional input belongs to."""
        names = (*INPUTS, "prefix")
        if name not in {*names, "answer"}:
            raise TypeError(f"a search has no setting {name!r}{closest(name, names)}; it has: {listing(names)}")
        feature = INPUTS[name].feature if name in INPUTS else name
        if name not in self._inputs:
            fixed = "export it again and change it with no tool that fixes its inputs"
            raise ConfigError(
                f"{self._name} has no input {name!r}: {self._way(ASKED_BY[feature]) if feature else fixed}"
            )

    def _way(self, setting: str) -> str:
        """Returns what to do about a part that a setting asks for and the file hasn't."""
        if self.unit == "word" and setting in {ASKED_BY["prefix"], ASKED_BY["answer"]}:
            return "it isn't defined for a file that answers each word of a text by itself"
        return f"export it again with --set {setting}"

    def _require_plain(self, content: bytes) -> int:
        """Checks that the file has only parts that a file of s2s may have, and returns its checksum."""
        try:
            structure = structure_of(content)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self._name} is damaged or is not an ONNX file: {error}") from error
        if structure.external:
            raise ModelError(f"{self._name} was not made by s2s: it has weights in other files, which are not read")
        if structure.foreign:
            raise ModelError(f"{self._name} was not made by s2s: it has functions, or graphs for training")
        return structure.checksum

    def _require_form(self) -> None:
        """Checks that the file takes one list of texts, and gives what a file of s2s gives."""
        needed = [(value.name, value.type, len(value.shape)) for value in self._session.get_inputs()]
        given = {value.name: (value.type, len(value.shape)) for value in self._session.get_outputs()}
        allowed = {*((name, "tensor(string)", 1) for name in TEXTS)}
        allowed |= {(name, _KINDS[declared.kind], 0) for name, declared in INPUTS.items()}
        if needed[:1] != [("source", "tensor(string)", 1)] or not allowed.issuperset(needed[1:]):
            raise ModelError(f"{self._name} was not made by s2s: it needs other inputs than a list of texts, 'source'")
        for name, output in OUTPUTS.items():
            form = f"tensor({output.kind})", output.rank
            if given.get(name, form if output.asked_by else None) != form:
                raise ModelError(
                    f"{self._name} was not made by s2s: its output {name!r} isn't {form[0]} of rank {form[1]}"
                )

    def _required_inputs(self) -> dict[str, NDArray[Any]]:
        """Returns the inputs that the file has no default for, with those of its settings."""
        if len(self._session.get_inputs()) == 1:
            return {}
        try:
            return required_inputs(self._session, self.decoding)
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise ModelError(f"{self._name} has damaged metadata: config.decoding lacks an input's default") from error

    def _read_metadata(self) -> dict[str, Any]:
        try:
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
            if text is None:
                raise ModelError(f"{self._name} was not made by s2s: it has no metadata {METADATA!r}")
            metadata: dict[str, Any] = json.loads(text)
            version = metadata["format"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"{self._name} has damaged metadata: {error}") from error
        if version != FORMAT_VERSION:
            raise ModelError(f"{self._name} has format {version}, but this is s2s {__version__}: upgrade s2s-toolkit")
        return metadata


def threads_for(size: int) -> int:
    """Returns how many threads ONNX Runtime should use for a file of a size; 0 means as many as there are cores."""
    return 1 if size <= SMALL_FILE else 0


def load(file: str | Path | bytes, *, provider: str = "cpu", threads: int = 0, memory: int = 0) -> ExportedModel:
    """Loads an exported model: ``load("model.onnx")(["hello"])``; see ``ExportedModel``.

    A name such as ``hf:USER/NAME@REVISION`` is one of the Hugging Face Hub, and is fetched first.
    """
    if not isinstance(file, bytes) and is_on_hub(file):
        file = fetch(str(file)).path
    return ExportedModel(file, provider=provider, threads=threads, memory=memory)


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


def _read(path: Path) -> bytes:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ModelError(f"can't read {path}: it is no regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error


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
