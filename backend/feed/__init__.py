"""Events of the contracts as they happen: streams and webhooks."""
