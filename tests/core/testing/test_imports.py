"""Examining what isn't a model needs no PyTorch, and what isn't a tokenizer no ONNX."""

import subprocess
import sys

import pytest

EXAMINE = """
import sys
from s2s_core.testing import Subject, examine

subject = Subject.installed(*sys.argv[1:])
print(*[finding.outcome for finding in examine(subject)])
print(*sorted({"onnx", "onnx_ir", "onnxruntime", "torch"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("kind", "name", "imported"),
    [("task", "reverse", ""), ("metric", "exact_match", ""), ("tokenizer", "words", "onnx onnx_ir onnxruntime")],
)
def test_examining_imports_little(kind, name, imported):
    """Only what the component itself needs."""
    ran = subprocess.run([sys.executable, "-c", EXAMINE, kind, name], capture_output=True, check=True, text=True)
    outcomes, modules = ran.stdout.split("\n")[:2]
    assert {"kept"} == set(outcomes.split())
    assert imported == modules
