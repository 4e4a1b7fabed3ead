"""What there is to tell an account, kind by kind: rows in, findings out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.alerts import watch_repository as repository
from backend.alerts.anomalies import Call, bursts, by_hour, unusual
from backend.alerts.kinds import Finding, Kind
from backend.core.units import MICRO, SHARES_WHOLE, Address, ChainId, ServiceStatus, checksum

DAY: Final = 86_400
HISTORY_SECONDS: Final = 14 * DAY
"""How far back the use of a key is compared."""
LATEST_SECONDS: Final = DAY
"""How old an event may be and still be news."""


class Watch(NamedTuple):
    """A rule of an account; nothing before `since` is told."""

    chain_id: ChainId
    account: Address
    threshold: int
    since: int

    def news_from(self, now: int) -> int:
        """The oldest time that is still news."""
        return max(self.since, now - LATEST_SECONDS)


Detector = Callable[[AsyncConnection, Watch, int], Awaitable[list[Finding]]]


async def credits_low(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a deposit: another one makes it news again."""
    found = []
    for row in await repository.tabs(db, watch.chain_id, watch.account):
        deposited = row.balance + row.settled
        left = max(deposited - max(row.spent // MICRO, row.settled), 0)
        if deposited and left < watch.threshold:
            text = f"{left} credits are left in plan {row.plan_id}: deposit more before calls are refused"
            facts = {"plan_id": str(row.plan_id), "credits_left": str(left)}
            found.append(Finding(Kind.CREDITS_LOW, f"{row.plan_id}:{deposited}", text, facts))
    return found


async def access_ending(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once an end: extended access has another."""
    rows = await repository.ending(db, watch.chain_id, watch.account, now, now + watch.threshold)
    return [
        Finding(
            Kind.ACCESS_ENDING,
            f"{row.plan_id}:{row.access_until}",
            f"access in plan {row.plan_id} ends in {(row.access_until - now) // 3_600} hours",
            {"plan_id": str(row.plan_id), "access_until": str(row.access_until)},
        )
        for row in rows
    ]


async def key_new_network(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a key and network."""
    rows = await repository.new_networks(db, watch.chain_id, watch.account, watch.news_from(now))
    return [
        Finding(
            Kind.KEY_NEW_NETWORK,
            f"{row.key_id}:{row.network}",
            f"key {row.name or row.key_id} was used from {row.network} for the first time; "
            "if that was not you, rotate or revoke it",
            {"key_id": row.key_id, "network": row.network},
        )
        for row in rows
    ]


async def key_leaked(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a key and burst: a key that was published is tried from everywhere at once."""
    keys: dict[str, list[Any]] = {}
    since = max(watch.since, now - HISTORY_SECONDS)
    for row in await repository.networks(db, watch.chain_id, watch.account, since):
        keys.setdefault(row.key_id, []).append(row)
    return [
        Finding(
            Kind.KEY_LEAKED,
            f"{key_id}:{begin}",
            f"key {rows[0].name or key_id} was used from {count} new networks within an hour, as leaked keys "
            "are: revoke it",
            {"key_id": key_id, "networks": str(count), "since": str(begin)},
        )
        for key_id, rows in keys.items()
        for begin, count in bursts([row.first_seen_at for row in rows], max(watch.threshold, 2))
        if begin >= watch.news_from(now)
    ]


async def key_ending(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a key and end: a rotated or longer key has another."""
    rows = await repository.ending_keys(db, watch.chain_id, watch.account, now, now + watch.threshold)
    return [
        Finding(
            Kind.KEY_ENDING,
            f"{row.key_id}:{row.ends_at}",
            f"key {row.name or row.key_id} stops working in {(row.ends_at - now) // 3_600} hours; rotate it",
            {"key_id": row.key_id, "ends_at": str(row.ends_at)},
        )
        for row in rows
    ]


async def key_old_secret(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a key and end of the overlap: whoever still sends the old secret is refused then."""
    rows = await repository.old_secrets(db, watch.chain_id, watch.account, watch.news_from(now), now)
    return [
        Finding(
            Kind.KEY_OLD_SECRET,
            f"{row.key_id}:{row.valid_until}",
            f"the old secret of key {row.name or row.key_id} is still used; it dies in "
            f"{(row.valid_until - now) // 60} minutes",
            {"key_id": row.key_id, "valid_until": str(row.valid_until)},
        )
        for row in rows
    ]


async def unusual_usage(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a key, measure and hour."""
    keys: dict[str, list[Call]] = {}
    for row in await repository.calls(db, watch.chain_id, watch.account, now - HISTORY_SECONDS):
        call = Call(row.issued_at, row.tokens, row.outcome == "failed")
        keys.setdefault(row.key_id, []).append(call)
    found = []
    for key_id, calls in keys.items():
        hours = by_hour(calls)
        if hours[-1].hour != now // 3_600:
            continue
        for odd in unusual(hours, watch.threshold):
            text = f"key {key_id}: {odd.value} {odd.measure}, usually {odd.usual}"
            facts = {
                "key_id": key_id,
                "measure": odd.measure,
                "value": str(odd.value),
                "usual": str(odd.usual),
            }
            found.append(Finding(Kind.UNUSUAL_USAGE, f"{key_id}:{odd.measure}:{hours[-1].hour}", text, facts))
    return found


async def sale(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a purchase."""
    rows = await repository.sales(db, watch.chain_id, watch.account, watch.news_from(now))
    return [
        Finding(
            Kind.SALE,
            f"{row.tx_hash.hex()}:{row.plan_id}:{row.log_index}",
            f"{checksum(Address(row.payer))} bought {row.units} units of plan {row.plan_id}",
            {"plan_id": str(row.plan_id), "units": str(row.units), "cost_base_units": str(row.cost)},
        )
        for row in rows
        if row.units >= watch.threshold
    ]


async def settlement_late(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a tab and settled total: the next settlement makes it news again."""
    before = now - watch.threshold
    rows = await repository.unsettled(db, watch.chain_id, watch.account, now - 30 * DAY, before)
    return [
        Finding(
            Kind.SETTLEMENT_LATE,
            f"{row.plan_id}:{row.payer.hex()}:{row.settled}",
            f"usage of plan {row.plan_id} is unsettled for {(now - row.oldest) // 60} minutes; "
            "see the settlement worker's log",
            {"plan_id": str(row.plan_id), "payer": checksum(Address(row.payer)), "oldest": str(row.oldest)},
        )
        for row in rows
    ]


async def claimable(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a claim: what was claimed makes it news again."""
    found = []
    for row in await repository.earnings(db, watch.chain_id, watch.account):
        owed = (row.owed or 0) + row.units * (row.distributed - (row.checkpoint or 0))
        amount = owed // SHARES_WHOLE
        if amount >= max(watch.threshold, 1):
            cause = f"{row.service_id}:{row.currency}:{row.claimed or 0}"
            text = (
                f"{amount} base units of currency {row.currency} wait in service {row.service_id}: claim them"
            )
            facts = {"service_id": str(row.service_id), "currency": str(row.currency), "amount": str(amount)}
            found.append(Finding(Kind.CLAIMABLE, cause, text, facts))
    return found


async def bond_low(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a bond."""
    found = []
    for row in await repository.services(db, watch.chain_id, watch.account):
        bond = row.bond - row.unbonding
        if row.owner != watch.account or row.status == ServiceStatus.RETIRED or bond >= watch.threshold:
            continue
        text = f"the bond of service {row.service_id} is {bond} base units of EMP: add some before sales stop"
        facts = {"service_id": str(row.service_id), "bond": str(bond)}
        found.append(Finding(Kind.BOND_LOW, f"{row.service_id}:{bond}", text, facts))
    return found


async def dispute_opened(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a dispute."""
    rows = await repository.disputes(db, watch.chain_id, watch.account, watch.news_from(now))
    return [
        Finding(
            Kind.DISPUTE_OPENED,
            str(row.args["disputeId"]),
            f"dispute {row.args['disputeId']} was opened about service {row.service_id}: answer it",
            {"service_id": str(row.service_id), "amount": str(row.args["amount"])},
        )
        for row in rows
    ]


async def index_stale(db: AsyncConnection, watch: Watch, now: int) -> list[Finding]:
    """Once a silence."""
    last = await repository.confirmed_at(db, watch.chain_id)
    if last is None or now - last <= watch.threshold:
        return []
    text = f"no node has confirmed the index for {now - last} seconds: requests are refused or soon will be"
    return [Finding(Kind.INDEX_STALE, str(last), text, {"confirmed_at": str(last)})]


DETECTORS: Final[Mapping[Kind, Detector]] = {
    Kind.CREDITS_LOW: credits_low,
    Kind.ACCESS_ENDING: access_ending,
    Kind.KEY_NEW_NETWORK: key_new_network,
    Kind.KEY_LEAKED: key_leaked,
    Kind.KEY_ENDING: key_ending,
    Kind.KEY_OLD_SECRET: key_old_secret,
    Kind.UNUSUAL_USAGE: unusual_usage,
    Kind.SALE: sale,
    Kind.SETTLEMENT_LATE: settlement_late,
    Kind.CLAIMABLE: claimable,
    Kind.BOND_LOW: bond_low,
    Kind.DISPUTE_OPENED: dispute_opened,
    Kind.INDEX_STALE: index_stale,
}
"""What the stores can tell. Sign-ins are noted where they fail; gas is asked through its port."""
