"""Bulk answers: the rows of a file, answered by several threads in a job that can be resumed."""
