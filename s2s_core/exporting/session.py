"""Opens a file's content in ONNX Runtime, to prove it."""

import onnxruntime

from s2s_core.runtime.file import threads_for


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """Returns a session on the CPU that prints no warnings."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; each input with a default would be a warning
    options.intra_op_num_threads = threads_for(len(content))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
