"""The metrics that come with the core."""
