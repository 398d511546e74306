"""Makes the files that pages of the documentation take for granted: a few pairs in place of a corpus."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

STEMS = ("ab", "bad", "cab", "dab", "fad", "gab", "had", "jab", "lab", "mad", "nab", "pad", "sad", "tab", "wad")
ENDS = ("", "s", "er", "ing")

Pair = tuple[str, str]


def make(name: str, path: Path) -> None:
    """Writes the stand-in of a file, by its whole name or else by its ending.

    Raises:
        ValueError: It has none.
    """
    for known, write in WRITERS.items():
        if name.endswith(known):
            write(path)
            return
    raise ValueError(f"{name!r} has no stand-in; tests/support/stand_ins.py makes: {', '.join(WRITERS)}")


def pairs() -> list[Pair]:
    """Returns words and their sounds; two come twice."""
    words = [stem + end for stem in STEMS for end in ENDS]
    return [(word, " ".join(word.upper())) for word in (*words, *words[:2])]


def _tsv(path: Path) -> None:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs()), encoding="utf-8")


def _half_known(path: Path) -> None:
    """Of its sources, half are those of every other file."""
    new = [(f"x{source}", target) for source, target in pairs()[:10]]
    path.write_text("".join(f"{source}\t{target}\n" for source, target in (*pairs()[:10], *new)), encoding="utf-8")


def _bad(path: Path) -> None:
    """A line has one column, some sources are long, and some are unlike their targets in length."""
    rows = [f"{source}\t{target}" for source, target in pairs()]
    rows[2] = "bad"
    rows += [f"{'a' * length}\t{'A ' * length}" for length in range(13, 20)]
    rows += [f"{letter}\t{'A' * 20}" for letter in "abc"]
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")


def _lexicon(path: Path) -> None:
    """Its columns have names."""
    rows = [("word", "ipa", "spelling"), *((source, target, target.lower()) for source, target in pairs())]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def _verbs(path: Path) -> None:
    """Lemmas, forms and the features of the forms, by rule."""
    ends = {"V;PRS;3;SG": "es", "V;PST": "ed", "V;V.PTCP;PRS": "ing"}
    stems = [first + rest for first in "bflmrstvwy" for rest in ("ak", "an")]
    rows = [f"{stem}e\t{stem}{end}\t{features}\n" for stem in stems for features, end in ends.items()]
    path.write_text("".join(rows), encoding="utf-8")


def _csv(path: Path) -> None:
    path.write_text("".join(f'"{source}","{target}"\n' for source, target in pairs()), encoding="utf-8")


def _json_lines() -> Iterator[str]:
    return (json.dumps({"source": source, "target": target}) + "\n" for source, target in pairs())


def _dict(path: Path) -> None:
    """In the form of CMUdict."""
    path.write_text("".join(f"{source} {target}\n" for source, target in pairs()), encoding="utf-8")


def _jsonl_gz(path: Path) -> None:
    path.write_bytes(gzip.compress("".join(_json_lines()).encode()))


def _tsv_gz(path: Path) -> None:
    path.write_bytes(gzip.compress("".join(f"{source}\t{target}\n" for source, target in pairs()).encode()))


def _parquet(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    sources, targets = zip(*pairs(), strict=True)
    parquet.write_table(pa.table({"source": list(sources), "target": list(targets)}), path)


def _sources(path: Path) -> None:
    path.write_text("".join(source + "\n" for source, _ in pairs()), encoding="utf-8")


def _targets(path: Path) -> None:
    path.write_text("".join(target + "\n" for _, target in pairs()), encoding="utf-8")


def _buckets(path: Path) -> None:
    """What ``s2s evaluate --json`` prints."""
    scores = {"sequence_error_rate": 0.5}
    buckets = [
        {"shortest": length, "longest": length, "mean_length": length, "answers": 20, "scores": scores}
        for length in (2, 4, 6)
    ]
    path.write_text(
        json.dumps(
            {"lines": 60, "sources": 60, "references": "each", "scores": scores, "signatures": {}, "buckets": buckets}
        )
    )


WRITERS = {
    "dev.tsv": _half_known,
    "bad.tsv": _bad,
    "lexicon.tsv": _lexicon,
    "verbs.tsv": _verbs,
    ".tsv": _tsv,
    ".csv": _csv,
    ".dict": _dict,
    ".jsonl.gz": _jsonl_gz,
    ".tsv.gz": _tsv_gz,
    ".parquet": _parquet,
    ".de": _sources,
    ".en": _targets,
    ".txt": _sources,
    "in-order.json": _buckets,
}
