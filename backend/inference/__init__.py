"""Engines that answer requests: the embedded model and upstreams."""
