"""What the gateway store knows of an account beyond the chain: taken along as JSON, or erased.

The one place that touches the rows of every package, because an account is owed all of them at once. A test
holds the plan against every table of the store, so that a new one cannot be forgotten.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import whole_metadata


class Keep(NamedTuple):
    """Stays, and why."""

    why: str


class Blank(NamedTuple):
    """Stays for money's sake, with these columns emptied."""

    why: str
    values: dict[str, Any]


class Entry(NamedTuple):
    """A table that says something about accounts. `owner` is the column that names them, or a column of the
    table that it follows (`by`).
    """

    owner: str
    fate: Keep | Blank | None = None
    """None: erased."""
    by: str = ""
    hidden: tuple[str, ...] = ()
    """Hashes and sealed secrets: of no use outside, a risk on paper."""


_SIGNED: Final = "signed by the meter or the payer, and needed until money is settled and can be proved"
PLAN: Final[dict[str, Entry]] = {
    "api_key_days": Entry("key_id", by="api_keys"),
    "api_key_networks": Entry("key_id", by="api_keys"),
    "api_key_secrets": Entry("key_id", by="api_keys", hidden=("secret_hash",)),
    "api_keys": Entry("account"),
    "oauth_codes": Entry("grant_id", by="oauth_grants", hidden=("code_hash",)),
    "oauth_tokens": Entry("grant_id", by="oauth_grants", hidden=("token_hash",)),
    "oauth_devices": Entry("grant_id", by="oauth_grants", hidden=("device_hash", "user_hash")),
    "oauth_grants": Entry("account"),
    "oauth_apps": Entry(
        "account",
        Blank("other accounts let it in; it is removed and loses its name", {"name": "removed", "uri": ""}),
    ),
    "wallet_sessions": Entry("account", hidden=("token_hash",)),
    "audit": Entry("account"),
    "alert_deliveries": Entry("alert_id", by="alerts"),
    "alerts": Entry("account"),
    "alert_channels": Entry("account", hidden=("sealed_target", "sealed_secret", "code_hash")),
    "alert_rules": Entry("account"),
    "alert_accounts": Entry("account"),
    "webhook_deliveries": Entry("endpoint_id", by="webhook_endpoints"),
    "webhook_endpoints": Entry("account", hidden=("secret", "earlier_secret")),
    "usage": Entry("payer", Blank(_SIGNED, {"key_id": None})),
    "usage_events": Entry("payer", Keep("says which signed usage is not asked for any more")),
    "taken_deposits": Entry("payer", Keep("it was on chain")),
    "meter_tabs": Entry("payer", Keep(_SIGNED)),
    "holds": Entry("payer", Keep("a request is under way; gone within a minute")),
    "vouchers": Entry("payer", Keep(_SIGNED)),
    "settlement_lines": Entry("payer", Keep("it is on chain")),
}
"""In the order of erasing: what follows a table before that table."""

NOBODYS: Final[dict[str, str]] = {
    "leases": "names processes",
    "metadata_documents": "public documents by their hash",
    "metadata_fetches": "public documents by their hash",
    "measured": "public measurements of services",
    "price_points": "public prices",
    "probes": "public measurements of services",
    "sent_transactions": "transactions of this gateway's own key",
    "settlement_batches": "names plans",
    "upstreams": "belong to a service, whoever owns it; its owner empties them at .../upstream",
    "used_nonces": "gone within minutes",
}
"""Tables that hold nothing of an account's own, and why."""


async def rows_of(
    connection: AsyncConnection, name: str, chain_id: int, account: bytes
) -> AsyncGenerator[dict[str, Any], None]:
    """An account's rows of a table of the plan, one by one, without what is hidden."""
    table, entry = _table(name), PLAN[name]
    columns = [column for column in table.columns if column.name not in entry.hidden]
    async with connection.stream(select(*columns).where(_mine(name, chain_id, account))) as found:
        async for row in found:
            yield dict(row._mapping)


async def erase(connection: AsyncConnection, chain_id: int, account: bytes, now: int) -> dict[str, int]:
    """Erase what may be erased of an account; how many rows of each table were."""
    done = {}
    for name, entry in PLAN.items():
        table, mine = _table(name), _mine(name, chain_id, account)
        if isinstance(entry.fate, Keep):
            continue
        statement: Any = delete(table).where(mine)
        if isinstance(entry.fate, Blank):
            gone = {"removed_at": now} if "removed_at" in table.c else {}
            statement = update(table).where(mine).values({**entry.fate.values, **gone})
        done[name] = int((await connection.execute(statement)).rowcount)
    return done


def _table(name: str) -> Any:
    return whole_metadata().tables[f"gateway.{name}"]


def _mine(name: str, chain_id: int, account: bytes) -> Any:
    table, entry = _table(name), PLAN[name]
    if not entry.by:
        return and_(table.c.chain_id == chain_id, table.c[entry.owner] == account)
    parent = _table(entry.by)
    key = next(iter(parent.primary_key.columns))
    return table.c[entry.owner].in_(select(key).where(_mine(entry.by, chain_id, account)))
