"""Column types that keep exactness and order on SQLite and PostgreSQL alike."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import CHAR, JSON, BigInteger, Integer, LargeBinary, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from backend.core.units import UINT256_MAX, Address, Hash32

_DIGITS: Final = 78
"""Decimal digits of 2**256 - 1."""


class Uint256(TypeDecorator[int]):
    """A Solidity ``uint256`` as ``int``: NUMERIC(78,0) in PostgreSQL, 78 digits of text in SQLite.

    Order and equality are exact in both. SQL arithmetic is not offered (text in SQLite): compute in Python,
    or use BigInteger for counters that stay under 2**63. Raises ValueError outside 0..2**256-1.
    """

    impl = CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Pick the column type of the database at hand."""
        kind: TypeEngine[Any] = Numeric(_DIGITS, 0) if dialect.name == "postgresql" else CHAR(_DIGITS)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | str | None:
        """``int`` to what the driver takes."""
        if value is None:
            return None
        if not 0 <= value <= UINT256_MAX:
            raise ValueError(f"{value} does not fit uint256")
        return Decimal(value) if dialect.name == "postgresql" else f"{value:078d}"

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """What the driver gives to ``int``."""
        return None if value is None else int(value)


class _FixedBytes(TypeDecorator[bytes]):
    """Exactly ``size`` raw bytes."""

    impl = LargeBinary
    cache_ok = True
    size = 0

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is not None and len(value) != self.size:
            raise ValueError(f"expected {self.size} bytes, got {value!r:.80}")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)


class AddressType(_FixedBytes):
    """An ``Address``: 20 raw bytes. Raises ValueError for any other length."""

    cache_ok = True  # read per class, not inherited
    size = len(Address(bytes(20)))


class HashType(_FixedBytes):
    """A ``Hash32``: 32 raw bytes. Raises ValueError for any other length."""

    cache_ok = True  # read per class, not inherited
    size = len(Hash32(bytes(32)))


JsonType: Final = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document: JSONB in PostgreSQL, text in SQLite."""

UnixTimeType: Final = BigInteger
"""Whole seconds since 1970."""

BigId: Final = BigInteger().with_variant(Integer(), "sqlite")
"""An automatic 64-bit primary key (SQLite numbers rows only in a column named INTEGER)."""
