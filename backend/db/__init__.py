"""The two stores (``chain``, ``gateway``) in SQLite files or PostgreSQL schemas: opened, changed, watched.

The only package that opens a database and the only one that commits (``session.py``).
"""
