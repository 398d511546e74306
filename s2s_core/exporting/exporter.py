"""Exports a trained model: exports the pieces, stitches them, proves the file and writes it."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import attrs
import onnx
import onnx_ir as ir
import torch

from s2s_core.config.decoding import features_of
from s2s_core.config.tables import ExportConfig
from s2s_core.data.lexicon import Entries, read_lexicon
from s2s_core.data.task import Example, References
from s2s_core.errors import ExportError
from s2s_core.evaluation.calibration import require_enough
from s2s_core.exporting.calibration import calibrate, prove_confidence
from s2s_core.exporting.confidence import with_confidence
from s2s_core.exporting.lexicon import with_lexicon
from s2s_core.exporting.lexicon_proof import prove_lexicon
from s2s_core.exporting.parity import Parity, prove
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.quantization import least_runtime, quantized
from s2s_core.exporting.scorer_proof import prove_scorer
from s2s_core.exporting.sentences import warn_of_unreachable, with_sentences
from s2s_core.exporting.sentences_proof import prove_sentences
from s2s_core.exporting.stitch import stitch
from s2s_core.files import write_atomically
from s2s_core.model.checkpoint import TextModel
from s2s_core.runtime.metadata import METADATA
from s2s_core.runtime.structure import structure_of
from s2s_core.text import sentences
from s2s_core.text.tokenizer import Tokenizer

Examples = tuple[Sequence[Example], References]
"""Examples, and whether any target of those with the same source is right."""

Measure = Callable[[bytes, bytes], Mapping[str, Any]]
"""Compares a file with the same in fewer bits, and returns what the metadata say of both."""


def export(
    checkpoint: TextModel,
    held_out: Sequence[str],
    path: Path,
    examples: Callable[[], Examples] = lambda: ((), "each"),
    *,
    heard: Callable[[str], None] = lambda _: None,
    measure: Measure = lambda _plain, _quantized: {},
) -> Parity:
    """Writes a model as one ONNX file, text in and text out.

    Args:
        checkpoint: The model.
        held_out: Sources that it wasn't trained on, on which file and model are compared.
        path: The file.
        examples: Returns the examples that confidence is calibrated on; it is called only if the file tells it.
        heard: Called with what is being done, each time that changes.
        measure: Compares the file with the same in fewer bits; it is called only if such a file is asked for, which is
            then written unless this raises an error.

    Raises:
        DataError: The lexicon can't be read, or there are too few examples.
        ExportError: The model can't be exported, or the file doesn't answer as the model does; nothing is written.
        OSError: The file can't be written.
    """
    checkpoint = attrs.evolve(checkpoint, model=copy.deepcopy(checkpoint.model).to(torch.device("cpu")).eval())
    config = checkpoint.config
    settings = config.export
    known = examples() if settings.confidence else None
    if known is not None:
        require_enough(len(known[0]))
    features = features_of(config.decoding, prefix=settings.prefix or settings.scorer)
    heard("tracing the steps of the search")
    pieces = export_pieces(checkpoint.model, features)
    tokenizers = (checkpoint.source_tokenizer, checkpoint.target_tokenizer)
    heard("stitching them into one graph")
    model = ir.to_proto(stitch(pieces, tokenizers, config))
    _check(model)
    held_out = held_out[: settings.parity_examples]
    parity = prove(model, checkpoint, held_out, settings.tolerance, heard)
    if settings.scorer:
        heard("proving its scores of given answers")
        prove_scorer(model, checkpoint, held_out, settings.tolerance)
    metadata = {**checkpoint.describe(), "parity": attrs.asdict(parity)}
    content = _content(*_completed(model, checkpoint, held_out, known, metadata, heard))
    if settings.quantize:
        heard("storing its weights in fewer bits")
        small = _changed(model, lambda graph: quantized(graph, settings.quantize))
        needs = {"kind": settings.quantize, "onnxruntime": least_runtime(small)}
        small, metadata = _completed(small, checkpoint, held_out, known, metadata, heard)
        heard("measuring what that loses")
        metadata["quantization"] = {**needs, **measure(content, _content(small, metadata))}
        content = _content(small, metadata)
    write_atomically(path, content)
    return parity


def _completed(
    model: onnx.ModelProto,
    checkpoint: TextModel,
    held_out: Sequence[str],
    known: Examples | None,
    metadata: Mapping[str, Any],
    heard: Callable[[str], None],
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Returns a model with all that its settings add to it, each after its proof, and its metadata.

    Args:
        model: What was stitched.
        checkpoint: Has the settings.
        held_out: Sources that the model wasn't trained on.
        known: What confidence is calibrated on, if the file tells it.
        metadata: What is known so far.
        heard: Called with what is being done.
    """
    settings, metadata = checkpoint.config.export, dict(metadata)
    decoding = attrs.asdict(checkpoint.config.decoding)
    if known is not None:
        heard("calibrating its confidence")
        calibration = calibrate(model, *known, decoding)
        model = _changed(model, lambda graph: with_confidence(graph, calibration))
        prove_confidence(model, calibration, held_out, decoding)
        metadata["calibration"] = attrs.asdict(calibration)
    if settings.lexicon or settings.origin or settings.unit == "word":
        heard("adding its lexicon")
        entries = _entries(settings, checkpoint.source_tokenizer)
        if settings.unit == "word":
            warn_of_unreachable(entries)
        model = _with_lexicon(model, entries, checkpoint, held_out)
        metadata["lexicon"] = len(entries)
    if settings.unit == "word":
        heard("adding sentences")
        model = _with_sentences(model, checkpoint, held_out)
    return model, metadata


