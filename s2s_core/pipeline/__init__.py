"""The pipeline: a function for each thing that a command does with a run."""
