"""What the tests of tokenizers share: their nodes, run as a graph."""

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
