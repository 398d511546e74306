"""A web page that answers with an exported file in the browser: a folder that any static server serves.

    FOLDER/index.html, style.css, page.js, icon.svg, licences.txt   the page, as it stands in ``page/``
    FOLDER/service-worker.js                                        keeps all files for a visit without a network
    FOLDER/onnxruntime-web.js, onnxruntime-web.wasm.gzip            ONNX Runtime
    FOLDER/model.onnx                                               the exported file
    FOLDER/page.json                                                what the file takes and tells; hashes of all files

The WebAssembly is compressed here, as many servers don't do it, and the page unpacks it. It isn't called ``.gz``, as
some servers say of such a file that it is compressed for the way alone.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.decoding import INPUTS
from s2s_core.config.fields import limits
from s2s_core.errors import ConfigError
from s2s_core.files import require_writable, write_folder_atomically
from s2s_core.pipeline.onnxruntime_web import SCRIPT, VERSION, WASM, runtime_files
from s2s_core.version import __version__

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel

ASSETS = ("index.html", "style.css", "page.js", "icon.svg", "licences.txt")

_DESCRIPTION, _WORKER = "page.json", "service-worker.js"

_TEXT_INPUTS = {"prefix": "what the answer begins with", "answer": "its score tells how probable the model finds it"}


@attrs.frozen
class WebPage:
    """The place of a page.

    Attributes:
        folder: Holds nothing else.
        name: The model's name, which the page shows.
    """

    folder: Path
    name: str

    def require_room(self) -> None:
        """Checks that there is nothing in the folder but what an earlier export wrote and nobody changed.

        Raises:
            ConfigError: There is.
            OSError: The folder can't be written.
        """
        if self.folder.is_symlink():
            raise ConfigError(f"{self.folder} is a symbolic link: remove it, or choose another --web")
        place = self.folder.resolve()
        if place == Path.cwd() or place in Path.cwd().parents:
            raise ConfigError(f"{self.folder} is the current folder, or holds it, and is replaced: go elsewhere first")
        if self.folder.exists() and (stranger := self._stranger()):
            raise ConfigError(f"{stranger} was not written by s2s: move it, or choose another --web")
        nearest = next(folder for folder in place.parents if folder.exists())
        require_writable(nearest / ASSETS[0])

    def write(self, content: bytes, model: "ExportedModel", runtime: Mapping[str, bytes]) -> None:
        """Writes the folder as a whole.

        Args:
            content: The exported file's.
            model: The same, opened.
            runtime: The files of ONNX Runtime, from ``runtime_files``.

        Raises:
            OSError: The folder can't be written.
        """
        files = {name: _asset(name) for name in ASSETS}
        files["onnxruntime-web.js"] = runtime[SCRIPT]
        files["onnxruntime-web.wasm.gzip"] = gzip.compress(runtime[WASM], mtime=0)
        files["model.onnx"] = content
        integrity = {name: _integrity(each) for name, each in files.items()}
        description = {
            "name": self.name,
            **_described(model),
            "versions": {"s2s": __version__, "ONNX Runtime Web": VERSION},
            "files": {name: {"bytes": len(files[name]), "integrity": integrity[name]} for name in files},
        }
        digest = hashlib.sha256(json.dumps(description).encode()).hexdigest()
        files[_DESCRIPTION] = json.dumps({**description, "digest": digest}, indent=1).encode()
        integrity[_DESCRIPTION] = _integrity(files[_DESCRIPTION])
        integrity["./"] = integrity.pop("index.html")  # some servers redirect from one to the other
        kept = json.dumps({"digest": digest, "files": integrity})
        files[_WORKER] = f"const PAGE = {kept};\n".encode() + _asset(_WORKER)
        write_folder_atomically(self.folder, files)

    def in_words(self) -> str:
        """Returns where the page is, how large it is, and how to see it."""
        size = sum(path.stat().st_size for path in self.folder.iterdir())
        return f"{self.folder}, {size / 1e6:.1f} MB; python -m http.server --directory {self.folder} shows it"

    def _stranger(self) -> Path | None:
        """Returns what is in the folder though no export wrote it, if anything is."""
        there = list(self.folder.iterdir())
        known = self._known() if there else {}
        return next((path for path in there if path.is_symlink() or not _is_known(path, known)), None)

    def _known(self) -> Mapping[str, str | None]:
        """Returns the files that an earlier export wrote, with their hashes where they are known."""
        try:
            files = json.loads((self.folder / _DESCRIPTION).read_bytes())["files"]
            hashes: dict[str, str | None] = {name: file["integrity"] for name, file in files.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {}
        return {**hashes, _DESCRIPTION: None, _WORKER: None}


def web_page(file: str | Path, folder: str | Path, onnxruntime_web: str | Path | None = None) -> WebPage:
    """Writes a web page that answers with an exported file in the browser.

    Args:
        file: The exported file.
        folder: Where; an earlier page is replaced. The page is called as the file or, if that is ``model.onnx``, as the
            folder that the file is in.
        onnxruntime_web: The npm package, a tarball or a folder; npm fetches it if it is left out.

    Raises:
        ConfigError: There is something else in the folder, or the package can't be had.
        ModelError: The file is missing, damaged or foreign.
        OSError: The folder can't be written.
    """
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # needs ONNX Runtime

    page = WebPage(Path(folder), page_name(Path(file)))
    page.require_room()
    model = ExportedModel(Path(file))
    page.write(Path(file).read_bytes(), model, runtime_files(Path(onnxruntime_web) if onnxruntime_web else None))
    return page


def page_name(file: Path) -> str:
    """Returns what the page of an exported file is called: as the file, or as its folder if that says more."""
    path = file.resolve()
    stem = path.name.removesuffix(".onnx")
    return path.parent.name or stem if stem == "model" else stem


def _described(file: "ExportedModel") -> dict[str, Any]:
    """Returns what the page must know of a file, as ONNX Runtime shows no metadata in JavaScript."""
    scorer = ["answer_scores"] if "answer" in file.required else []
    parameters = file.metadata.get("parameters")
    return {
        "unit": file.unit,
        "parameters": parameters if isinstance(parameters, int) else None,
        "outputs": ["target", "hypotheses", "scores", *file.told, *scorer],
        "inputs": [_input(name, value) for name, value in file.required.items()],
    }


def _input(name: str, value: Any) -> dict[str, Any]:
    """Returns what the page must know of an input that it sets."""
    if name in _TEXT_INPUTS:
        return {"name": name, "type": "string", "initial": value[0], "meaning": _TEXT_INPUTS[name]}
    declared = INPUTS[name]
    minimum, maximum = limits(declared.field)
    return {
        "name": name,
        "type": declared.kind,
        "initial": str(value),
        "meaning": declared.field.metadata["help"],
        "minimum": minimum,
        "maximum": maximum,
    }


def _is_known(path: Path, known: Mapping[str, str | None]) -> bool:
    if path.name not in known or not path.is_file():
        return False
    return known[path.name] in (None, _integrity(path.read_bytes()))


def _integrity(content: bytes) -> str:
    """Returns the hash of a file as browsers take it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


def _asset(name: str) -> bytes:
    return resources.files("s2s_core.pipeline").joinpath("page", name).read_bytes()
