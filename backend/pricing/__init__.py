"""Prices of the past: imported from files, read from feeds, kept as points in time."""
