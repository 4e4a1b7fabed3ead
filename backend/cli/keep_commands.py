"""`emporion keep`: upkeep by any wallet, where nobody settles."""

import asyncio
from typing import Annotated

import typer

from backend.cli.options import KeyName
from backend.cli.output import say
from backend.cli.stores import gateway_store
from backend.cli.wiring import chain, prepared, run, until_signal, wallet
from backend.core.clock import SystemClock
from backend.core.settings import Settings
from backend.core.units import ChainId
from backend.settlement.chain_sender import ChainSettlement, Line
from backend.settlement.keeper import Keeper
from backend.settlement.lead import Lead
from backend.settlement.sent_repository import SentTransactions
from backend.signing.keys import LocalKey


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("keep")(keep)


def keep(
    key: KeyName = None,
    once: Annotated[bool, typer.Option("--once", help="Do one round and stop.")] = False,
) -> None:
    """Flush fees, expire positions, retire services, as `settle` does too; any wallet may. Until stopped."""
    settings = prepared(quiet=once)
    run(_keep(settings, wallet(settings, key), once))


async def _keep(settings: Settings, key: LocalKey, once: bool) -> None:
    clock = SystemClock()
    async with until_signal() as stop, gateway_store(settings) as store, chain(settings) as found:
        chain_id = ChainId(found.deployment.chain_id)
        sender = found.sender(key, SentTransactions(store, chain_id, key.address))
        lead = Lead(store, clock, key.address)
        port = ChainSettlement({chain_id: Line(sender, found.contracts)})
        keeper = Keeper(store, port, clock, leads=lead.held)
        if not once:
            await asyncio.gather(lead.run(stop), keeper.run(stop))
        elif not await lead.take():
            say("another process sends with this key; there is nothing to do here")
        else:
            say(f"upkeep sent {await keeper.step()}")
