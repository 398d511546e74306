"""Each version of the API is documented."""

import re
from pathlib import Path

from s2s_core.version import API_VERSION, OLDER_API_VERSIONS

PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"


def test_every_version_of_the_api_has_a_line():
    """The page says of each what changed, and until when an older one works."""
    table = PAGE.read_text(encoding="utf-8").partition("| version | since |")[2]
    versions = [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    assert list(range(1, API_VERSION + 1)) == versions
    assert set(OLDER_API_VERSIONS) <= set(versions) - {API_VERSION}
