"""What every other package may lean on: units, errors, settings, clock, logs. Imports nothing of ours."""
