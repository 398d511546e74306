"""Runs: their folders, their components and where these came from, their log."""
