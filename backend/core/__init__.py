"""Units, errors, settings, clock and logs: what every other package stands on."""
