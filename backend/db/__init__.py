"""The two stores (``chain``, ``gateway``) in SQLite files or PostgreSQL schemas: engines, transactions, changes.

The only package that opens a database and the only one that commits (``session.py``).
"""
