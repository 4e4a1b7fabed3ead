"""Every table, one module per writing package. Importing this package makes ``metadata`` complete.

A table says which store it lives in: ``__table_args__ = {"schema": "chain"}`` or ``{"schema": "gateway"}``.
"""

from importlib import import_module
from pkgutil import iter_modules

from sqlmodel import SQLModel

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

metadata = SQLModel.metadata
