"""Hop 3 of the data's path: events become rows. One module a contract, each a table of pure functions."""
