"""The tokenizers that come with the core."""
