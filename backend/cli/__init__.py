"""The `emporion` command."""
