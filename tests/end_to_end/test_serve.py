"""A server answers with exported files over HTTP, whatever clients send, until it is told to stop."""

import contextlib
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import onnx
import pytest
import tritonclient.http as triton
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2s_core.runtime.file import load
from s2s_core.runtime.metadata import METADATA
from s2s_core.runtime.structure import structure_of

TEXTS = ["abc", "", "cab a", "b\u00e4\N{SNOWMAN}"]

ENDLESS = {"min_length": 1_000_000, "max_length": 1_000_000}
"""Settings with which an answer takes hours."""

BYTES = {"name": "source", "datatype": "BYTES", "shape": [1]}


@attrs.frozen
class Reply:
    """A response."""

    status: int
    body: bytes
    headers: dict

    @property
    def json(self):
        return json.loads(self.body)


@attrs.frozen
class Server:
    """A running server."""

    process: subprocess.Popen
    port: int

    def ask(self, method, path, body=None, headers=()):
        """Sends a request and returns its response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Reply(
                response.status, response.read(), {name.lower(): value for name, value in response.headers.items()}
            )

    def answer(self, texts, **more):
        """Asks for plain answers."""
        return self.ask("POST", "/answer", json.dumps({"texts": texts, **more}))

    def raw(self, content):
        """Sends bytes, and returns all that comes back."""
        received = bytearray()
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            with contextlib.suppress(OSError):  # the server may close it early
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65536):
                    received += part
        return bytes(received)

    def metric(self, line):
        """Returns the value of a metric, 0 before it has one."""
        found = re.search(rf"^{re.escape(line)} (.+)$", self.ask("GET", "/metrics").body.decode(), re.MULTILINE)
        return float(found[1]) if found else 0

    def line(self):
        """Returns the next line that it prints."""
        return self.process.stderr.readline().rstrip()

    def stop(self, number=signal.SIGTERM):
        """Ends it, and returns its exit code and what else it printed."""
        self.process.send_signal(number)
        _, printed = self.process.communicate(timeout=60)
        return self.process.returncode, printed


@contextlib.contextmanager
def serving(command, *arguments):
    """Runs a server on a free port."""
    process = subprocess.Popen(
        [*command, "serve", *map(str, arguments), "--port", "0"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        line = process.stderr.readline()
        port = re.fullmatch(r"serving .* on http://127\.0\.0\.1:(\d+)\n", line)
        assert port, line
        yield Server(process, int(port[1]))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def short(exported_run, tmp_path_factory):
    """A file that answers with one token at most."""
    model = onnx.load(exported_run.onnx_path)
    length = next(value for value in model.graph.initializer if value.name == "max_length")
    length.CopyFrom(onnx.numpy_helper.from_array(np.array(2), "max_length"))
    checksum = structure_of(model.SerializeToString()).checksum
    metadata = {**load(exported_run.onnx_path).metadata, "checksum": checksum}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata)})
    path = tmp_path_factory.mktemp("short") / "short.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def endless(s2s, small, tmp_path_factory):
    """A file that goes on for as long as it is told to: the state of a GRU stays within bounds, however many steps."""
    folder = tmp_path_factory.mktemp("endless") / "run"
    ended = s2s("run", *small, "--encoder", "gru", "--set", "training.steps=2", "--output", folder)
    assert ended.code == 0, ended
    return folder / "model.onnx"


@pytest.fixture(scope="module")
def server(command, exported_run, short):
    """A server of two models, which tests share. None of them makes it print anything."""
    small = ["--max-texts", 8, "--max-source-length", 200, "--max-body", 20_000]
    with serving(command, exported_run.onnx_path, f"other={short}", *small) as server:
        yield server
        assert server.stop() == (0, "stopped\n")


@pytest.fixture(scope="module")
def models(exported_run, short):
    """The same two models in this process."""
    return {"model": load(exported_run.onnx_path), "other": load(short)}


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_the_client_of_triton_gets_what_the_file_answers(server, models, binary):
    """All outputs, with settings and without, in binary and in JSON."""
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    source = triton.InferInput("source", [len(TEXTS)], "BYTES")
    source.set_data_from_numpy(np.array(TEXTS, object), binary_data=binary)
    beams = triton.InferInput("beam_size", [], "INT64")
    beams.set_data_from_numpy(np.array(3), binary_data=binary)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("scores", "hypotheses", "target")]
    told = client.infer("model", [source, beams], outputs=outputs, request_id="7")
    expected = models["model"].answers(TEXTS, beam_size=3)
    assert texts(told.as_numpy("hypotheses")) == expected.hypotheses.tolist()
    assert texts(told.as_numpy("target")) == models["model"](TEXTS, beam_size=3)
    np.testing.assert_allclose(told.as_numpy("scores"), expected.scores, rtol=1e-4)
    assert told.get_response()["id"] == "7"
    plain = client.infer("other", [source], model_version="1")
    assert texts(plain.as_numpy("target")) == models["other"](TEXTS)
    client.close()


def texts(array):
    """Returns texts, which the client gives as bytes if they came in binary."""
    return np.vectorize(lambda text: text.decode() if isinstance(text, bytes) else text, otypes=[object])(
        array
    ).tolist()


def test_the_client_of_triton_finds_server_and_models(server):
    """Live, ready, and with metadata."""
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("other")
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    told = client.get_model_metadata("model")
    assert (told["name"], told["versions"], told["inputs"][0]) == ("model", ["1"], {**BYTES, "shape": [-1]})
    assert {"name": "beam_size", "datatype": "INT64", "shape": [], "optional": True} in told["inputs"]
    assert [output["name"] for output in told["outputs"]] == ["target", "hypotheses", "scores"]
    client.close()


def test_plain_answers(server, models):
    """With the name of the model, and the file's settings."""
    reply = server.answer(TEXTS, model="other", beam_size=2, max_length=3)
    assert (reply.status, reply.json) == (
        200,
        {"model": "other", "answers": models["other"](TEXTS, beam_size=2, max_length=3)},
    )
    assert server.answer([], model="other").json["answers"] == []


