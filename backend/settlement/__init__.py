"""Metered usage becomes settlement transactions."""
