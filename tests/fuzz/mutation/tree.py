"""Mutations of nested tables and lists, as of JSON and TOML."""

import copy
import json
from random import Random
from typing import Any

from .values import NUMBERS, text, value


def mutate(random: Random, tree: Any, *, most: int = 3) -> Any:
    """Returns a copy of a tree with a few changes."""
    holder = [copy.deepcopy(tree)]
    for _ in range(random.choice((1, 1, most))):
        places = list(_places(holder))[1:] or [(holder, 0)]
        _change(random, *random.choice(places), places)
    return holder[0]


def mutate_json(random: Random, content: bytes) -> bytes:
    """Returns JSON with a few changes of its values; what isn't valid any more is up to ``content.mutate``."""
    return json.dumps(mutate(random, json.loads(content))).encode()


def _places(node: Any) -> Any:
    """Yields each table or list with each of its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _change(random: Random, node: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    kind = random.randrange(12)
    if kind < 6:
        node[key] = _near(random, node[key])
    elif kind < 8:
        node[key] = value(random)
    elif kind < 9:
        other, name = random.choice(places)
        node[key] = copy.deepcopy(other[name])
    elif kind < 10:
        node[key] = random.choice(([node[key]], {text(random): node[key]}, None))
    elif isinstance(node, dict):
        kept = node.pop(key)
        if kind == 10:
            node[text(random)] = kept
    elif kind == 10:
        node.insert(key, copy.deepcopy(node[key]))
    elif len(node) > 1:
        node.pop(key)


def _near(random: Random, old: Any) -> Any:
    """Returns a value of the same type."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        numbers = [number for number in NUMBERS if isinstance(number, int)]
        return random.choice((old + 1, old - 1, -old, old * 2, old // 2, random.choice(numbers)))
    if isinstance(old, float):
        return random.choice((old + 1, -old, old * 2, old / 2, random.choice(NUMBERS)))
    if isinstance(old, str):
        place = random.randint(0, len(old))
        return random.choice((text(random), old[:place] + random.choice((text(random), "")) + old[place + 1 :]))
    if isinstance(old, list):
        return random.choice((old[: len(old) // 2], old * 2, old[::-1]))
    return dict(list(old.items())[::2]) if isinstance(old, dict) else value(random)