def test_the_page_names_the_models(server):
    """It loads nothing from elsewhere."""
    reply = server.ask("GET", "/")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<option>model</option><option>other</option>" in reply.body.decode()
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert "//" not in reply.body.decode()


BEAMS = {"name": "beam_size", "datatype": "INT64", "shape": []}
INFER = "/v2/models/model/infer"
LENGTH = "Inference-Header-Content-Length"
HEAD = json.dumps({"inputs": [{**BYTES, "parameters": {"binary_data_size": 5}}]}).encode()


def infer(*inputs, **more):
    """Returns an attack on the protocol."""
    return "POST", INFER, json.dumps({"inputs": inputs, **more}), {}


def source(**changed):
    """Returns the input of one text, changed."""
    return {**BYTES, "data": ["a"], **changed}


ATTACKS = {
    "no body": (400, "POST", "/answer", b"", {}),
    "no JSON": (400, "POST", "/answer", b"{", {}),
    "no UTF-8": (400, "POST", "/answer", b'{"texts": ["\xff"]}', {}),
    "UTF-16": (400, "POST", "/answer", '{"texts": []}'.encode("utf-16"), {}),
    "a list": (400, "POST", "/answer", b"[]", {}),
    "deep": (400, "POST", "/answer", b"[" * 9000, {}),
    "a huge number": (400, "POST", "/answer", b'{"texts": ' + b"9" * 5000 + b"}", {}),
    "texts that are a text": (400, "POST", "/answer", b'{"texts": "a", "model": "other"}', {}),
    "a text that is a number": (400, "POST", "/answer", b'{"texts": [1], "model": "other"}', {}),
    "half a pair": (400, "POST", "/answer", b'{"texts": ["\\ud800"], "model": "other"}', {}),
    "no model": (400, "POST", "/answer", b'{"texts": ["a"]}', {}),
    "another model": (404, "POST", "/answer", b'{"texts": ["a"], "model": "\\ud800\\u001b[0m"}', {}),
    "another key": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "beams": 3}', {}),
    "NaN": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "length_penalty": NaN}', {}),
    "no whole number": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "beam_size": 1.5}', {}),
    "true": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "beam_size": true}', {}),
    "no beam": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "beam_size": 0}', {}),
    "a prefix": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "prefix": "a"}', {}),
    "a wrong prefix": (400, "POST", "/answer", b'{"texts": ["a"], "model": "other", "prefix": {}}', {}),
    "many texts": (400, "POST", "/answer", json.dumps({"texts": ["a"] * 9, "model": "other"}), {}),
    "a long text": (400, "POST", "/answer", json.dumps({"texts": ["a" * 201], "model": "other"}), {}),
    "a large body": (413, "POST", "/answer", b" " * 20_001, {}),
    "compression": (415, "POST", "/answer", b"", {"Content-Encoding": "gzip"}),
    "no path": (404, "GET", "/nowhere/%00%ff", None, {}),
    "a slash too many": (404, "GET", "/v2/", None, {}),
    "a wrong host": (404, "GET", "/v2/", None, {"Host": "["}),
    "another method": (405, "GET", "/answer", None, {}),
    "no such model": (404, "POST", "/v2/models/nothing/infer", b"{}", {}),
    "no such version": (404, "GET", "/v2/models/other/versions/2", None, {}),
    "no inputs": (400, *infer()),
    "inputs that are none": (400, "POST", INFER, b'{"inputs": [1]}', {}),
    "two sources": (400, *infer(source(), source())),
    "no such input": (400, *infer(source(), {**source(), "name": "x"})),
    "no such type": (400, *infer(source(datatype="FP16"))),
    "another type": (400, *infer(source(datatype="INT64", data=[1]))),
    "another rank": (400, *infer(source(shape=[1, 1], data=[["a"]]))),
    "another shape": (400, *infer(source(shape=[2]))),
    "a shape below 0": (400, *infer(source(shape=[-1]))),
    "a huge shape": (400, *infer(source(shape=[10**4000, 10**4000]))),
    "many dimensions": (400, *infer(source(shape=[2**32] * 900))),
    "no shape": (400, *infer({"name": "source", "datatype": "BYTES", "data": ["a"]})),
    "numbers as texts": (400, *infer(source(data=[1]))),
    "no such output": (400, *infer(source(), outputs=[{"name": "x"}])),
    "an output twice": (400, *infer(source(), outputs=[{"name": "target"}] * 2)),
    "an id that is none": (400, *infer(source(), id=1)),
    "parameters that are none": (400, *infer(source(), parameters=[])),
    "several beam sizes": (
        400,
        *infer(source(), {"name": "beam_size", "datatype": "INT64", "shape": [2], "data": [1, 2]}),
    ),
    "no beam size": (400, *infer(source(), {"name": "beam_size", "datatype": "INT64", "shape": [], "data": []})),
    "a raw tensor": (400, "POST", INFER, b"abc", {LENGTH: "0"}),
    "a wrong length": (400, "POST", INFER, HEAD, {LENGTH: "-1"}),
    "a long length": (400, "POST", INFER, HEAD, {LENGTH: "9" * 5000}),
    "a length beyond the body": (400, "POST", INFER, HEAD, {LENGTH: str(len(HEAD) + 1)}),
    "no binary data": (400, "POST", INFER, HEAD, {LENGTH: str(len(HEAD))}),
    "too much binary data": (400, "POST", INFER, HEAD + b"\1\0\0\0ab", {LENGTH: str(len(HEAD))}),
    "binary data that end early": (400, "POST", INFER, HEAD + b"\2\0\0\0a", {LENGTH: str(len(HEAD))}),
    "binary data of a huge size": (400, "POST", INFER, HEAD + b"\xff\xff\xff\xffa", {LENGTH: str(len(HEAD))}),
    "binary data that aren't UTF-8": (400, "POST", INFER, HEAD + b"\1\0\0\0\xff", {LENGTH: str(len(HEAD))}),
    "both kinds of data": (400, *infer(source(parameters={"binary_data_size": 0}))),
    "a size below 0": (400, *infer({**BYTES, "parameters": {"binary_data_size": -1}})),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_bad_input_is_one_error(server, attack):
    """A sentence, and a status that says whose fault it is."""
    status, method, path, body, headers = attack
    reply = server.ask(method, path, body, headers)
    assert (reply.status, list(reply.json)) == (status, ["error"])
    assert reply.json["error"].isprintable()
    assert len(reply.json["error"]) <= 1300


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000,
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /answer HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    ],
    ids=["no HTTP", "a huge header", "no ASCII", "a wrong length", "no host", "TLS"],
)
def test_what_is_no_http_is_the_same_error(server, content):
    """And the connection is closed."""
    head, _, body = server.raw(content).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert list(json.loads(body)) == ["error"]


