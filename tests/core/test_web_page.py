"""A page's folder is written as a whole, replaces only what is ours, and has only the package that is pinned."""

import base64
import hashlib
import json
import os
import tarfile

import pytest

from s2s_core.errors import ConfigError
from s2s_core.pipeline import onnxruntime_web
from s2s_core.pipeline.onnxruntime_web import PACKAGE, SCRIPT, WASM, runtime_files
from s2s_core.pipeline.web_page import ASSETS, WebPage, page_name
from s2s_core.runtime.file import load

RUNTIME = {SCRIPT: b"script", WASM: b"wasm"}


@pytest.fixture
def write(tmp_path, exported_characters):
    """Writes a page, and returns it."""

    def written(name="site"):
        page = WebPage(tmp_path / name, "mine")
        page.require_room()
        page.write(exported_characters.path.read_bytes(), load(exported_characters.path), RUNTIME)
        return page

    return written


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package, whose hashes are pinned instead."""
    folder = tmp_path / "package"
    for name, content in RUNTIME.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    tarball = tmp_path / "package.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(folder, "package")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in RUNTIME.items()}
    monkeypatch.setattr(onnxruntime_web, "_DIGESTS", digests)
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    monkeypatch.setattr(onnxruntime_web, "_INTEGRITY", digest)
    return folder, tarball


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a program in the place of npm, a script of the shell."""

    def put(script):
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return put


def test_a_page_has_its_files_and_their_hashes(write, exported_characters):
    """The model as it is; every file is listed for the browser's cache, by a hash of its content."""
    page = write()
    files = {path.name: path.read_bytes() for path in page.folder.iterdir()}
    generated = {"page.json", "service-worker.js", "model.onnx", "onnxruntime-web.js", "onnxruntime-web.wasm.gzip"}
    assert set(files) == {*ASSETS, *generated}
    assert files["model.onnx"] == exported_characters.path.read_bytes()
    first, _, _ = files["service-worker.js"].decode().partition("\n")
    kept = json.loads(first.removeprefix("const PAGE = ").removesuffix(";"))
    expected = {
        name: "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode() for name, content in files.items()
    }
    expected["./"] = expected.pop("index.html")
    del expected["service-worker.js"]
    assert kept["files"] == expected
    assert kept["digest"] == json.loads(files["page.json"])["digest"]


def test_an_earlier_page_is_replaced(write):
    """And so is an empty folder."""
    (page := write()).require_room()
    assert write() == page
    (page.folder.parent / "empty").mkdir()
    write("empty")


@pytest.mark.parametrize("name", ["CNAME", "style.css", "page.json"])
def test_what_is_not_ours_is_refused(write, name):
    """A stranger's file, a changed one, and a page whose list can't be read."""
    page = write()
    (page.folder / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"site/.+ was not written by s2s: move it, or choose another --web$"):
        page.require_room()


def test_links_are_refused(write, tmp_path):
    """They could lead elsewhere."""
    page = write()
    (tmp_path / "link").symlink_to(page.folder)
    with pytest.raises(ConfigError, match="link is a symbolic link"):
        WebPage(tmp_path / "link", "mine").require_room()


def test_the_current_folder_is_refused(tmp_path, monkeypatch):
    """It would be another one afterwards, in which the shell isn't."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="is the current folder"):
        WebPage(tmp_path, "mine").require_room()


@pytest.mark.parametrize(
    ("path", "name"), [("runs/dates/model.onnx", "dates"), ("beam5.onnx", "beam5"), ("a/b.c", "b.c")]
)
def test_a_page_is_called_as_what_says_most(path, name, tmp_path):
    """The file, or its folder."""
    assert page_name(tmp_path / path) == name


def test_the_package_is_read_from_a_folder_and_a_tarball(package, npm):
    """Or from what npm makes."""
    folder, tarball = package
    npm(f'[ "$1 $2" = "pack {PACKAGE}" ] && cp {tarball} made.tgz')
    assert runtime_files(folder) == runtime_files(tarball) == runtime_files() == RUNTIME


@pytest.mark.parametrize("kind", ["folder", "tarball", "nothing"])
def test_another_package_is_refused(package, kind):
    """One byte is enough."""
    folder, tarball = package
    path = folder / WASM if kind == "folder" else tarball
    with path.open("ab") as file:
        file.write(b"!")
    if kind == "nothing":
        (folder / SCRIPT).unlink()
    with pytest.raises(ConfigError, match=f"isn't that of {PACKAGE}, whose hash is pinned"):
        runtime_files(tarball if kind == "tarball" else folder)


def test_without_npm_there_is_another_way(tmp_path, monkeypatch):
    """The error says which."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=f"^there is no npm, which fetches {PACKAGE}: .* --onnxruntime-web PATH"):
        runtime_files()


def test_the_reason_of_npm_is_told(npm):
    """In one line."""
    npm(
        "echo 'npm error code ENOTFOUND' >&2; echo 'npm error errno ENOTFOUND' >&2; "
        "echo 'npm error network request to it failed' >&2; exit 1"
    )
    with pytest.raises(ConfigError) as refused:
        runtime_files()
    (line,) = refused.value.lines
    assert line.startswith(f"npm can't fetch {PACKAGE}: ENOTFOUND: network request to it failed; ")
    assert "\n" not in line
