"""What an account has, from the index alone."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog import account_repository as repository
from backend.catalog.rewards import StreamState, reward_claim_down, share_claim_down, streamed_index
from backend.catalog.schemas import AccountReply, HoldingReply, PositionReply, ShareReply
from backend.core.errors import IndexStale
from backend.core.units import Address, ChainId, PlanKind, checksum, hex_of
from backend.db.session import Store


class AccountView:
    """Reads accounts of one chain."""

    def __init__(self, store: Store, chain_id: ChainId) -> None:
        self._store = store
        self._chain_id = chain_id

    async def account(self, address: Address) -> AccountReply:
        """Everything an address has; empty for one nobody ever saw. Raises IndexStale without an index."""
        chain = self._chain_id
        async with self._store.read_connection() as db:
            head = await repository.head(db, chain)
            if head is None:
                raise IndexStale("the index has not been built yet; start `emporion index`, or wait for it")
            return AccountReply(
                address=checksum(address),
                chain_id=chain,
                block_number=head.number,
                block_hash=hex_of(bytes(head.hash)),
                emp=str(await repository.balance(db, chain, address)),
                plans=[_holding(row) for row in await repository.in_plans(db, chain, address)],
                shares=_shares(await repository.shares(db, chain, address)),
                services=await repository.services_owned(db, chain, address),
                score=str(await repository.score(db, chain, address)),
                rewards=await self._rewards(db, address, head.timestamp),
                positions=[_position(row) for row in await repository.positions(db, chain, address)],
            )

    async def _rewards(self, db: AsyncConnection, address: Address, now: int) -> dict[int, str]:
        """Claimable rewards by currency, as of the head's time."""
        vault = await repository.vault(db, self._chain_id)
        if vault is None:
            return {}
        score = await repository.score(db, self._chain_id, address)
        found = {}
        for row in await repository.streams(db, self._chain_id, address):
            stream = StreamState(row._mapping["index"], row.pending, row.seconds_left)
            index = streamed_index(stream, now - vault.updated_at, vault.total_score)
            amount = reward_claim_down(row.owed or 0, row.index_then or 0, score, index)
            if amount:
                found[row.currency] = str(amount)
        return found


def _holding(row: Any) -> HoldingReply:
    return HoldingReply(
        plan_id=row.plan_id,
        service_id=row.service_id,
        kind=PlanKind(row.kind).name.lower(),
        units=str(row.units),
        access_until=row.access_until,
        deposited=str(row.deposited),
        settled=str(row.settled),
        withdraw_at=row.withdraw_at,
        daily_limit=row.daily_limit,
        vouchers=bool(row.vouchers),
    )


def _shares(rows: list[Row[Any]]) -> list[ShareReply]:
    found: dict[int, ShareReply] = {}
    for row in rows:
        empty = ShareReply(service_id=row.service_id, units=str(row.units), claimable={})
        reply = found.setdefault(row.service_id, empty)
        if row.currency is not None:
            claim = share_claim_down(row.owed or 0, row.checkpoint or 0, row.units, row.distributed)
            reply.claimable[row.currency] = str(claim)
    return [
        reply for reply in found.values() if reply.units != "0" or any(map(int, reply.claimable.values()))
    ]


def _position(row: Any) -> PositionReply:
    return PositionReply(
        index=row._mapping["index"], amount=str(row.amount), score=str(row.score), end=row.end
    )