def test_a_client_that_leaves_harms_nobody(server):
    """In the middle of its request, of a chunk that is none, or before its answer."""
    server.raw(b"POST /answer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    server.raw(b"POST /answer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    body = json.dumps({"texts": ["a"] * 8, "model": "other"}).encode()
    head = b"POST /answer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head + body)
    assert server.answer(["a"], model="other").status == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["source", "BYTES", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


def changed(fields):
    """Returns objects some of whose fields are anything."""
    return st.fixed_dictionaries({}, optional={name: st.just(value) | ANYTHING for name, value in fields.items()})


REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(changed({**BYTES, "data": ["a"], "parameters": {}}), max_size=2) | ANYTHING},
    optional={"id": ANYTHING, "outputs": ANYTHING, "parameters": ANYTHING},
)
PLAIN = changed({"texts": ["a"], "model": "other", "beam_size": 2, "length_penalty": 0.5, "max_length": 3})


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(
    st.tuples(st.just("/answer"), PLAIN) | st.tuples(st.just(INFER), REQUESTS) | st.tuples(st.just(INFER), st.binary())
)
def test_any_body_is_answered_or_refused(server, asked):
    """No content is a fault of the server."""
    path, content = asked
    reply = server.ask("POST", path, content if isinstance(content, bytes) else json.dumps(content))
    assert reply.status == 200 or (400 <= reply.status < 500 and list(reply.json) == ["error"])


