"""An account's data beyond the chain.

export
├── everything of the account, nobody else's, without hashes and secrets
└── asked by a key or an app: refused
delete
├── without a fresh signature, or by a key: refused
├── keys, sessions, grants, audit, alerts and webhooks are gone; keys are refused at once
└── unsettled usage stays, without the key's name; the reply says so; others lose nothing
housekeeping: audit lines and sessions older than the settings say are forgotten
"""

from typing import Any

from sqlalchemy import select

from backend.accounts.nonces import forget_old
from backend.db.tables.accounts import AuditEntry
from backend.db.tables.meter import Usage
from tests.backend.gateway.conftest import METERED, House, address_of, bearer
from tests.backend.market import tab


async def known_buyer(house: House) -> tuple[dict[str, str], str]:
    """A buyer who leaves traces in many tables: a fresh session, and a key that was used."""
    await house.mine(tab(METERED, 10, address_of(house.buyer)), tab(METERED, 10, address_of(house.provider)))
    key = await house.key(name="laptop")
    assert (await house.chat(key)).status_code == 200
    await house.services.key_use.flush()
    session = bearer(await house.sign_in(house.buyer))
    hook = {"url": "https://hooks.example/x"}
    made = await house.http.post("/v1/webhooks", json=hook, headers=session)
    assert made.status_code == 201, made.text
    app = {"client_name": "Mine", "redirect_uris": ["https://app.example/"]}
    assert (await house.http.post("/v1/oauth/apps", json=app, headers=session)).status_code == 201
    return session, key


async def exported(house: House, session: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    reply = await house.http.get("/v1/account/export", headers=session)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


class TestExport:
    async def test_has_everything_and_no_secret(self, house: House) -> None:
        session, key = await known_buyer(house)
        other = await house.key(house.provider, name="other")
        found = await exported(house, session)
        assert [one["name"] for one in found["api_keys"]] == ["laptop"]
        assert [one["charged"] for one in found["usage"]] == [(await usage(house))[0].charged]
        assert {line["action"] for line in found["audit"]} >= {
            "key.issued",
            "session.opened",
            "app.registered",
        }
        assert [one["url"] for one in found["webhook_endpoints"]] == ["https://hooks.example/x"]
        text = str(found)
        assert key not in text
        assert other.split("_")[2] not in text
        assert not any("secret_hash" in one or "token_hash" in one for rows in found.values() for one in rows)

    async def test_is_the_wallets_alone(self, house: House) -> None:
        _, key = await known_buyer(house)
        reply = await house.http.get("/v1/account/export", headers=bearer(key))
        assert (reply.status_code, reply.json()["code"]) == (403, "wallet_required")
        assert (await house.http.get("/v1/account/export")).status_code == 401


class TestDelete:
    async def test_erases_all_but_what_money_needs(self, house: House) -> None:
        session, key = await known_buyer(house)
        others = await house.key(house.provider, name="other")
        assert (await house.http.delete("/v1/account", headers=bearer(key))).status_code == 403
        reply = await house.http.delete("/v1/account", headers=session)
        assert reply.status_code == 200, reply.text
        said = reply.json()
        assert (said["erased"]["api_keys"], said["erased"]["usage"]) == (1, 1)
        assert "settled" in said["kept"]["meter_tabs"]
        assert (await house.chat(key)).status_code == 401
        assert (await house.http.get("/v1/keys", headers=session)).status_code == 401
        assert (await house.chat(others)).status_code == 200
        mine = [row for row in await usage(house) if bytes(row.payer) == address_of(house.buyer)]
        assert [(row.key_id, row.charged > 0) for row in mine] == [(None, True)]
        found = await exported(house, bearer(await house.sign_in(house.buyer)))
        gone = {name for name, rows in found.items() if rows}
        assert gone == {"usage", "meter_tabs", "oauth_apps", "wallet_sessions", "audit"}
        assert [(app["name"], app["removed_at"] > 0) for app in found["oauth_apps"]] == [("removed", True)]
        assert [line["action"] for line in found["audit"]] == ["session.opened"]


class TestHousekeeping:
    async def test_forgets_old_lines(self, house: House) -> None:
        session, _ = await known_buyer(house)
        audit: Any = AuditEntry.__table__  # type: ignore[attr-defined]
        store = house.services.deps.store
        async with store.read_connection() as db:
            newest = max((await db.execute(select(audit.c.at))).scalars())
        assert await forget_old(store, 1, 1) == 0
        assert await forget_old(store, newest + 1, newest) > 0
        assert (await exported(house, session))["audit"] == []


async def usage(house: House) -> list[Any]:
    table: Any = Usage.__table__  # type: ignore[attr-defined]
    async with house.services.deps.store.read_connection() as db:
        return list((await db.execute(select(table))).all())
