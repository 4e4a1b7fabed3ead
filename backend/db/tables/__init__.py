"""Every table, one module per writing package, named `chain...` where they live in the `chain` store.

A table says which store it lives in: ``__table_args__ = {"schema": "chain"}`` or ``{"schema": "gateway"}``.
A process pays for the tables of the stores it opens: half of them are a sixth of an indexer's start.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import MetaData, Table
from sqlmodel import SQLModel

_CHAIN = "chain"


@cache
def tables_of(store: str) -> list[Table]:
    """The tables of a store, in an order in which they can be made."""
    for module in iter_modules(__path__):
        if module.name.startswith(_CHAIN) == (store == _CHAIN):
            import_module(f"{__name__}.{module.name}")
    return [table for table in SQLModel.metadata.sorted_tables if table.schema == store]


def whole_metadata() -> MetaData:
    """All tables of both stores."""
    tables_of(_CHAIN)
    tables_of("gateway")
    return SQLModel.metadata
