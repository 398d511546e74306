"""What tests of components share: nodes that run as a graph, and modules that another process can import."""

import importlib
import sys

import pytest

from s2s_core.testing.graph import Graph, TokenizerGraph


@pytest.fixture(scope="session")
def graph():
    """Makes a graph of nodes."""
    return Graph


@pytest.fixture(scope="session")
def tokenizer_graph():
    """Makes the graphs of a tokenizer."""
    return TokenizerGraph


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """Writes a module, and imports it."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def make(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        written.append(name)
        return importlib.import_module(name)

    yield make
    for name in written:
        del sys.modules[name]
