"""Scores Phonetisaurus, a joint n-gram model of letters and phones, on words of docs/benchmarks.md.

    python benchmarks/phonetisaurus.py ROW DATA PROGRAM [--only NAME …] [--decompose]

PROGRAM is the ``phonetisaurus`` of an environment of its own, made by ``pip install phonetisaurus``. It trains on the
words that ``quality.py`` trains on, and the answers to the test words are scored in the same way. A word without an
answer is wrong. As a space ends a word in its dictionaries, it is replaced by ``␣``.
"""

import subprocess
import tempfile
import unicodedata
from collections import defaultdict
from pathlib import Path

import click
import numpy as np
from quality import ROWS

from s2s_core.evaluation.metrics.error_rate import TokenErrorRate
from s2s_core.evaluation.metrics.sequence_error_rate import SequenceErrorRate

Pair = tuple[str, str]


@click.command()
@click.argument("row", type=click.Choice(["sigmorphon-medium", "sigmorphon-low", "cmudict"]))
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("program", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--only", multiple=True, help="One of the row's data sets; may be repeated.  [default: all]")
@click.option("--decompose", is_flag=True, help="Split letters into their parts (NFD), as auto does with Hangul.")
def main(row: str, data: Path, program: Path, only: tuple[str, ...], *, decompose: bool) -> None:
    """Trains and scores a model for each data set of a row."""
    train, _, test = ROWS[row].parts
    any_is_right = ROWS[row].settings.get("task.references") == "all"
    scores = []
    for name in only or ROWS[row].names:
        pairs, tested = (read(data / part.format(name), decompose=decompose) for part in (train, test))
        rows = references(tested, any_is_right=any_is_right)
        answers = answer(program, pairs, [word for word, _ in rows])
        scores.append(scored(answers, [phones for _, phones in rows]))
        print(f"{row} {name}: {shown(scores[-1])}", flush=True)
    print(f"{row}: mean {shown(np.mean(scores, 0))}")


def read(path: Path, *, decompose: bool) -> list[Pair]:
    """Returns the words of a file as a dictionary can have them, each with its phones."""
    pairs = [line.split("\t")[:2] for line in path.read_text(encoding="utf-8").split("\n") if line]
    form = (lambda word: unicodedata.normalize("NFD", word)) if decompose else str
    return [(form(word).replace(" ", "␣"), phones) for word, phones in pairs]


def references(pairs: list[Pair], *, any_is_right: bool) -> list[tuple[str, list[str]]]:
    """Returns what is scored: each line, or each word with all of its pronunciations."""
    if not any_is_right:
        return [(word, [phones]) for word, phones in pairs]
    words = defaultdict(list)
    for word, phones in pairs:
        words[word].append(phones)
    return list(words.items())


def answer(program: Path, pairs: list[Pair], words: list[str]) -> list[str]:
    """Returns the phones of each word, by a model of pairs; none for a word that it can't pronounce."""
    with tempfile.TemporaryDirectory() as folder:
        lexicon, model = Path(folder, "lexicon"), Path(folder, "model.fst")
        lexicon.write_text("".join(f"{word} {phones}\n" for word, phones in pairs), encoding="utf-8")
        run(program, "train", "--model", model, lexicon)
        printed = run(program, "predict", "--model", model, given="".join(f"{word}\n" for word in dict.fromkeys(words)))
    answers = dict(line.split(maxsplit=1) for line in reversed(printed.splitlines()) if " " in line.strip())
    return [answers.get(word, "") for word in words]


def run(program: Path, *arguments: object, given: str = "") -> str:
    """Returns what the program prints."""
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise click.ClickException(f"{program} {arguments[0]} failed:\n{done.stderr[-1000:]}")
    return done.stdout


def scored(answers: list[str], right: list[list[str]]) -> list[float]:
    """Returns the share of wrong answers, and of wrong phones."""
    return [metric.score(answers, right) for metric in (SequenceErrorRate(), TokenErrorRate(str.split))]


def shown(scores: list[float]) -> str:
    """Returns the scores, formatted."""
    return "{:.2%} of the words wrong, {:.2%} of the phones".format(*scores)


if __name__ == "__main__":
    main()
