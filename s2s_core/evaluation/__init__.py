"""Evaluation: metrics, and what they find of a model's answers."""
