"""Training: the loop, the events that it reports, and how it resumes after an interruption."""
