"""`/metrics` on a port of its own. Knows no figure: each feature brings its own."""
