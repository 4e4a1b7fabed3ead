"""The drivers' errors and types, without loading psycopg where SQLite serves: it takes ten megabytes.

Nothing of psycopg's can have been raised before the engine that uses it has loaded it.
"""

import sqlite3
import sys
from functools import cache
from typing import Any

Errors = tuple[type[Exception], ...]


def psycopg_operational() -> Errors:
    """Psycopg's errors of the connection, the server, of two transactions that collided."""
    loaded: Any = sys.modules.get("psycopg")
    return () if loaded is None else (loaded.OperationalError,)


def operational_errors() -> Errors:
    """The same of both drivers."""
    return (sqlite3.OperationalError, *psycopg_operational())


def driver_errors() -> Errors:
    """Every error of both drivers."""
    loaded: Any = sys.modules.get("psycopg")
    return (sqlite3.Error,) if loaded is None else (sqlite3.Error, loaded.Error)


@cache
def int8() -> Any:
    """The type that binds a whole number as a 64-bit one."""
    from psycopg.types.numeric import Int8

    return Int8
