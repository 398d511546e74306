"""How a training gets on with other processes: which of its own writes and prints, and how its threads wait."""

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
