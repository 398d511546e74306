"""Training: the loop, what it reports, and how it goes on after an interruption."""
