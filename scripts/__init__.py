"""Developer entry points: `python scripts/run.py help`. Standard library only up to a standing set-up."""
