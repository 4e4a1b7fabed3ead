"""The only door to a node."""
