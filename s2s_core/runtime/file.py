"""Runs an exported file. It needs ONNX Runtime and numpy, but neither PyTorch nor ONNX."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2s_core.config.decoding import ASKED_BY, INPUTS
from s2s_core.config.outputs import OUTPUTS, TOLD
from s2s_core.errors import ChangedFileWarning, ConfigError, ModelError, closest, listing
from s2s_core.runtime.form import require_form, require_plain
from s2s_core.runtime.hub import fetch, is_on_hub
from s2s_core.runtime.inputs import TEXTS, number, one_each, required_inputs, strings
from s2s_core.runtime.metadata import Metadata
from s2s_core.runtime.session import Session, Stop


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
        content = file if isinstance(file, bytes) else _read(Path(file))
        checksum = require_plain(self._name, content)
        self._session = Session(self._name, content, provider=provider, threads=threads, memory=memory)
        self._noted = Metadata.read(self._name, self._session.properties)
        self.metadata = self._noted.entries
        require_form(self._name, self._session)
        self._outputs = {value.name for value in self._session.outputs}
        self._required = self._required_inputs()
        self._inputs = {value.name for value in self._session.optional} | self._required.keys()
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
        return self._noted.beam_size

    @property
    def decoding(self) -> dict[str, Any]:
        """The settings of the search that the file has by default."""
        return self._noted.decoding

    @property
    def unit(self) -> str:
        """Says ``"word"`` if the file answers each word of a text by itself, else ``"text"``."""
        return self._noted.unit

    def knows(self, character: str) -> bool:
        """Returns whether a source token contains a character. A tokenizer that saves no tokens knows all."""
        return self._noted.knows(character)

    def _run(self, outputs: list[str], texts: Sequence[str], stop: Stop | None = None, /, **search: Any) -> list[Any]:
        inputs: dict[str, Any] = {"source": strings(texts), **self._required}
        for name, value in search.items():
            if value is not None:
                self._require(name)
                inputs[name] = one_each(name, value, len(texts)) if name in TEXTS else number(name, value)
        results = self._session.run(outputs, inputs, stop)
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

    def _required_inputs(self) -> dict[str, NDArray[Any]]:
        """Returns the inputs that the file has no default for, with those of its settings."""
        if len(self._session.inputs) == 1:
            return {}
        try:
            return required_inputs(self._session.inputs, self.decoding)
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise ModelError(f"{self._name} has damaged metadata: config.decoding lacks an input's default") from error


def load(file: str | Path | bytes, *, provider: str = "cpu", threads: int = 0, memory: int = 0) -> ExportedModel:
    """Loads an exported model: ``load("model.onnx")(["hello"])``; see ``ExportedModel``.

    A name such as ``hf:USER/NAME@REVISION`` is one of the Hugging Face Hub, and is fetched first.
    """
    if not isinstance(file, bytes) and is_on_hub(file):
        file = fetch(str(file)).path
    return ExportedModel(file, provider=provider, threads=threads, memory=memory)


def _read(path: Path) -> bytes:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ModelError(f"can't read {path}: it is no regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error
