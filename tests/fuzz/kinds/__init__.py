"""The kinds of input that the fuzzer changes, a module each: ``attempt`` writes one to a folder and says what runs.

An attempt's folder has a copy of the material already.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

from ..attempt import Attempt
from . import command_line, data, job, lines, model, requests, run_folder, settings, vocabulary

Make = Callable[[Random, Path], Attempt]

KINDS: dict[str, Make] = {
    "command_line": command_line.attempt,
    "data": data.attempt,
    "job": job.attempt,
    "lines": lines.attempt,
    "model": model.attempt,
    "requests": requests.attempt,
    "run_folder": run_folder.attempt,
    "settings": settings.attempt,
    "vocabulary": vocabulary.attempt,
}

TRIES = {
    "command_line": 1500,
    "data": 2500,
    "job": 1000,
    "lines": 1500,
    "model": 3000,
    "requests": 500,
    "run_folder": 2000,
    "settings": 2000,
    "vocabulary": 1000,
}
"""How many tries of each kind there are by default."""
