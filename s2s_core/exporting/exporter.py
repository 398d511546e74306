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
from s2s_core.data.lexicon import Entries, read_lexicon
from s2s_core.errors import ExportError
from s2s_core.exporting.lexicon import with_lexicon
from s2s_core.exporting.lexicon_proof import prove_lexicon
from s2s_core.exporting.parity import Parity, prove
from s2s_core.exporting.pieces import export_pieces
from s2s_core.exporting.stitch import stitch
from s2s_core.files import write_atomically
from s2s_core.model.checkpoint import TextModel
from s2s_core.runtime.file import METADATA
from s2s_core.runtime.structure import structure_of
from s2s_core.text.tokenizer import Tokenizer


def export(checkpoint: TextModel, held_out: Sequence[str], path: Path) -> Parity:
    """Writes a model as one ONNX file, text in and text out.

    Args:
        checkpoint: The model.
        held_out: Sources that it wasn't trained on, on which file and model are compared.
        path: The file.

    Raises:
        DataError: The lexicon can't be read.
        ExportError: The model can't be exported, or the file doesn't answer as the model does; nothing is written.
        OSError: The file can't be written.
    """
    checkpoint = attrs.evolve(checkpoint, model=copy.deepcopy(checkpoint.model).to(torch.device("cpu")).eval())
    config = checkpoint.config
    pieces = export_pieces(checkpoint.model, features_of(config.decoding, prefix=config.export.prefix))
    tokenizers = (checkpoint.source_tokenizer, checkpoint.target_tokenizer)
    model = ir.to_proto(stitch(pieces, tokenizers, config))
    _check(model)
    held_out = held_out[: config.export.parity_examples]
    parity = prove(model, checkpoint, held_out, config.export.tolerance)
    metadata = {**checkpoint.describe(), "parity": attrs.asdict(parity)}
    if config.export.lexicon:
        entries = read_lexicon(Path(config.export.lexicon), checkpoint.source_tokenizer.normalize)
        model = _with_lexicon(model, entries, checkpoint.source_tokenizer, held_out)
        metadata["lexicon"] = len(entries)
    metadata["checksum"] = structure_of(model.SerializeToString(deterministic=True)).checksum
    onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata, ensure_ascii=False)})
    write_atomically(path, model.SerializeToString(deterministic=True))
    return parity


def _with_lexicon(
    model: onnx.ModelProto, entries: Entries, tokenizer: Tokenizer, held_out: Sequence[str]
) -> onnx.ModelProto:
    """Returns a model with a lexicon, after its proof."""
    plain = model.SerializeToString()
    model = ir.to_proto(with_lexicon(ir.from_proto(model), entries, tokenizer))
    _check(model)
    prove_lexicon(model.SerializeToString(), plain, entries, tokenizer.normalize, held_out)
    return model


def _check(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error
