"""The seeds of several runs: how they are written, and which there can be."""

import re
from collections.abc import Sequence

from s2s_core.errors import ConfigError

MOST_SEEDS = 100
LARGEST_SEED = 2**32 - 1

_NUMBER = re.compile("[0-9]{1,10}")


def parse_seeds(text: str) -> list[int]:
    """Turns ``"0-4"``, ``"0,3,7"`` or both into seeds.

    Raises:
        ConfigError: It isn't of this form, or there are too many.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not _NUMBER.fullmatch(first) or not (_NUMBER.fullmatch(last) if dash else True):
            raise ConfigError(f"seeds are numbers or ranges of them, such as 0-4 or 0,3,7 (got {text!r})")
        begin, end = int(first), int(last if dash else first)
        if end < begin:
            raise ConfigError(f"a range of seeds begins with its smaller one, {end}-{begin} (got {part.strip()!r})")
        if len(seeds) + end - begin >= MOST_SEEDS:
            raise ConfigError(f"several seeds are 2 to {MOST_SEEDS} (got {text!r})")
        seeds += range(begin, end + 1)
    require_seeds(seeds)
    return seeds


def require_seeds(seeds: Sequence[int]) -> None:
    """Checks that there are several different seeds, each of which can be one.

    Raises:
        ConfigError: They aren't.
    """
    if not 2 <= len(seeds) <= MOST_SEEDS:
        raise ConfigError(f"several seeds are 2 to {MOST_SEEDS}, such as 0-4 (got {len(seeds)})")
    for number, seed in enumerate(seeds):
        if not 0 <= seed <= LARGEST_SEED:
            raise ConfigError(f"a seed must be between 0 and {LARGEST_SEED} (got {seed})")
        if seed in seeds[:number]:
            raise ConfigError(f"seeds must differ (got {seed} twice)")
