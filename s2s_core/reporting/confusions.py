"""The confusions of symbols, the commonest first."""

from s2s_core.evaluation.confusions import Confusion, Confusions
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.markup import foreign, note, section, table

MOST_CONFUSIONS = 20
"""How many are shown."""

MOST_SYMBOL, MOST_SOURCE = 40, 60
"""The most characters of a symbol, and of a source, that are shown."""


def confusions_section(run: RunContents, level: int = 2) -> str:
    """Returns a table of what a model takes for what; nothing if all is right."""
    confusions = run.confusions
    if confusions is None or not confusions.pairs:
        return ""
    head = ["right", "answer", "times", "share of the symbol", "such as"]
    rows = [_row(pair, confusions) for pair in confusions.pairs[:MOST_CONFUSIONS]]
    return section("Confusions", note(_counted(confusions)), table(head, rows, kind="confusions"), level=level)


def _counted(confusions: Confusions) -> str:
    aligned = "the wrong answers"
    if confusions.aligned < confusions.wrong:
        aligned = f"the first {confusions.aligned:,} of {confusions.wrong:,} wrong answers"
    kinds = len(confusions.pairs)
    most = f" Here are the {MOST_CONFUSIONS} commonest of {kinds:,} kinds." if kinds > MOST_CONFUSIONS else ""
    edits = f"{confusions.total:,} edit{'s' * (confusions.total != 1)} of a symbol"
    return f"With the fewest edits, {edits} would make {aligned} right.{most}"


def _row(pair: Confusion, confusions: Confusions) -> list[str]:
    right, answer = (_symbol(symbol) for symbol in (pair.reference, pair.hypothesis))
    width = 100 * pair.count / confusions.pairs[0].count
    bar = f'<span class="bar" style="width:{width:.1f}%"></span>{pair.count:,}'
    share = ""
    if pair.reference is not None:
        share = f"{100 * pair.count / confusions.occurrences[pair.reference]:.1f} %"
    return [right, answer, bar, share, foreign(pair.source, MOST_SOURCE)]


def _symbol(symbol: str | None) -> str:
    return '<i class="faint">nothing</i>' if symbol is None else foreign(symbol.replace(" ", "␣"), MOST_SYMBOL)
