"""The few lines of Python that run an exported file with nothing but ONNX Runtime."""

from s2s_core.config.decoding import INPUTS
from s2s_core.config.tables import RunConfig

_USAGE = """import numpy, onnxruntime
session = onnxruntime.InferenceSession({path!r})
print(session.run(["target"], {{{inputs}}}))"""


def usage(path: str, example: str, config: RunConfig) -> str:
    """Returns a program that answers an example.

    Args:
        path: The file.
        example: A source.
        config: Of its run; inputs that have no default are given what they would have by default.
    """
    given = {"source": f"numpy.array([{example!r}])"}
    for name in config.export.required_inputs:
        number = f'numpy.array({getattr(config.decoding, name)!r}, "{INPUTS[name].kind}")' if name in INPUTS else None
        given[name] = number or 'numpy.array([""])'
    return _USAGE.format(path=path, inputs=", ".join(f'"{name}": {value}' for name, value in given.items()))
