"""Configuration: how settings are declared, which there are, and how they are read from what a user wrote."""
