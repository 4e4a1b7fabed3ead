"""Blobs addressed by their content."""
