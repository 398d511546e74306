"""An exported file answers in C and in C++ as it does in Python."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import onnxruntime
import pytest
from documentation import UNREACHABLE

from s2s_core import load

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

HEADERS = "com.github.asus4.onnxruntime@0.4.9"
"""A package of npm that has ONNX Runtime's headers beside much else."""

LINES = ["abc", "a", "", "ccab b", " a  b ", "b\u00e4c", "\u65e5\u672c\u8a9e", "\N{SLIGHTLY SMILING FACE}a", "cab" * 12]


def run(*command: object, **options: object) -> str:
    """Returns what a command prints."""
    words = list(map(str, command))
    done = subprocess.run(words, check=False, capture_output=True, encoding="utf-8", timeout=300, **options)
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder such as ONNX Runtime's archive has: headers from one package, the library of Python's from another."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, from which the headers come")
    library = next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"), None)
    if library is None:
        pytest.skip("this onnxruntime has no library of its own, as on other systems than Linux")
    folder = tmp_path_factory.mktemp("onnxruntime")
    (folder / "lib").mkdir()
    (folder / "include").mkdir()
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / "lib" / name).symlink_to(library)
    _download(HEADERS, folder)
    package = next(folder.glob("*.tgz"))
    with tarfile.open(package) as packed:
        for member in packed:
            if member.name.endswith(".h") and "ios-arm64/" in member.name:
                (folder / "include" / Path(member.name).name).write_bytes(packed.extractfile(member).read())
    package.unlink()
    return folder


def _download(package: str, folder: Path) -> None:
    environment = os.environ | {"NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    command = ["npm", "pack", "--silent", "--fetch-retries=1", package]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    if UNREACHABLE.search(done.stderr):
        pytest.skip("npm can't reach its registry")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=["c", "cpp"])
def program(archive: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An example, built as its page says."""
    for needed in ("cmake", {"c": "cc", "cpp": "c++"}[request.param]):
        if shutil.which(needed) is None:
            pytest.skip(f"there is no {needed}")
    folder = tmp_path_factory.mktemp(request.param)
    strict = ("-D", f"CMAKE_{'C' if request.param == 'c' else 'CXX'}_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "-S", EXAMPLES / request.param, "-B", folder, "-D", f"CMAKE_PREFIX_PATH={archive}", *strict)
    run("cmake", "--build", folder)
    return folder / "predict"


@pytest.mark.parametrize("search", [{}, {"beam_size": 4}])
def test_both_give_the_answers_of_python(program, exported_characters, search):
    """With the file's own search, and with another number of beams."""
    expected = load(exported_characters.path)(LINES, **search)
    one_line = [answer.replace("\r", " ").replace("\n", " ") for answer in expected]
    answered = run(program, exported_characters.path, *search.values(), input="".join(line + "\n" for line in LINES))
    assert one_line == answered.split("\n")[:-1]
    assert len(set(one_line)) > 1  # or nothing is compared


def test_both_give_no_line_for_no_line(program, exported_characters):
    """An empty batch answers nothing."""
    assert "" == run(program, exported_characters.path, input="")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [((), 2, "usage: "), (("missing.onnx",), 1, "error: "), (("missing.onnx", "0"), 2, "usage: ")],
)
def test_both_say_in_a_line_what_is_wrong(program, tmp_path, words, code, said):
    """And nothing else."""
    done = subprocess.run(
        [program, *words], check=False, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8"
    )
    (line,) = done.stderr.splitlines()
    assert (code, "") == (done.returncode, done.stdout)
    assert line.startswith(said)


def test_both_refuse_a_text_that_is_not_utf_8(program, exported_characters):
    """With a line that says so."""
    done = subprocess.run([program, exported_characters.path], check=False, input=b"a\xff\n", capture_output=True)
    (line,) = done.stderr.splitlines()
    assert (1, b"") == (done.returncode, done.stdout)
    assert line.startswith(b"error: ")
    assert b"invalid utf8" in line
