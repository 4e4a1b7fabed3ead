"""Outgoing HTTP, with the guard against requests forged towards private networks."""
