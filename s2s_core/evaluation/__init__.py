"""Evaluation: the metrics, and the scores that they give a model's answers."""
