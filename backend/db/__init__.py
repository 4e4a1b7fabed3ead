"""Tables, types and sessions; the only place that commits."""
