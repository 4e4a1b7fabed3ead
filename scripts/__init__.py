"""Developer entry points: `python scripts/run.py help`. Standard library only, until the environment stands."""
