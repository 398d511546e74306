"""Requests and responses of the Open Inference Protocol, version 2, over REST.

A body is JSON. With the header ``Inference-Header-Content-Length`` it is as much JSON, and then the binary data of the
tensors that ask for it, in their order.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs

from s2s_core.config.decoding import INPUTS
from s2s_core.config.outputs import ALWAYS, OUTPUTS, TOLD
from s2s_core.errors import closest, listing
from s2s_core.serving.batcher import Answer
from s2s_core.serving.fields import checked, field, parsed
from s2s_core.serving.limits import Limits
from s2s_core.serving.query import Query, read_query
from s2s_core.serving.request_error import RequestError
from s2s_core.serving.tensor import TEXT, Tensor, binary_size, read_tensor

HEADER = "Inference-Header-Content-Length"

VERSION = "1"
"""The only version of every model."""

_DATATYPES = {"int64": "INT64", "float32": "FP32"}

_OUTPUT_DATATYPES = {"string": TEXT, "float": "FP32"}


@attrs.frozen
class Output:
    """An output that is asked for.

    Attributes:
        name: Its name.
        binary: Whether it is wanted in binary.
    """

    name: str
    binary: bool


@attrs.frozen
class InferenceRequest:
    """A request.

    Attributes:
        id: What the client calls it; the response says it too.
        inputs: The tensors by their names.
        outputs: The outputs that are asked for.
    """

    id: str | None
    inputs: Mapping[str, Tensor]
    outputs: Sequence[Output]

    def query(self, inputs: frozenset[str], told: Collection[str], limits: Limits) -> Query:
        """Returns what it asks a model.

        Args:
            inputs: The settings that the model's file takes.
            told: What the file tells besides answers and their scores.
            limits: Of the server.

        Raises:
            RequestError: An input is missing, unknown or not as it must be, or the model lacks an output.
        """
        for output in self.outputs:
            if output.name in TOLD and output.name not in told:
                raise RequestError(f"the model has no output {output.name!r}; it has: {listing({*ALWAYS, *told})}")
        others = dict(self.inputs)
        source = others.pop("source", None)
        if source is None:
            raise RequestError("there is no input 'source', the texts")
        if unknown := others.keys() - inputs:
            name = min(unknown)
            raise RequestError(
                f"the model has no input {name!r}{closest(name, inputs)}; it has: {listing({'source', *inputs})}"
            )
        prefix = others.pop("prefix", None)
        texts = _texts(source)
        search = {name: _number(tensor) for name, tensor in others.items()}
        return read_query(texts, _repeated(prefix, len(texts)), search, inputs=inputs, limits=limits)


def read_request(body: bytes, length: str | None) -> InferenceRequest:
    """Reads a request.

    Args:
        body: Its body.
        length: The header that tells how many bytes of it are JSON; None if all are.

    Raises:
        RequestError: It isn't valid.
    """
    size = len(body) if length is None else _header_length(length, len(body))
    fields, binary = parsed(body[:size]), body[size:]
    inputs: dict[str, Tensor] = {}
    place = 0
    for number, one in enumerate(field(fields, "inputs", list)):
        description = checked(one, dict, f"input {number}")
        count = binary_size(description)
        if count is not None and count > len(binary) - place:
            raise RequestError(f"input {number} should have {count} bytes of binary data (got {len(binary) - place})")
        tensor = read_tensor(description, None if count is None else binary[place : place + count])
        if tensor.name in inputs:
            raise RequestError(f"there are two inputs {tensor.name!r}")
        inputs[tensor.name] = tensor
        place += count or 0
    if place < len(binary):
        raise RequestError(f"the body has {len(binary) - place} bytes of binary data that belong to no input")
    return InferenceRequest(field(fields, "id", str, None), inputs, _outputs(fields))


def response(request: InferenceRequest, model: str, answers: Sequence[Answer]) -> tuple[bytes, int | None]:
    """Returns the body of a response, and how many bytes of it are JSON; None if all are."""
    heads, parts = [], []
    for output in request.outputs:
        tensor = TENSORS[output.name](answers)
        if output.binary:
            parts.append(tensor.to_binary())
            heads.append({**tensor.head, "parameters": {"binary_data_size": len(parts[-1])}})
        else:
            heads.append(tensor.to_json())
    named = {} if request.id is None else {"id": request.id}
    content = json.dumps({"model_name": model, "model_version": VERSION, **named, "outputs": heads}).encode()
    return b"".join((content, *parts)), len(content) if parts else None


def metadata(model: str, inputs: frozenset[str], told: Collection[str]) -> dict[str, Any]:
    """Returns what the protocol tells of a model; inputs that have a default are optional."""
    optional = [_input(name) for name in (*INPUTS, "prefix") if name in inputs]
    return {
        "name": model,
        "versions": [VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "source", "datatype": TEXT, "shape": [-1]}, *optional],
        "outputs": [
            {"name": name, "datatype": _OUTPUT_DATATYPES[OUTPUTS[name].kind], "shape": [-1] * OUTPUTS[name].rank}
            for name in (*ALWAYS, *told)
        ],
    }


def _input(name: str) -> dict[str, Any]:
    if name == "prefix":
        return {"name": name, "datatype": TEXT, "shape": [-1], "optional": True}
    return {"name": name, "datatype": _DATATYPES[INPUTS[name].kind], "shape": [], "optional": True}


def _target(answers: Sequence[Answer]) -> Tensor:
    return Tensor("target", TEXT, (len(answers),), [answer.hypotheses[0] for answer in answers])


def _hypotheses(answers: Sequence[Answer]) -> Tensor:
    values = [text for answer in answers for text in answer.hypotheses]
    return Tensor("hypotheses", TEXT, _table(answers), values)


def _scores(answers: Sequence[Answer]) -> Tensor:
    values = [score for answer in answers for score in answer.scores]
    return Tensor("scores", "FP32", _table(answers), values)


def _confidence(answers: Sequence[Answer]) -> Tensor:
    return Tensor("confidence", "FP32", (len(answers),), [answer.confidence for answer in answers])


def _origin(answers: Sequence[Answer]) -> Tensor:
    return Tensor("origin", TEXT, (len(answers),), [answer.origin for answer in answers])


TENSORS: Mapping[str, Callable[[Sequence[Answer]], Tensor]] = {
    "target": _target,
    "hypotheses": _hypotheses,
    "scores": _scores,
    "confidence": _confidence,
    "origin": _origin,
}
"""What makes the tensor of each output that a request may name."""


def _table(answers: Sequence[Answer]) -> tuple[int, int]:
    return len(answers), len(answers[0].hypotheses) if answers else 0


def _header_length(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most):
        raise RequestError(f"{HEADER} must be a number from 1 to the body's length, {most} (got {text!r})")
    return int(text)


def _outputs(fields: Mapping[str, Any]) -> list[Output]:
    """Returns the outputs that are asked for; all if none is."""
    binary = field(field(fields, "parameters", dict, {}), "binary_data_output", bool, default=False)
    wanted = [checked(one, dict, "each output") for one in field(fields, "outputs", list, [])]
    outputs = [_output(one, binary=binary) for one in wanted] or [Output(name, binary) for name in ALWAYS]
    if len({output.name for output in outputs}) < len(outputs):
        raise RequestError("an output is asked for twice")
    return outputs


def _output(fields: Mapping[str, Any], *, binary: bool) -> Output:
    name, parameters = field(fields, "name", str), field(fields, "parameters", dict, {})
    if name not in TENSORS:
        raise RequestError(f"there is no output {name!r}{closest(name, TENSORS)}; there may be: {listing(TENSORS)}")
    if "classification" in parameters:
        raise RequestError("outputs are texts and scores, not classes")
    return Output(name, field(parameters, "binary_data", bool, binary))


def _texts(tensor: Tensor) -> Sequence[str]:
    if tensor.datatype != TEXT or len(tensor.shape) != 1:
        raise RequestError(
            f"input {tensor.name!r} must be {TEXT} of shape [N] (got {tensor.datatype} of shape {list(tensor.shape)})"
        )
    return tensor.values


def _repeated(prefix: Tensor | None, count: int) -> Sequence[str] | None:
    """Returns the prefix of each text; one stands for all."""
    prefixes = None if prefix is None else _texts(prefix)
    return [*prefixes] * count if prefixes is not None and len(prefixes) == 1 else prefixes


def _number(tensor: Tensor) -> Any:
    datatype = _DATATYPES[INPUTS[tensor.name].kind]
    if tensor.datatype != datatype or tensor.shape not in {(), (1,)}:
        raise RequestError(
            f"input {tensor.name!r} must be {datatype} of shape [] "
            f"(got {tensor.datatype} of shape {list(tensor.shape)})"
        )
    return tensor.values[0]
