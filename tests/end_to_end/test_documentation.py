"""Every command and block of the documentation works as shown; ``tests/support/documentation.py`` reads the pages."""

import shutil
from pathlib import Path

import pytest
from documentation import Environment, Reader, UnreachableError
from stand_ins import make
from warm import warm

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if not {"node_modules", "_build"} & set(path.parts)),
]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="session")
def address():
    """Where the process is that is every ``s2s`` of a page."""
    with warm() as address:
        yield address


@pytest.fixture
def environment(tmp_path, address):
    """Where a page may install things."""
    return Environment(tmp_path / "environment", address)


@pytest.fixture
def give(request):
    """Makes what a page takes for granted: runs, exported files, what stands in the repository, data."""

    def run():
        return request.getfixturevalue("exported_run")

    def made(name, path):
        if (ROOT / name).exists() and name != "runs":
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, path)
        elif name.endswith(".onnx"):
            shutil.copy(run().onnx_path, path)
        elif name.startswith("runs/"):
            shutil.copytree(run().folder, path)
        else:
            make(name, path)

    return made


@pytest.fixture
def reader(tmp_path, environment, give):
    """A reader in an empty folder."""
    folder = tmp_path / "page"
    folder.mkdir()
    return Reader(folder, environment, give)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_page_shows_is_so(path, reader):
    """Its files, scripts and commands, from the first to the last; an example's page in a copy of the example."""
    if EXAMPLES in path.parents:
        ignored = shutil.ignore_patterns("node_modules", "_build", "__pycache__")
        shutil.copytree(path.parent, reader.folder, ignore=ignored, dirs_exist_ok=True)
    try:
        problems = reader.read(path.read_text(encoding="utf-8"))
    except UnreachableError as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(reader.folder / "node_modules", ignore_errors=True)  # hundreds of megabytes
    assert not problems, f"{path.relative_to(ROOT)}\n" + "\n".join(problems)


RIGHT = """
```text
never run
```

```python
# folder/module.py
print("7 words", 1e-3)
```

```console
$ cd folder
$ python module.py
9 words …
$ printf 'a\\nb\\nc\\n' \\
    | cat
a
…
c
$ cat missing.txt
cat: …: No such file or directory
```

```python
import sys
sys.path.append("folder")
import module
```

<!-- run: shortened -->
```console
$ echo "an answer"
another answer
```

<!-- run: never, because there is no such command -->
```console
$ nonexistent
```

```toml
steps = 5
```
"""


WRONG = {
    "prints something else": "```console\n$ echo 3 a\n3 b\n```",
    "prints more": "```console\n$ printf 'a\\nb'\na\n```",
    "fails": "```console\n$ exit 3 | cat\n```",
    "fails though it shows no error": "```console\n$ echo a; false\na\n```",
    "ends the shell": "```console\n$ exit\n$ echo a\n```",
    "raises": "```python\nraise SystemExit(1)\n```",
    "is no TOML": "```toml\nsteps =\n```",
    "has no info string": "```\necho a\n```",
    "has no name": "```cpp\nint main() {}\n```",
    "has no command": "```console\necho a\n```",
    "is never run for no reason": "<!-- run: never -->\n```console\n$ echo a\n```",
    "is marked from afar": "<!-- run: shortened -->\nA line.\n```console\n$ echo a\n```",
    "answers more lines": "<!-- run: shortened -->\n```console\n$ printf 'a\\nb'\na\n```",
    "has no end": "```console\n$ echo a\n",
}


def test_a_page_that_is_right_has_no_problem(reader):
    """Each kind of block, and each way to leave something open."""
    assert [] == reader.read(RIGHT)


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_page_that_is_wrong_has_one_problem(reader, text):
    """What is shown isn't so, or a block can't be run."""
    (problem,) = reader.read(text)
    assert problem.startswith(("line ", "a block "))
