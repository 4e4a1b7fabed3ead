"""`emporion buyer keys` and the like: the API keys of a wallet's account at a gateway."""

from typing import Annotated, Any

import typer

from backend.cli.acting import asked
from backend.cli.devnet.controls import seconds_of
from backend.cli.gateway_client import GatewayClient
from backend.cli.options import AsJson, GatewayUrl, KeyName
from backend.cli.outcomes import moment
from backend.cli.output import print_json, say, show, show_rows
from backend.core.errors import MalformedRequest
from backend.core.units import MICRO
from backend.signing.keys import Signer

KeyIdArgument = Annotated[str, typer.Argument(metavar="ID", help="Its id, from `emporion buyer keys`.")]


def add_to(buyer: typer.Typer) -> None:
    """Add these commands."""
    buyer.command("key")(make)
    for command in (keys, rotate, rollback, revoke):
        buyer.command(command.__name__)(command)


def make(
    name: Annotated[str, typer.Option(help="A name to remember it by.")] = "",
    service: Annotated[
        list[int] | None, typer.Option(min=1, help="A service it is for, else all; may be repeated.")
    ] = None,
    daily_cap: Annotated[
        int | None, typer.Option(min=1, metavar="CREDITS", help="Most credits a UTC day.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="How long it works, such as 30d.")] = None,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with the wallet and make an API key. It is shown this once."""
    limits: dict[str, Any] = {"services": service or []}
    limits |= {} if daily_cap is None else {"daily_cap": daily_cap * MICRO}
    limits |= {} if expires is None else {"expires_in": seconds_of(expires)}

    async def question(client: GatewayClient, _: Signer) -> tuple[str, dict[str, Any]]:
        return client.base_url, await client.make_key(name, **limits)

    url, made = asked(question, gateway, key)
    facts = {"id": made["id"], "key": made["key"], "scopes": made["scopes"], "base_url": f"{url}/v1"}
    show(facts, as_json=as_json)
    say("the key is shown this once. Any OpenAI client takes it:")
    say(f"  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={made['key']}")


def keys(
    every: Annotated[bool, typer.Option("--all", help="The revoked ones too.")] = False,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """List the account's API keys: what they may do, until when, and when they were used."""

    async def question(client: GatewayClient, _: Signer) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await client.ask("GET", "/v1/keys")
        return found

    found = [one for one in asked(question, gateway, key) if every or not one["revoked_at"]]
    if as_json:
        return print_json(found)
    rows = [_row(one) for one in found]
    return show_rows(rows, as_json=False, empty="no key; `emporion buyer key` makes one")


def rotate(
    key_id: KeyIdArgument,
    overlap: Annotated[str, typer.Option(help="How long the old secret works on, such as 1h.")] = "0s",
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Give an API key a new secret, which is shown this once."""
    wanted = {"overlap_seconds": seconds_of(overlap)}

    async def question(client: GatewayClient, _: Signer) -> dict[str, Any]:
        fresh: dict[str, Any] = await client.ask("POST", f"/v1/keys/{key_id}/rotate", wanted)
        return fresh

    fresh = asked(question, gateway, key)
    old = fresh["overlap_until"]
    facts = {"id": fresh["id"], "key": fresh["key"], "old_secret_until": moment(old) if old else None}
    show(facts, as_json=as_json)


def rollback(
    key_id: KeyIdArgument, gateway: GatewayUrl = None, key: KeyName = None, as_json: AsJson = False
) -> None:
    """Undo a rotation while it overlaps: the old secret stays, the new one dies."""

    async def question(client: GatewayClient, _: Signer) -> dict[str, Any]:
        kept: dict[str, Any] = await client.ask("POST", f"/v1/keys/{key_id}/rollback")
        return kept

    show({"rolled_back": asked(question, gateway, key)["id"]}, as_json=as_json)


def revoke(
    key_id: Annotated[str | None, typer.Argument(metavar="ID", help="Its id, from `buyer keys`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every key of the account.")] = False,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key, or --all of them; it is refused within a second."""
    if (key_id is None) != every:
        raise MalformedRequest("name one key by its id (`emporion buyer keys`), or all of them by --all")
    path = "/v1/keys" if key_id is None else f"/v1/keys/{key_id}"

    async def question(client: GatewayClient, _: Signer) -> int:
        return int((await client.ask("DELETE", path))["revoked"])

    show({"revoked": asked(question, gateway, key)}, as_json=as_json)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """What people see of a key."""
    ends, used, cap = one["ends_at"], one["last_used_at"], one["daily_cap"]
    return {
        "id": one["id"],
        "name": one["name"],
        "scopes": one["scopes"],
        "services": one["services"] or "all",
        "daily_cap": f"{cap / MICRO:g} credits" if cap else None,
        "ends": moment(ends) if ends else None,
        "last_used": moment(used) if used else "never",
        "state": _state(one),
    }


def _state(one: dict[str, Any]) -> str:
    if one["revoked_at"]:
        return f"revoked {moment(one['revoked_at'])}"
    if one["overlap_until"]:
        return f"rotated; the old secret works until {moment(one['overlap_until'])}"
    return "ends soon" if one["ends_soon"] else "works"
