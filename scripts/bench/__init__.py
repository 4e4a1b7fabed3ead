"""`run.py bench`: the gateway beside others, and what its parts cost, in CPU seconds and in time."""