def _content(model: onnx.ModelProto, metadata: Mapping[str, Any]) -> bytes:
    """Returns a file's content."""
    checksum = structure_of(model.SerializeToString(deterministic=True)).checksum
    onnx.helper.set_model_props(model, {METADATA: json.dumps({**metadata, "checksum": checksum}, ensure_ascii=False)})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _entries(settings: ExportConfig, tokenizer: Tokenizer) -> Entries:
    """Returns the entries of the lexicon; none without one."""
    return read_lexicon(Path(settings.lexicon), tokenizer.normalize) if settings.lexicon else {}


def _with_lexicon(
    model: onnx.ModelProto, entries: Entries, checkpoint: TextModel, held_out: Sequence[str]
) -> onnx.ModelProto:
    """Returns a model with a lexicon, after its proof."""
    settings, tokenizer = checkpoint.config.export, checkpoint.source_tokenizer
    plain = model.SerializeToString()
    answerable = sentences.readable(tokenizer) if settings.unit == "word" else ""
    model = _changed(
        model,
        lambda graph: with_lexicon(graph, entries, tokenizer, origin=settings.origin, answerable=answerable),
    )
    decoding = attrs.asdict(checkpoint.config.decoding)
    content, normalize = model.SerializeToString(), tokenizer.normalize
    prove_lexicon(content, plain, entries, normalize, held_out, decoding, answerable=answerable)
    return model


def _with_sentences(model: onnx.ModelProto, checkpoint: TextModel, held_out: Sequence[str]) -> onnx.ModelProto:
    """Returns a model that answers each word of a text by itself, after its proof."""
    settings = checkpoint.config.export
    policy = cast("sentences.Punctuation", settings.punctuation), settings.separator
    plain = model.SerializeToString()
    model = _changed(model, lambda graph: with_sentences(graph, *policy))
    prove_sentences(model.SerializeToString(), plain, *policy, held_out, attrs.asdict(checkpoint.config.decoding))
    return model


def _changed(model: onnx.ModelProto, change: Callable[[ir.Model], ir.Model]) -> onnx.ModelProto:
    """Returns a changed copy of a model, after a check that it is valid."""
    own = onnx.ModelProto.FromString(model.SerializeToString())  # as the change renames what it shares with its source
    changed = ir.to_proto(change(ir.from_proto(own)))
    _check(changed)
    return changed


def _check(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error
