"""What every program of ``peers.py`` does: it reads its assignment, trains, and waits between its turns.

Only the standard library is used, as each program runs in the environment of its own toolkit.
"""

import json
import os
import sys
import time


class Turns:
    """Answers on standard output, in lines of JSON; whatever else the process prints goes to standard error.

    The first answer has the number of parameters. After each ``go`` on standard input, there is one with the target
    tokens of the next updates and the CPU seconds that they took, which is all that happened between the starts of the
    first update and of the one after the last. The process ends when standard input does.

    Attributes:
        assignment: The model's name and sizes, and where the words are, as ``peers.py`` describes them.
    """

    def __init__(self) -> None:
        self.assignment = json.loads(sys.argv[1])
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._updates = self._tokens = 0
        self._began = 0.0

    def update_begins(self, tokens: int, parameters: int) -> None:
        """Waits for the next turn if this one is over.

        Args:
            tokens: The target tokens of the update's batch, with the end of each target, without padding.
            parameters: The number of the model's trained weights.
        """
        if self._updates == 0:
            self._answer(parameters=parameters)
        if self._updates % self.assignment["updates"] == 0:
            if self._updates:
                self._answer(tokens=self._tokens, seconds=time.process_time() - self._began)
            self._wait()
            self._tokens, self._began = 0, time.process_time()
        self._updates += 1
        self._tokens += tokens

    def _answer(self, **values: float) -> None:
        print(json.dumps(values), file=self._answers, flush=True)

    def _wait(self) -> None:
        if not sys.stdin.readline():
            os._exit(0)  # at once, or the toolkit would save what it has trained


def count(parameters) -> int:
    """Returns the number of trained weights in a model's parameters."""
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
