"""An exported file answers in Java and in C# as it does in Python, where their tools are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from s2s_core import load

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

LINES = ["abc", "a", "", "ccab b", " a  b ", "b\u00e4c", "\u65e5\u672c\u8a9e", "\N{SLIGHTLY SMILING FACE}a", "cab" * 12]

JAR = "ONNXRUNTIME_JAR"
"""The variable that names ONNX Runtime's jar, which comes from Maven."""

UNREACHABLE = "NU1301"
"""How dotnet says that it can't reach its registry."""


@pytest.fixture(scope="module", params=["java", "csharp"])
def program(request, tmp_path_factory):
    """The words that start an example, which is built as its page says."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copytree(EXAMPLES / request.param, folder, dirs_exist_ok=True)
    return {"java": java, "csharp": csharp}[request.param](folder)


def java(folder):
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("there is no JDK")
    if JAR not in os.environ:
        pytest.skip(f"{JAR} doesn't name the jar of ONNX Runtime")
    jar = os.environ[JAR]
    built("javac", "-Xlint:all", "-Werror", "-cp", jar, "-d", folder, folder / "Predict.java")
    return ["java", "-cp", f"{folder}{os.pathsep}{jar}", "Predict"]


def csharp(folder):
    if shutil.which("dotnet") is None:
        pytest.skip("there is no dotnet")
    printed = built("dotnet", "build", "--output", folder / "out", folder / "Predict.csproj", allowed=UNREACHABLE)
    if UNREACHABLE in printed:
        pytest.skip("dotnet can't reach its registry")
    return ["dotnet", folder / "out" / "Predict.dll"]


def built(*command, allowed=None):
    """Returns what a command prints, which must succeed unless it prints what is allowed."""
    done = subprocess.run(
        list(map(str, command)), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    assert done.returncode == 0 or (allowed and allowed in done.stdout), done.stdout
    return done.stdout


def answered(program, *arguments, lines=()):
    text = "".join(line + "\n" for line in lines)
    return subprocess.run(
        [*map(str, program), *map(str, arguments)], check=False, input=text, capture_output=True, encoding="utf-8"
    )


def test_it_gives_the_answers_of_python(program, exported_characters):
    """With the file's own search."""
    done = answered(program, exported_characters.path, lines=LINES)
    assert ("", 0) == (done.stderr, done.returncode)
    one_line = [text.replace("\r", " ").replace("\n", " ") for text in load(exported_characters.path)(LINES)]
    assert one_line == done.stdout.split("\n")[:-1]
    assert len(set(one_line)) > 1  # or nothing is compared


def test_it_gives_no_line_for_no_line(program, exported_characters):
    """An empty batch answers nothing."""
    done = answered(program, exported_characters.path)
    assert ("", "", 0) == (done.stdout, done.stderr, done.returncode)


def test_it_says_in_a_line_what_is_wrong(program):
    """And nothing else."""
    for words, code, said in (((), 2, "usage: "), (("missing.onnx",), 1, "error: ")):
        done = answered(program, *words, lines=["a"])
        (line,) = done.stderr.splitlines()
        assert (code, "") == (done.returncode, done.stdout)
        assert line.startswith(said)
