"""Exports a trained model: exports the pieces, stitches them, proves the file and writes it."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import attrs
import onnx
import onnx_ir as ir
import torch

from s2s_core.config.decoding import features_of
from s2s_core.errors import ExportError
from s2s_core.exporting.parity import Parity, prove
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.stitch import stitch
from s2s_core.files import write_atomically
from s2s_core.model.checkpoint import TextModel
from s2s_core.runtime.file import METADATA
from s2s_core.runtime.structure import structure_of


def export(checkpoint: TextModel, held_out: Sequence[str], path: Path) -> Parity:
    """Writes a model as one ONNX file, text in and text out.

    Args:
        checkpoint: The model.
        held_out: Sources that it wasn't trained on, on which file and model are compared.
        path: The file.

    Raises:
        ExportError: The model can't be exported, or the file doesn't answer as the model does; nothing is written.
        OSError: The file can't be written.
    """
    checkpoint = attrs.evolve(checkpoint, model=copy.deepcopy(checkpoint.model).to(torch.device("cpu")).eval())
    config = checkpoint.config
    pieces = export_pieces(checkpoint.model, features_of(config.decoding, prefix=config.export.prefix))
    tokenizers = (checkpoint.source_tokenizer, checkpoint.target_tokenizer)
    model = ir.to_proto(stitch(pieces, tokenizers, config))
    _check(model)
    parity = prove(model, checkpoint, held_out[: config.export.parity_examples], config.export.tolerance)
    checksum = structure_of(model.SerializeToString(deterministic=True)).checksum
    metadata = {**checkpoint.describe(), "parity": attrs.asdict(parity), "checksum": checksum}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata, ensure_ascii=False)})
    write_atomically(path, model.SerializeToString(deterministic=True))
    return parity


def _check(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error
