"""The facts of runs: sizes, the exported file and its proof, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from s2s_core.reporting.contents import ExportedFile, RunContents
from s2s_core.reporting.markup import note, section, shown, table

MOST_SETTING = 300
"""The most characters of a setting's value that are shown."""

MEGABYTE = 1e6

_PROVED = ("hypotheses", "texts", "batches", "ties", "score_difference")
"""What a file's metadata say of its proof."""


def file_section(run: RunContents, level: int = 2) -> str:
    """Returns the sizes of a run's model, and what its file says of its proof."""
    rows = [(name, value) for name, value in _sizes(run) if value]
    remark = "" if run.file is None or run.file.problem else _proof(run.file)
    missing = note("There is no exported file.") if run.file is None else ""
    problem = note(shown(run.file.problem, MOST_SETTING)) if run.file is not None and run.file.problem else ""
    return section("File", table((), rows), remark, missing, problem, level=level)


def _sizes(run: RunContents) -> list[tuple[str, str]]:
    metadata = run.file.metadata if run.file is not None else {}
    lexicon = metadata.get("lexicon")
    return [
        ("parameters", f"{run.parameters:,}" if run.parameters is not None else ""),
        ("weights, <code>model.safetensors</code>", _megabytes(run.weights_size)),
        ("file, <code>model.onnx</code>", _megabytes(run.file.size if run.file is not None else None)),
        ("entries of its lexicon", f"{lexicon:,}" if isinstance(lexicon, int) else ""),
        ("made by s2s", shown(str(metadata["s2s"]), 40) if "s2s" in metadata else ""),
    ]


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / MEGABYTE:.2f} MB"


def _proof(file: ExportedFile) -> str:
    """Returns what the proof compared, if the metadata say so in numbers."""
    parity = file.metadata.get("parity")
    if not isinstance(parity, Mapping) or not all(isinstance(parity.get(name), int | float) for name in _PROVED):
        return note("Its metadata don't say how it was proved.")
    return note(
        f"Proof: {parity['hypotheses']:,} hypotheses for {parity['texts']:,} texts in {parity['batches']:,} batches "
        f"were compared with the model that the file was made of; {parity['ties']:,} were equally good others, and no "
        f"score differed by more than {parity['score_difference']:.1g}."
    )


def settings_section(run: RunContents) -> str:
    """Returns every setting of a run, table by table."""
    return section("Settings", _tables(run))


def folded_settings(run: RunContents) -> str:
    """Returns every setting of one of several runs, which the reader may unfold."""
    return f"<details><summary>All settings of {shown(run.name)}</summary>{_tables(run)}</details>"


def _tables(run: RunContents) -> str:
    tables: dict[str, list[tuple[str, str]]] = {}
    for path, value in run.settings.items():
        name, _, rest = path.partition(".")
        tables.setdefault(name, []).append((shown(rest or name, MOST_SETTING), _value(value)))
    blocks = "".join(
        f'<div class="block"><h4>{shown(name, MOST_SETTING)}</h4>{table((), rows, kind="settings")}</div>'
        for name, rows in tables.items()
    )
    return f'<div class="columns">{blocks}</div>'


def differing_section(runs: Sequence[RunContents]) -> str:
    """Returns the settings in which runs differ."""
    paths = dict.fromkeys(path for run in runs for path in run.settings)
    rows = []
    for path in paths:
        values = [_value(run.settings[path]) if path in run.settings else "" for run in runs]
        if len(set(values)) > 1:
            rows.append([f"<code>{shown(path, MOST_SETTING)}</code>", *values])
    if not rows:
        return section("Settings", note("All settings are the same."))
    return section("Settings that differ", table(["", *(shown(run.name) for run in runs)], rows))


def _value(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<code>{shown(text, MOST_SETTING)}</code>" if text else '<i class="faint">empty</i>'
