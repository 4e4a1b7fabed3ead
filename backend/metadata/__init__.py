"""Fetched and checked service documents."""
