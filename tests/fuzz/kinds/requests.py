"""Requests: what clients send to ``s2s serve``, changed in their bodies, their headers or their bytes."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs

from ..attempt import Attempt
from ..mutation import content, tree
from ..mutation.values import NUMBERS, TEXTS, text

SECONDS = 20
"""How long a client waits for a reply. The server gives up after two."""

BUG, EXPECTED = 500, {503, 504}

SEARCH = ("beam_size", "max_length", "min_length", "length_penalty", "max_length_ratio", "no_repeat_ngram", "prefix")

ASKING = ("/answer", "/v2/models/model/infer")

TELLING = ("/v2/models/model", "/v2", "/v2/health/ready", "/metrics", "/", "/nowhere")

BINARY = "Inference-Header-Content-Length"


@attrs.frozen
class Request:
    """What a client sends.

    Attributes:
        sent: The bytes.
        hasty: Whether it leaves without waiting for a reply.
    """

    sent: bytes
    hasty: bool


def attempt(random: Random, folder: Path) -> Attempt:
    """Serves a model, and sends it some requests."""
    del folder
    requests = [_request(random) for _ in range(random.randint(1, 8))]
    options = random.choice(([], ["--max-queue", "70", "--max-texts", "64"], ["--batch-size", "1"]))
    run = random.choice(("run", "other"))
    command = ["serve", f"model={run}/model.onnx", "--port", "0", "--timeout", "2", *options]
    return Attempt(command, visit=lambda port: visit(port, requests))


def visit(port: int, requests: Sequence[Request]) -> str | None:
    """Sends requests, then a good one; returns what is wrong with the replies."""
    for request in requests:
        with contextlib.suppress(ConnectionError):
            try:
                fault = _fault(_send(port, request))
            except TimeoutError:
                fault = "hang: no reply"
            if fault:
                return f"{fault} to {request.sent[:200]!r}"
    return _alive(port)


def _send(port: int, request: Request) -> bytes:
    """Returns all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        with contextlib.suppress(ConnectionError):  # the server may refuse a long one before its end
            client.sendall(request.sent)
            client.shutdown(socket.SHUT_WR)
        return b"" if request.hasty else b"".join(iter(lambda: client.recv(65536), b""))


def _fault(reply: bytes) -> str | None:
    """Returns what is wrong with the replies to what one client sent."""
    if b"Traceback" in reply:
        return "traceback in a reply"
    for line in reply.split(b"\r\n"):
        version, _, rest = line.partition(b" ")
        status = rest[:3]
        if version == b"HTTP/1.1" and status.isdigit() and int(status) >= BUG and int(status) not in EXPECTED:
            return f"status {int(status)}"
    return None


def _alive(port: int) -> str | None:
    """Asks for an answer until the server has time for it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        with contextlib.closing(client):
            try:
                client.request("POST", "/v2/models/model/infer", json.dumps(_inference(["ab"])))
                response = client.getresponse()
            except OSError as error:
                return f"no reply to a good request: {error}"
            if response.status not in EXPECTED:
                return None if response.status == http.HTTPStatus.OK else f"status {response.status} to a good request"
        time.sleep(0.05)
    return "hang: it never answers again"


def _request(random: Random) -> Request:
    """Returns a request, mostly with a few changes."""
    path = random.choice((*ASKING, *ASKING, *ASKING, *TELLING))
    method = random.choice(("POST", "POST", "GET", "HEAD", "PUT", text(random)) if random.random() < 0.1 else ("POST",))
    if path in TELLING:
        method, body, headers = "GET", b"", {}
    else:
        body, headers = _body(random, path)
    headers = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    if random.random() < 0.15:
        headers[random.choice(list(headers))] = random.choice((text(random), str(random.choice(NUMBERS))))
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    sent = "\r\n".join([*head, "Connection: close", "", ""]).encode() + body
    if random.random() < 0.15:
        sent = content.mutate(random, sent)
    return Request(sent * random.choice((1, 1, 1, 2)), hasty=random.random() < 0.1)


def _body(random: Random, path: str) -> tuple[bytes, dict[str, str]]:
    texts = [random.choice((*TEXTS, "ab")) for _ in range(random.choice((0, 1, 2, 9, 70)))]
    names = random.sample(SEARCH, random.choice((0, 1, 2)))
    settings = {name: random.choice((1, 2, 0.5, "a", *NUMBERS)) for name in names}
    if path == "/answer":
        asked: Any = {"texts": texts, **settings}
    elif random.random() < 0.3:
        return _binary(random, texts)
    else:
        asked = _inference(texts)
        asked["inputs"] += [
            {"name": name, "shape": [1], "datatype": random.choice(("INT64", "FP32", "BYTES")), "data": [value]}
            for name, value in settings.items()
        ]
    body = json.dumps(tree.mutate(random, asked) if random.random() < 0.5 else asked).encode()
    return content.mutate(random, body) if random.random() < 0.2 else body, {"Content-Type": "application/json"}


def _inference(texts: Sequence[str]) -> dict[str, Any]:
    return {"inputs": [{"name": "source", "shape": [len(texts)], "datatype": "BYTES", "data": [*texts]}]}


def _binary(random: Random, texts: Sequence[str]) -> tuple[bytes, dict[str, str]]:
    """Returns a request with the extension for binary tensors: each text after its length in four bytes."""
    encoded = [each.encode() for each in texts]
    data = b"".join(len(each).to_bytes(4, "little") + each for each in encoded)
    asked = _inference(texts)
    (given,) = asked["inputs"]
    del given["data"]
    given["parameters"] = {"binary_data_size": len(data)}
    asked["outputs"] = [{"name": "target", "parameters": {"binary_data": random.choice((True, False))}}]
    if random.random() < 0.4:
        asked = tree.mutate(random, asked)
    header = json.dumps(asked).encode()
    data = content.mutate(random, data) if random.random() < 0.4 else data
    return header + data, {BINARY: str(len(header))}
