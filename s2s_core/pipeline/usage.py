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
    given |= {name: _default(name, config) for name in config.export.required_inputs}
    return _USAGE.format(path=path, inputs=", ".join(f'"{name}": {value}' for name, value in given.items()))


def _default(name: str, config: RunConfig) -> str:
    """Returns what an input would have by default: a number of the search, or no text."""
    if name not in INPUTS:
        return 'numpy.array([""])'
    return f'numpy.array({getattr(config.decoding, name)!r}, "{INPUTS[name].kind}")'
