"""Mutations of rows of texts."""

from random import Random

from .values import text

Rows = list[list[str]]


def mutate(random: Random, rows: Rows, *, most: int = 4) -> Rows:
    """Returns a copy of rows with a few changes."""
    changed = [list(row) for row in rows]
    for _ in range(random.randint(1, most)):
        _change(random, changed)
    return changed


def _change(random: Random, rows: Rows) -> None:
    if not rows:
        rows.append([text(random), text(random)])
        return
    place = random.randrange(len(rows))
    kind = random.randrange(9)
    if kind < 4 and rows[place]:
        rows[place][random.randrange(len(rows[place]))] = text(random)
    elif kind == 4:
        rows[place].insert(random.randint(0, len(rows[place])), text(random))
    elif kind == 5 and rows[place]:
        rows[place].pop(random.randrange(len(rows[place])))
    elif kind == 6:
        rows[place:place] = [list(rows[place])] * random.choice((1, 2, 100))
    elif kind == 7:
        del rows[place : place + random.choice((1, 10, len(rows)))]
    else:
        rows.insert(place, [])