def test_concurrent_requests_share_a_batch(command, exported_run):
    """Eight requests are one batch, which waits until it is full."""
    with serving(command, exported_run.onnx_path, "--batch-size", 8, "--max-wait", 10_000) as server:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: server.answer(["abc"]), range(8)))
        assert {reply.status for reply in replies} == {200}
        assert server.metric('s2s_batch_texts_count{model="model"}') == 1
        assert server.metric('s2s_batch_texts_sum{model="model"}') == 8
        assert server.metric('s2s_requests_total{endpoint="answer",status="200"}') == 8
        assert server.metric('s2s_texts_total{model="model"}') == 8
        assert server.metric('s2s_waiting_texts{model="model"}') == 0


def test_a_server_that_is_busy_says_so(command, endless):
    """The queue is full, the deadline passes, the model is stopped, and then it answers again."""
    options = ["--max-queue", 1, "--max-texts", 1, "--timeout", 2]
    with serving(command, endless, *options) as server, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.answer, ["abc"], **ENDLESS)
        while not server.metric('s2s_waiting_texts{model="model"}'):
            time.sleep(0.01)
        refused = server.answer(["abc"])
        assert (refused.status, refused.headers["retry-after"], list(refused.json)) == (503, "1", ["error"])
        assert asked.result().status == 504
        assert asked.result().json == {"error": "there was no answer within 2 s"}
        assert server.answer(["abc"]).status == 200
        assert server.stop() == (0, "stopped\n")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_reload_loses_no_request(command, exported_run, short, models, tmp_path):
    """Clients get the old or the new model's answers, and after a file that can't be used still the last."""
    path = tmp_path / "model.onnx"
    shutil.copy(exported_run.onnx_path, path)
    words = ("".join(letters) for letters in itertools.product("abcd", repeat=3))
    text = next(word for word in words if models["model"]([word]) != models["other"]([word]))
    old, new = (models[name]([text]) for name in ("model", "other"))
    with serving(command, path) as server, ThreadPoolExecutor(4) as pool:
        done = threading.Event()

        def client():
            told = []
            while not done.is_set():
                told.append(server.answer([text]))
            return told

        clients = [pool.submit(client) for _ in range(4)]
        try:
            shutil.copy(short, tmp_path / "new.onnx")
            (tmp_path / "new.onnx").replace(path)
            server.process.send_signal(signal.SIGHUP)
            assert server.line() == "reloaded model"
            path.write_bytes(b"damaged")
            server.process.send_signal(signal.SIGHUP)
            assert server.line().startswith("warning: model stays as it was: ")
            assert server.answer([text]).json["answers"] == new
        finally:
            done.set()
        told = [reply for one in clients for reply in one.result()]
        assert {reply.status for reply in told} == {200}
        answers = [reply.json["answers"] for reply in told]
        assert old in answers
        assert [answer for answer in answers if answer not in (old, new)] == []
        assert server.metric('s2s_reloads_total{model="model",result="done"}') == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_has_begun_is_answered_before_the_end(command, exported_run, number):
    """A request that waits for its batch gets its answer, and the exit code is 0."""
    with serving(command, exported_run.onnx_path, "--max-wait", 1000) as server, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(server.answer, ["abc"])
        while not server.metric('s2s_waiting_texts{model="model"}'):
            time.sleep(0.01)
        assert server.stop(number) == (0, "stopped\n")
        assert begun.result().status == 200


