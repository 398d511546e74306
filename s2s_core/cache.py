"""The cache folder."""

import os
from pathlib import Path

from s2s_core.errors import DataError

CACHE = "S2S_CACHE"
"""The environment variable that names the folder."""


def cache_folder() -> Path:
    """Returns the folder: ``~/.cache/s2s``, unless the environment names another.

    Raises:
        DataError: None is named, and there is no home folder.
    """
    named = os.environ.get(CACHE)
    try:
        return Path(named) if named else Path.home() / ".cache" / "s2s"
    except RuntimeError as error:
        raise DataError(f"there is no home folder for the cache: name a folder by {CACHE}") from error
