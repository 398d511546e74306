"""Serving: an HTTP server that answers with exported files, alone or in batches of several requests."""
