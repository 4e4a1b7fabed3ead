"""Alerts: what an account would not want to miss, told once a cause, by channels it confirmed."""
