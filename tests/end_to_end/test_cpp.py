"""An exported file answers in C++ as it does in Python."""

import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from documentation import UNREACHABLE

from s2s_core import load

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "cpp"

SDK = "com.github.asus4.onnxruntime@0.4.9"
"""A package of npm that has ONNX Runtime's headers, for iOS, and its library, for Linux. Both are of one version."""

HEADERS = "package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers/"
LIBRARY = "package/Plugins/Linux/x64/libonnxruntime.so"

LINES = ["abc", "a", "", "ccab b", " a  b ", "b\u00e4c", "\u65e5\u672c\u8a9e", "\N{SLIGHTLY SMILING FACE}a", "cab" * 12]


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*map(str, command)], check=False, capture_output=True, encoding="utf-8", timeout=600, **options
    )


def lines_of(*command: object, lines: list[str]) -> list[str]:
    """Returns the lines that a command answers."""
    done = run(*command, input="".join(line + "\n" for line in lines))
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with ONNX Runtime's ``include`` and ``lib``."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the package has a library for Linux on x86_64 alone")
    for program in ("c++", "cmake", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}")
    folder = tmp_path_factory.mktemp("cpp")
    environment = os.environ | {"NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    done = run("npm", "pack", "--fetch-retries=1", "--prefer-offline", SDK, cwd=folder, env=environment)
    if UNREACHABLE.search(done.stderr):
        pytest.skip("npm can't reach its registry")
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("*.tgz")
    _unpack(archive, folder)
    archive.unlink()
    yield folder
    shutil.rmtree(folder)  # tens of megabytes


def _unpack(archive: Path, folder: Path) -> None:
    places = {HEADERS: folder / "include", LIBRARY: folder / "lib"}
    for place in places.values():
        place.mkdir()
    with tarfile.open(archive) as members:
        for member in members:
            place = next((place for prefix, place in places.items() if member.name.startswith(prefix)), None)
            content = members.extractfile(member) if place is not None and not member.name.endswith(".meta") else None
            if content is not None:
                (place / Path(member.name).name).write_bytes(content.read())
    (folder / "lib" / "libonnxruntime.so.1").symlink_to("libonnxruntime.so")  # by this name it is loaded


@pytest.fixture(scope="module")
def predict(sdk: Path) -> Path:
    """The example, built as the page says, with every warning an error."""
    build = sdk / "build"
    flags = "-Wall -Wextra -Wconversion -Werror"
    configured = run("cmake", "-S", EXAMPLE, "-B", build, f"-DCMAKE_PREFIX_PATH={sdk}", f"-DCMAKE_CXX_FLAGS={flags}")
    assert configured.returncode == 0, configured.stderr
    built = run("cmake", "--build", build)
    assert built.returncode == 0, built.stdout + built.stderr
    return build / "predict"


@pytest.mark.parametrize("beam_size", [None, 5])
def test_cpp_gives_the_answers_of_python(predict, exported, beam_size):
    """With the file's own search, and with beams."""
    expected = load(exported.path)(LINES, beam_size=beam_size)
    one_line = [answer.replace("\r", " ").replace("\n", " ") for answer in expected]
    arguments = [] if beam_size is None else [beam_size]
    assert one_line == lines_of(predict, exported.path, *arguments, lines=LINES)
    assert len(set(one_line)) > 1  # or nothing is compared


def test_cpp_gives_no_line_for_no_line(predict, exported_characters):
    """An empty batch answers nothing."""
    assert [] == lines_of(predict, exported_characters.path, lines=[])


def test_cpp_says_what_is_wrong(predict, exported_characters, tmp_path):
    """A missing file, and a text that is no UTF-8, in one line each."""
    missing = run(predict, tmp_path / "missing.onnx", input="")
    assert (1, "") == (missing.returncode, missing.stdout)
    assert missing.stderr.startswith("error: ")
    assert missing.stderr.count("\n") == 1
    assert "File doesn't exist" in missing.stderr
    bad = subprocess.run([predict, exported_characters.path], check=False, input=b"a\xff\n", capture_output=True)
    assert (1, b"") == (bad.returncode, bad.stdout)
    assert bad.stderr.startswith(b"error: ")
    assert bad.stderr.count(b"\n") == 1
    assert b"invalid utf8" in bad.stderr
