"""Plugins: the hooks, discovery and loading of what is installed, and the registry of components by name."""
