"""Opens a file's content in ONNX Runtime, to prove it."""

from collections.abc import Mapping

import onnx
import onnxruntime

from s2s_core.runtime.session import threads_for


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """Returns a session on the CPU that prints no warnings."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; each input with a default would be a warning
    options.intra_op_num_threads = threads_for(len(content))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def open_probed(model: onnx.ModelProto, inside: Mapping[str, tuple[int, int]]) -> onnxruntime.InferenceSession:
    """Returns a session of a model that also gives values inside its graph.

    Args:
        model: The model, which stays as it is.
        inside: The type and rank of each value, by its name.
    """
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kind, [None] * rank) for name, (kind, rank) in inside.items()
    )
    return open_session(probe.SerializeToString())
