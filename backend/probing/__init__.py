"""Probing: uptime, first-token time and speed of services, measured by paid calls and by what was served."""
