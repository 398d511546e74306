"""Which of several processes of a training writes and prints."""

import os


def is_first_process() -> bool:
    """Whether this process is the one, of those that ``torchrun`` or ``accelerate launch`` started, that writes."""
    return os.environ.get("RANK", "0") == "0"
