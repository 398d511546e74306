"""Our own tasks keep every promise of a task."""

from pathlib import Path

from s2s_core.plugins.registry import Plugins
from s2s_core.testing import conformance

NUMERALS = str(Path(__file__).with_name("pairs.tsv"))

test_add = conformance("task", "add")
test_copy = conformance("task", "copy")
test_pairs = conformance("task", "pairs", {"train": NUMERALS})
test_reverse = conformance("task", "reverse")
test_sort = conformance("task", "sort")


def test_all_are_examined():
    """Each task that our plugins offer has its test above."""
    ours = Plugins(environment={"S2S_PLUGINS": "s2s_pairs,s2s_synthetic"})
    assert [] == [name for name in ours.names("task") if f"test_{name}" not in globals()]
