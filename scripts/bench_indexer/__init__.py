"""`run.py bench-indexer`: our indexer and Ponder on the same anvil chain, in turns, and a table of both."""
