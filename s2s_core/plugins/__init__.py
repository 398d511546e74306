"""Plugins: the hooks, finding and loading what is installed, and looking components up by name."""
