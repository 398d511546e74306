"""Times a file that answers running text by words, with a lexicon, against the model that is asked for each word.

    python benchmarks/sentences.py SENTENCES WORDS TEXT [--lexicon PAIRS]

SENTENCES was exported with ``export.unit = "word"`` and a lexicon, WORDS is the same model without both. TEXT has a
sentence on each line, of which those of the first 1,000 words are used. Each way takes its turn in each round, in this
process; the numbers are medians of its CPU time. With ``--lexicon`` every entry that is one word is looked up as well.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import onnxruntime

from s2s_core.text.sentences import is_single_word, is_word, split

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

BATCH = 64


@click.command()
@click.argument("sentences", type=FILE)
@click.argument("words", type=FILE)
@click.argument("text", type=FILE)
@click.option("--lexicon", type=FILE, help="The entries that the first file has.")
@click.option("--count", default=1000, show_default=True, help="How many running words.")
@click.option("--rounds", default=5, show_default=True)
def main(sentences: Path, words: Path, text: Path, lexicon: Path | None, count: int, rounds: int) -> None:
    """Prints the times, and how many of the lexicon's words are answered as it says."""
    whole, model = opened(sentences), opened(words)
    lines = first(text.read_text(encoding="utf-8").splitlines(), count)
    tokens = [piece for line in lines for piece in split(line) if is_word(piece)]
    ways = {
        "sentences, one batch": lambda: answers(whole, lines, len(lines)),
        "sentences, one at a time": lambda: answers(whole, lines, 1),
        "the model, each word alone": lambda: answers(model, tokens, 1),
        f"the model, words in batches of {BATCH}": lambda: answers(model, tokens, BATCH),
    }
    seconds = timed(ways, rounds)
    print(f"{len(tokens):,} running words in {len(lines)} sentences, {len(set(tokens))} distinct")
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(f"{name:<36} {1000 * middle:9.1f} ms, {1000 * middle / len(tokens):.3f} a word")
    if lexicon:
        print(f"{right(whole, lexicon)} of the lexicon's words are answered as it says")


def opened(path: Path) -> onnxruntime.InferenceSession:
    """Returns a file with one thread."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def first(lines: list[str], count: int) -> list[str]:
    """Returns the first lines that have so many words together."""
    kept, words = [], 0
    for line in lines:
        if words >= count:
            break
        kept.append(line)
        words += sum(map(is_word, split(line)))
    return kept


def answers(session: onnxruntime.InferenceSession, texts: list[str], batch: int) -> list[str]:
    """Returns the answers to texts."""
    found = []
    for start in range(0, len(texts), batch):
        found += session.run(["target"], {"source": np.array(texts[start : start + batch], object)})[0].tolist()
    return found


def timed(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Returns the CPU seconds of each way in each round, after one that doesn't count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if number:
                seconds[name].append(time.process_time() - began)
    return seconds


def right(session: onnxruntime.InferenceSession, lexicon: Path) -> str:
    """Returns how many entries that are one word a file answers with the first of their answers."""
    entries: dict[str, str] = {}
    for line in lexicon.read_text(encoding="utf-8").splitlines():
        source, answer = line.split("\t")[:2]
        if is_single_word(source):
            entries.setdefault(source, answer)
    found = answers(session, list(entries), 1024)
    same = sum(one == other for one, other in zip(found, entries.values(), strict=True))
    return f"{same:,} of {len(entries):,}"


if __name__ == "__main__":
    main()
