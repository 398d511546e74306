"""Configuration: declares the settings, and reads them from what a user wrote."""
