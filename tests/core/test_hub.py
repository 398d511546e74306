"""Files come from a hub by name; here the hub is a server of this process."""

import hashlib
import http.server
import threading
from typing import ClassVar

import pytest
from huggingface_hub import constants

from s2s_core.errors import ModelError
from s2s_core.runtime.file import load
from s2s_core.runtime.hub import fetch

COMMIT, OTHER = "a" * 40, "b" * 40


REVISIONS = {"main": COMMIT, COMMIT: COMMIT, "v1": OTHER, OTHER: OTHER}


class Hub(http.server.BaseHTTPRequestHandler):
    """Has the model ``someone/small``, with a file in ``main`` and none in ``v1``, and notes what is asked for."""

    content, told = b"", ""
    asked: ClassVar[list[str]] = []

    def do_HEAD(self):
        self.asked.append(self.path)
        model, _, place = self.path.strip("/").partition("/resolve/")
        revision, _, file = place.partition("/")
        if model != "someone/small":
            self.refuse("RepoNotFound")
        elif revision not in REVISIONS:
            self.refuse("RevisionNotFound")
        elif file != "model.onnx" or REVISIONS[revision] == OTHER:
            self.refuse("EntryNotFound")
        else:
            self.send_response(200)
            self.send_header("X-Repo-Commit", REVISIONS[revision])
            self.send_header("ETag", f'"{self.told}"')
            self.send_header("Content-Length", str(len(self.content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(self.content)

    do_GET = do_HEAD  # noqa: N815  # the name of the base class

    def refuse(self, code):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(export_once, tmp_path, monkeypatch):
    """The hub, with an exported file."""
    content = export_once("characters").path.read_bytes()
    monkeypatch.setattr(Hub, "content", content)
    monkeypatch.setattr(Hub, "told", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(Hub, "asked", [])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        use_endpoint(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield Hub
        server.shutdown()
        thread.join()


def use_endpoint(monkeypatch, address):
    """Does what ``HF_ENDPOINT`` does, which the package reads when it is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + template)


def test_a_file_comes_from_the_hub(hub, exported_characters):
    """It answers as the file itself; its commit and its hash are known."""
    assert load("hf:someone/small")(["abc"]) == load(exported_characters.path)(["abc"])
    found = fetch("hf:someone/small@main")
    assert (found.repository, found.commit, found.digest) == ("someone/small", COMMIT, hub.told)
    assert found.path.read_bytes() == hub.content


def test_a_commit_is_fetched_once(hub):
    """Then it needs no hub."""
    first = fetch(f"hf:someone/small@{COMMIT}")
    asked = len(hub.asked)
    assert fetch(f"hf:someone/small@{COMMIT}") == first
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hf:someone", "a model on the hub is named hf:USER/NAME or hf:USER/NAME@REVISION (got 'hf:someone')"),
        ("hf:someone/small@", "a model on the hub is named "),
        ("hf:../../etc", "a model on the hub is named "),
        ("hf:nobody/small", "can't fetch hf:nobody/small: "),
        ("hf:someone/small@v2", "can't fetch hf:someone/small@v2: "),
        ("hf:someone/small@v1", "hf:someone/small@v1 has no file model.onnx"),
    ],
)
def test_what_is_not_there_is_one_line(hub, name, expected):
    """It says what was asked for."""
    with pytest.raises(ModelError) as error:
        load(name)
    assert str(error.value).startswith(expected)
    assert "\n" not in str(error.value)


def test_a_hub_that_can_not_be_reached_is_one_line(hub, monkeypatch):
    """Unless the file was fetched before."""
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=r"^can't fetch hf:someone/small: the hub can't be reached, and"):
        load("hf:someone/small")


def test_another_content_than_told_is_refused(hub, monkeypatch):
    """Whatever came between: the hub tells a file's hash."""
    monkeypatch.setattr(hub, "told", "0" * 64)
    with pytest.raises(
        ModelError, match=r"^hf:someone/small isn't what the hub says: its SHA-256 is [0-9a-f]{64}, not 0"
    ):
        load("hf:someone/small")
