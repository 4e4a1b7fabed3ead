"""A running gateway follows the forks that take back deposits, on both databases.

given a call answered against a deposit
└── when a fork takes the deposit back for good: it voids the call by itself, and goes on after a fault
"""

import asyncio
from typing import Any

import pytest

from backend.core.errors import DatabaseUnreachable
from backend.core.units import keccak
from backend.db.tables import chain as rows
from backend.gateway import app
from backend.meter.service import Meter
from tests.backend.gateway.conftest import METERED, House, address_of, bearer
from tests.backend.market import CHAIN_ID, block_hash, tab


@pytest.fixture
def gateway_settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(app, "FORK_SECONDS", 0.02)
    return {"database_url": database_url}


def deposited(house: House, number: int, retracts: int | None = None) -> rows.Outbox:
    return rows.Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=1,
        block_hash=block_hash(1),
        log_index=0,
        timestamp=0,
        tx_hash=keccak(b"deposit"),
        contract="UsageEscrow",
        event="Deposited",
        plan_id=METERED,
        account=address_of(house.buyer),
        args={"units": "1000", "balance": "1000"},
        retracts=retracts,
    )


class TestRunningGateway:
    async def test_voids_what_a_fork_left_without_a_deposit(
        self, house: House, paid_key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = (await house.chat(paid_key)).headers["x-request-id"]
        path, headers = f"/v1/receipts/{asked}", bearer(paid_key)
        before = (await house.http.get(path, headers=headers)).json()
        follow, faults = Meter.follow_forks, [DatabaseUnreachable("gone")]

        async def with_faults(meter: Meter) -> int:
            if faults:
                raise faults.pop()
            return await follow(meter)

        monkeypatch.setattr(Meter, "follow_forks", with_faults)
        await house.mine(deposited(house, 1), deposited(house, 2, retracts=1))
        await house.mine(tab(METERED, 0, payer=address_of(house.buyer)))
        async with asyncio.timeout(10):
            while (after := (await house.http.get(path, headers=headers)).json()) == before:
                await asyncio.sleep(0.02)
        assert after == before | {"voided_micro_credits": before["micro_credits"]}
        assert int(before["micro_credits"]) > 0
        assert faults == []
