"""ONNX Runtime for browsers: the files of its npm package that a page needs, each with a hash that is pinned here.

The package comes from npm, or from a tarball or a folder that the user has. Nothing is used whose hash is another one.
"""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from s2s_core.errors import ConfigError

VERSION = "1.30.0"

PACKAGE = f"onnxruntime-web@{VERSION}"

SCRIPT = "dist/ort.wasm.bundle.min.mjs"
"""Runs models in WebAssembly, and knows no GPU."""

WASM = "dist/ort-wasm-simd-threaded.wasm"
"""What it runs them with."""

_INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""The SHA-512 of the tarball, as the registry writes it."""

_DIGESTS = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""The SHA-256 of each file."""

_WAY = f"give it by --onnxruntime-web PATH, a tarball that `npm pack {PACKAGE}` makes elsewhere, or its folder"

_MINUTES = 10
"""How long npm may take for 33 MB."""


def runtime_files(package: Path | None = None) -> Mapping[str, bytes]:
    """Returns the content of ``SCRIPT`` and of ``WASM``.

    Args:
        package: The package, a tarball or a folder; npm fetches it if it is left out.

    Raises:
        ConfigError: It isn't the package that is pinned, there is no npm, or npm can't fetch it.
        OSError: It can't be read.
    """
    if package is None:
        with tempfile.TemporaryDirectory(prefix="s2s-") as folder:
            return _files_of_tarball(_fetched(Path(folder)))
    return _files_of_folder(package) if package.is_dir() else _files_of_tarball(package)


def _fetched(folder: Path) -> Path:
    """Returns the tarball, which npm puts into a folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(f"there is no npm, which fetches {PACKAGE}: install Node.js, or {_WAY}")
    options = ["--prefer-offline", "--ignore-scripts", "--fetch-retries=1", "--no-update-notifier"]
    try:
        ended = subprocess.run(  # noqa: S603  # the arguments are our own
            [npm, "pack", PACKAGE, *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=60 * _MINUTES,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"npm fetches {PACKAGE} for more than {_MINUTES} minutes: {_WAY}") from error
    tarballs = list(folder.glob("*.tgz"))
    if ended.returncode or len(tarballs) != 1:
        raise ConfigError(f"npm can't fetch {PACKAGE}: {_reason(ended.stderr)}; see to it that npm can, or {_WAY}")
    return tarballs[0]


def _reason(printed: str) -> str:
    """Returns why npm failed: the code of its error and the first sentence about it."""
    lines = re.findall(r"^npm (?:error|ERR!) (.+)$", printed, re.MULTILINE)
    said = [line for line in lines if not line.startswith(("code ", "errno ", "syscall "))]
    code = next((line.removeprefix("code ") for line in lines if line.startswith("code ")), "")
    return ": ".join(filter(None, [code, *said[:1]])) or "it says nothing"


def _files_of_tarball(path: Path) -> dict[str, bytes]:
    content = path.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != _INTEGRITY:
        raise _not_the_package(path)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {name: archive.extractfile(f"package/{name}") for name in _DIGESTS}
        return {name: file.read() for name, file in files.items() if file is not None}


def _files_of_folder(folder: Path) -> dict[str, bytes]:
    files = {}
    for name, digest in _DIGESTS.items():
        if not (folder / name).is_file():
            raise _not_the_package(folder)
        files[name] = (folder / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise _not_the_package(folder / name)
    return files


def _not_the_package(path: Path) -> ConfigError:
    return ConfigError(f"{path} isn't that of {PACKAGE}, whose hash is pinned: `npm pack {PACKAGE}` makes its tarball")
