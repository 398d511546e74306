"""Interrupts training as a user or a scheduler does."""

import os
import signal

from s2s_core.training.progress import TrainingProgress


class InterruptedAt(TrainingProgress):
    """Sends this process a signal when a step is reported; without a step, never."""

    def __init__(self, step, number=signal.SIGINT):
        self.step, self.number = step, number

    def advanced(self, step, loss, tokens_per_second):
        if step == self.step:
            os.kill(os.getpid(), self.number)
