"""The private names that s2s takes from other libraries are there, in the versions that are tested together."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from s2s_core import compat

ROOT = Path(__file__).parents[2]
VERSIONS = re.findall(r"(torch|Accelerate|ONNX Runtime) (\d+\.\d+)", compat.__doc__)


@pytest.mark.parametrize("name", compat.PRIVATE)
def test_a_private_name_is_there(name):
    """It resolves, and is the object that it stands for."""
    assert name in compat.__all__
    assert getattr(compat, name) is vars(compat)[name]


@pytest.mark.parametrize(("library", "version"), VERSIONS, ids=[library for library, _ in VERSIONS])
def test_the_documented_versions_are_the_tested_ones(library, version):
    """Whoever changes the constraints looks at the private names again."""
    installed = importlib.metadata.version(library.lower().replace(" ", ""))
    assert installed.startswith(f"{version}.")


def test_no_other_module_names_what_is_private():
    """PyTorch's and ONNX Runtime's private modules stand in this one module alone."""
    private = re.compile(r"torch(\.\w+)*\._[a-z]\w*|torch(\.\w+)* import _\w+|onnxruntime\.capi|accelerate\.state")
    modules = sorted((ROOT / "s2s_core").rglob("*.py")) + sorted((ROOT / "plugins").rglob("*.py"))
    assert ["s2s_core/compat.py"] == [
        path.relative_to(ROOT).as_posix() for path in modules if private.search(path.read_text(encoding="utf-8"))
    ]