def test_names_are_refused_that_are_none_or_taken(here, exported_run, tmp_path):
    """With the way to give another."""
    path = exported_run.onnx_path
    clash = here("serve", path, path).error()
    assert clash == f"two models are called 'model': give one another name, such as other={path}"
    strange = shutil.copy(path, tmp_path / "a b.onnx")
    assert "can't be a model's name" in here("serve", strange).error()
    assert here("serve", "--max-queue", 1, path).code == 2
    assert here("serve", "--timeout", "nan", path).code == 2


def test_a_file_that_is_none_is_not_served(here, tmp_path):
    """Nor one that is missing, nor a folder without one."""
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    assert "is damaged or is not an ONNX file" in here("serve", tmp_path / "model.onnx").error()
    assert "can't read" in here("serve", tmp_path / "missing.onnx").error()


def test_an_address_that_is_taken_is_told(here, exported_run):
    """In one line, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = here("serve", exported_run.onnx_path, "--port", port).error()
        assert refused.startswith(f"127.0.0.1:{port}: ")


def test_without_the_extra_it_says_what_to_install(command, exported_run):
    """Starlette and Uvicorn aren't part of the base."""
    program = (
        "from importlib.machinery import PathFinder; found = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *more: None if name == 'starlette' else found(name, *more)\n"
        "from s2s_core.cli.main import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "serve", exported_run.onnx_path],
        capture_output=True,
        check=False,
        text=True,
        env=os.environ,
    )
    assert ended.stderr == (
        'error: this command needs Starlette, which isn\'t installed: pip install "s2s-toolkit[serve]"\n'
    )


def test_a_file_tells_how_sure_it_is(command, sentences_file, exported_run):
    """In plain answers, and to requests that name the outputs; a model that doesn't tell says so."""
    lines = ["abc, cab", "", "cab"]
    expected = load(sentences_file).answers(lines)
    with serving(command, f"sure={sentences_file}", f"plain={exported_run.onnx_path}") as server:
        told = server.answer(lines, model="sure").json
        assert told["answers"] == expected.hypotheses[:, 0].tolist()
        assert told["origin"] == expected.origin.tolist()
        assert told["confidence"] == pytest.approx(expected.confidence.tolist(), abs=1e-4)
        assert "confidence" not in server.answer(lines, model="plain").json
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        names = [output["name"] for output in client.get_model_metadata("sure")["outputs"]]
        assert names == ["target", "hypotheses", "scores", "confidence", "origin"]
        source = triton.InferInput("source", [len(lines)], "BYTES")
        source.set_data_from_numpy(np.array(lines, object))
        outputs = [triton.InferRequestedOutput(name) for name in ("confidence", "origin")]
        found = client.infer("sure", [source], outputs=outputs)
        np.testing.assert_allclose(found.as_numpy("confidence"), expected.confidence, atol=1e-4)
        assert texts(found.as_numpy("origin")) == expected.origin.tolist()
        with pytest.raises(triton.InferenceServerException, match="the model has no output 'confidence'"):
            client.infer("plain", [source], outputs=outputs)
        client.close()
