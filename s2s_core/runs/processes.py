"""How a process gets on: which of several writes and prints, how its threads wait, when it looks for unused memory."""

import gc
import os

SPINS = "2000"
"""How often a thread looks whether others are done before it sleeps. The default of GNU's OpenMP is 300,000 times.

``benchmarks/busy.py`` measures what it gains beside other work, and costs without.
"""


def is_first_process() -> bool:
    """Whether this process is the one, of those that ``torchrun`` or ``accelerate launch`` started, that writes."""
    return os.environ.get("RANK", "0") == "0"


def share_cores() -> None:
    """Makes threads of GNU's OpenMP, which PyTorch has on Linux, sleep soon when they wait, unless the user decided.

    It has no effect once PyTorch is imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


OBJECTS = 100_000
"""How many new objects Python makes before it looks for unused ones, instead of 700 or so.

Importing and exporting make millions that stay: an export takes 10 to 15 % less CPU time, and the same memory.
"""


def collect_rarely() -> None:
    """Lets Python look for unused objects more rarely; for a process that is ours alone."""
    gc.set_threshold(OBJECTS)
