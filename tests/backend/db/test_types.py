"""Column types, on SQLite and PostgreSQL.

Uint256
├── given a value outside 0..2**256-1: it should raise
├── for any values: it should come back exact, and sort as integers do
└── given NULL: it should come back None
AddressType, HashType
└── given another length: it should raise
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import StatementError

from backend.db.session import Store
from backend.db.tables import whole_metadata
from tests.backend.db.conftest import LEDGER

CHAINS = whole_metadata().tables["chain.chains"]
words = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 1000), st.integers(2**63 - 2, 2**64 + 2))


class TestUint256:
    @pytest.mark.parametrize("value", [-1, 2**256])
    async def test_given_too_large_or_negative_raises(self, gateway: Store, value: int) -> None:
        with pytest.raises(StatementError, match="does not fit uint256"):
            async with gateway.write_connection() as connection:
                await connection.execute(insert(LEDGER).values(amount=value))

    @given(values=st.lists(words, min_size=1, max_size=12))
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_is_exact_and_sorts_as_integers(self, gateway: Store, values: list[int]) -> None:
        async with gateway.write_connection() as connection:
            await connection.execute(delete(LEDGER))
            await connection.execute(insert(LEDGER), [{"amount": value} for value in values])
        async with gateway.read_connection() as connection:
            ordered = (
                (await connection.execute(select(LEDGER.c.amount).order_by(LEDGER.c.amount))).scalars().all()
            )
            above = (
                await connection.execute(select(LEDGER.c.amount).where(LEDGER.c.amount > values[0]))
            ).all()
        assert list(ordered) == sorted(values)
        assert len(above) == sum(value > values[0] for value in values)

    async def test_given_null_is_none(self, gateway: Store) -> None:
        async with gateway.write_connection() as connection:
            await connection.execute(insert(LEDGER).values(amount=None))
        async with gateway.read_connection() as connection:
            assert (await connection.execute(select(LEDGER.c.amount))).scalar_one() is None


class TestFixedBytes:
    @pytest.mark.parametrize("size", [0, 20, 31, 33])
    async def test_given_another_length_raises(self, chain: Store, size: int) -> None:
        with pytest.raises(StatementError, match="expected 32 bytes"):
            async with chain.read_connection() as connection:
                await connection.execute(select(CHAINS).where(CHAINS.c.hash == bytes(size)))
