"""Changes the lexicon of an exported file, without PyTorch."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from s2s_core.data.lexicon import Entries, fixed, read_fixes
from s2s_core.errors import ModelError
from s2s_core.files import require_writable, write_atomically
from s2s_core.pipeline.description import tokenizers_of
from s2s_core.plugins.registry import Plugins

if TYPE_CHECKING:
    import onnx_ir as ir

MOST_PROVED = 64
"""How many of the changed sources are looked up, besides entries that stay."""


@attrs.frozen
class Patch:
    """What a patch changed.

    Attributes:
        path: The new file.
        added: How many entries are new.
        changed: How many have other answers.
        removed: How many are no longer there.
        entries: How many there are now.
    """

    path: Path
    added: int
    changed: int
    removed: int
    entries: int


def patch(model: str | Path, fixes: str | Path, output: str | Path, *, plugins: Plugins | None = None) -> Patch:
    """Adds, changes and removes exact answers of an exported file, which come before the model's.

    The rest of the file stays as it was proved: the new file is compared with it before it is written. Its metadata
    say when what was patched. If the file was changed after its proof, the new one gives a ``ChangedFileWarning`` too.

    Args:
        model: The file; it gets a lexicon if it has none.
        fixes: A source, a TAB and an answer on each line; a source alone is removed. Answers replace those that the
            source has; several lines of a source are its answers in order.
        output: The new file.
        plugins: Where the source's tokenizer comes from, which normalises; by default the installed plugins.

    Raises:
        DataError: A line of ``fixes`` can't be used.
        ExportError: The new file answers otherwise than it should; nothing is written.
        ModelError: The file is missing, damaged or foreign.
        OSError: The new file can't be written.
        PluginError: The tokenizer isn't installed.
    """
    import onnx  # noqa: PLC0415  # s2s starts without it
    import onnx_ir as ir  # noqa: PLC0415

    from s2s_core.exporting.lexicon import has_lexicon, replace_entries, with_lexicon  # noqa: PLC0415
    from s2s_core.exporting.lexicon_proof import prove_lexicon  # noqa: PLC0415
    from s2s_core.exporting.sentences import warn_of_unreachable  # noqa: PLC0415
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415
    from s2s_core.runtime.metadata import METADATA  # noqa: PLC0415
    from s2s_core.runtime.structure import structure_of  # noqa: PLC0415

    require_writable(Path(output))
    opened = ExportedModel(Path(model))
    tokenizer, _ = tokenizers_of(opened, Path(model), plugins or Plugins())
    graph = ir.from_proto(onnx.load(model))
    before = _entries(graph, model)
    wanted = read_fixes(Path(fixes), tokenizer.normalize)
    entries = fixed(before, wanted)
    if not has_lexicon(graph):
        graph = with_lexicon(graph, {}, tokenizer)
    replace_entries(graph, {})
    plain = ir.to_proto(graph).SerializeToString()
    replace_entries(graph, entries)
    patched = ir.to_proto(graph)
    content, changed = patched.SerializeToString(), list(wanted)[:MOST_PROVED]
    of_words = opened.unit == "word"
    prove_lexicon(content, plain, entries, tokenizer.normalize, changed, opened.decoding, of_words=of_words)
    if of_words:
        warn_of_unreachable(entries)
    made = _patch(Path(output), before, entries)
    note = {"date": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}", **_counts(made)}
    own = structure_of(patched.SerializeToString(deterministic=True)).checksum
    checksum = opened.metadata["checksum"] if opened.changed else own  # what wasn't as proved still isn't
    patches = opened.metadata.get("patches", [])
    if not isinstance(patches, list):
        raise ModelError(f"{model} has damaged metadata: patches is no list")
    metadata = {
        **opened.metadata,
        "checksum": checksum,
        "lexicon": len(entries),
        "patches": [*patches, note],
    }
    onnx.helper.set_model_props(patched, {METADATA: json.dumps(metadata, ensure_ascii=False)})
    write_atomically(Path(output), patched.SerializeToString(deterministic=True))
    return made


def lexicon(model: str | Path) -> Entries:
    """Returns the entries of an exported file's lexicon: the answers to each normalised source; none without one.

    Raises:
        ModelError: The file is missing, damaged or foreign.
    """
    import onnx  # noqa: PLC0415
    import onnx_ir as ir  # noqa: PLC0415

    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415

    ExportedModel(Path(model))
    return _entries(ir.from_proto(onnx.load(model)), model)


def _entries(graph: "ir.Model", model: str | Path) -> Entries:
    from s2s_core.exporting.lexicon import entries_of  # noqa: PLC0415

    try:
        return entries_of(graph)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{model} has a damaged lexicon: {error}") from error


def _patch(path: Path, before: Entries, after: Entries) -> Patch:
    changed = sum(before[source] != after[source] for source in before.keys() & after.keys())
    return Patch(path, len(after.keys() - before.keys()), changed, len(before.keys() - after.keys()), len(after))


def _counts(made: Patch) -> dict[str, int]:
    return {"added": made.added, "changed": made.changed, "removed": made.removed}
