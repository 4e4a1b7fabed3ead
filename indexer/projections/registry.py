"""Which function folds which event."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from indexer.projections import (
    access_token,
    emporion_token,
    revenue_shares,
    service_registry,
    staking_vault,
    token_market,
    usage_escrow,
)
from indexer.projections.handler import Handler
from indexer.rows import Rows

BY_CONTRACT: Final[Mapping[str, Mapping[str, Handler]]] = {
    "ServiceRegistry": service_registry.HANDLERS,
    "AccessToken": access_token.HANDLERS,
    "UsageEscrow": usage_escrow.HANDLERS,
    "RevenueShares": revenue_shares.HANDLERS,
    "StakingVault": staking_vault.HANDLERS,
    "TokenMarket": token_market.HANDLERS,
    "EmporionToken": emporion_token.HANDLERS,
}
HANDLERS: Final[Mapping[tuple[str, str], Handler]] = {
    (contract, event): handler
    for contract, handlers in BY_CONTRACT.items()
    for event, handler in handlers.items()
}


def fold(event: DecodedEvent, rows: Rows) -> None:
    """Change the rows an event is about; events without state of their own change none."""
    if handler := HANDLERS.get((event.contract, event.name)):
        handler(event, rows)
