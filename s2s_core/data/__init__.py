"""Data: tasks and their examples, encoded pairs, the store on disk, and training batches."""
