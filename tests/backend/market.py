"""Rows of the chain store as the indexer would write them, for tests of what reads them."""

import time
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import SQLModel

from backend.core.units import Address, PlanId, PlanKind, ServiceId, keccak, pack_plan_id
from backend.db.session import Store
from backend.db.tables import chain as rows

CHAIN_ID: Final = 31337
METER: Final = Address(b"\x4d" * 20)
PROVIDER: Final = Address(b"\x50" * 20)
BUYER: Final = Address(b"\x42" * 20)
STRANGER: Final = Address(b"\x53" * 20)
SERVICE: Final = ServiceId(1)
START: Final = 1_700_000_000


def block_hash(number: int, fork: str = "") -> bytes:
    return keccak(f"block {number} {fork}".encode())


class Market:
    """Writes to the chain store. Every change can be mined: `mine` moves the head and the heartbeat."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = 0

    async def put(self, *things: SQLModel) -> None:
        async with self.store.write() as session:
            for thing in things:
                await session.merge(thing)

    async def drop(self, table: type[SQLModel], **columns: Any) -> None:
        async with self.store.write() as session:
            await session.execute(delete(table).filter_by(**columns))

    async def mine(self, *things: SQLModel, now: int | None = None, behind: int = 0, fork: str = "") -> int:
        """Put rows and move on by a block; `behind` is how far safe and finalized lag."""
        self.number += 1
        now = START if now is None else now
        safe = max(self.number - behind, 0)
        head = rows.Chain(
            chain_id=CHAIN_ID,
            genesis_hash=block_hash(0),
            deployment_hash=bytes(32),
            deployment={},
            start_block=0,
            number=self.number,
            hash=block_hash(self.number, fork),
            timestamp=now,
            safe_number=safe,
            finalized_number=safe,
            journal_from=0,
        )
        await self.put(head, self.heartbeat(now), *things)
        return self.number

    def heartbeat(self, now: int) -> SQLModel:
        return rows.Heartbeat(chain_id=CHAIN_ID, confirmed_at_ms=now * 1000, node_number=self.number)


def service(**changed: Any) -> rows.Service:
    values = {
        "chain_id": CHAIN_ID,
        "service_id": SERVICE,
        "owner": PROVIDER,
        "kind": 0,
        "meter": METER,
        "uri": "http://127.0.0.1/doc",
        "content_hash": bytes(32),
        "created_at": START,
        "created_block": 1,
    }
    return rows.Service(**{**values, **changed})


def plan_id(kind: PlanKind, index: int = 1, service_id: ServiceId = SERVICE) -> PlanId:
    return pack_plan_id(service_id, index, transferable=True, kind=kind)


def plan(kind: PlanKind, index: int = 1, service_id: ServiceId = SERVICE, **changed: Any) -> rows.Plan:
    values = {
        "chain_id": CHAIN_ID,
        "plan_id": plan_id(kind, index, service_id),
        "service_id": service_id,
        "kind": int(kind),
        "transferable": True,
        "refundable": kind is not PlanKind.PASS,
        "measure": 0,
        "currency": 0,
        "royalty_bps": 0,
        "unit_price": 5_000_000,
        "period": 3600 if kind is PlanKind.TIMED else 0,
        "supply_cap": 0,
        "account_cap": 0,
        "sale_start": 0,
        "early_seconds": 0,
        "early_score": 0,
        "limits_hash": bytes(32),
        "per_request": 0,
        "per_unit_in": 10 if kind is PlanKind.METERED else 0,
        "per_unit_out": 30 if kind is PlanKind.METERED else 0,
        "fee_bps": 250,
        "created_at": START,
        "created_block": 1,
    }
    return rows.Plan(**{**values, **changed})


def holding(plan: PlanId, account: bytes = BUYER, units: int = 1) -> rows.Holding:
    return rows.Holding(chain_id=CHAIN_ID, plan_id=plan, account=account, units=units)


def access(plan: PlanId, until: int, account: bytes = BUYER) -> rows.Access:
    return rows.Access(chain_id=CHAIN_ID, plan_id=plan, account=account, access_until=until)


def tab(plan: PlanId, balance: int, payer: bytes = BUYER, **changed: Any) -> rows.Tab:
    return rows.Tab(**{"chain_id": CHAIN_ID, "plan_id": plan, "payer": payer, "balance": balance, **changed})


def wall_clock() -> int:
    return int(time.time())
