"""Schema versions: one alembic history per store, in ``chain/`` and ``gateway/``."""
