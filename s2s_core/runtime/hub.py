"""Fetches exported files from the Hugging Face Hub, by names such as ``hf:USER/NAME@REVISION``."""

import hashlib
import re
from pathlib import Path

import attrs

from s2s_core.errors import ModelError

HUB = "hf:"
"""What the name of a model on the hub begins with."""

FILE = "model.onnx"
"""The exported file in a model's repository."""

_NAME = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SHA256 = re.compile("[0-9a-f]{64}")
_COMMIT = re.compile("[0-9a-f]{40}")


@attrs.frozen
class Fetched:
    """A file from the hub.

    Attributes:
        path: Where it is now, in the hub's cache.
        repository: ``USER/NAME``.
        commit: Its revision, which never changes.
        digest: The SHA-256 of its content.
    """

    path: Path
    repository: str
    commit: str
    digest: str


def is_on_hub(name: str | Path) -> bool:
    """Returns whether a path is the name of a model on the hub."""
    return str(name).startswith(HUB)


def fetch(name: str) -> Fetched:
    """Fetches the exported file of a model, or finds it in the hub's cache.

    Args:
        name: ``hf:USER/NAME``, or ``hf:USER/NAME@REVISION`` with a branch, a tag or a commit.

    Raises:
        ModelError: The name isn't one, the file can't be fetched, or its content isn't what the hub says.
        ModuleNotFoundError: The package ``huggingface_hub`` isn't installed.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ModelError(f"a model on the hub is named hf:USER/NAME or hf:USER/NAME@REVISION (got {name!r})")
    link = _download(name, parts["repository"], parts["revision"])
    stored, commit = link.resolve().name, link.parent.name
    digest = hashlib.sha256(link.read_bytes()).hexdigest()
    if _SHA256.fullmatch(stored) and stored != digest:
        raise ModelError(f"{name} isn't what the hub says: its SHA-256 is {digest}, not {stored}; remove {link}")
    if _COMMIT.fullmatch(parts["revision"] or "") and commit != parts["revision"]:
        raise ModelError(f"{name} isn't what the hub says: its revision is {commit}")
    return Fetched(link, parts["repository"], commit, digest)


def _download(name: str, repository: str, revision: str | None) -> Path:
    """Returns the file's place in the hub's cache, whose folder is named after the commit."""
    import logging  # noqa: PLC0415  # a file that is here already needs none of it

    from huggingface_hub import errors, hf_hub_download  # noqa: PLC0415  # of the extra hub
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # problems are raised as well
    try:
        return Path(hf_hub_download(repository, FILE, revision=revision))
    except errors.LocalEntryNotFoundError as error:
        raise ModelError(f"can't fetch {name}: the hub can't be reached, and the file isn't in its cache") from error
    except errors.EntryNotFoundError as error:
        raise ModelError(f"{name} has no file {FILE}") from error
    except Exception as error:  # whichever client of HTTP the package uses
        raise ModelError(f"can't fetch {name}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
