"""The one way commands act: a wallet's transactions before the contracts, its session before the gateway."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from backend.chain.bindings import Contracts
from backend.chain.client import Receipt
from backend.cli.gateway_client import GatewayClient
from backend.cli.outcomes import told
from backend.cli.output import show, working
from backend.cli.signers import wallet_signer
from backend.cli.trading import Trader
from backend.cli.wiring import prepared, run, trading
from backend.signing.keys import Signer

T = TypeVar("T")
Work = Callable[[Contracts, Trader], Awaitable[dict[str, Any]]]
Act = Callable[[Contracts, Trader], Awaitable[Receipt]]
Question = Callable[[GatewayClient, Signer], Awaitable[T]]

BLOCKS = "a block or two"


def acted(
    work: Work, key: str | None, as_json: bool, doing: str = "sending the transaction"
) -> dict[str, Any]:
    """Let the command's wallet do its work, show what that gave, and give it back."""
    settings = prepared(quiet=True)

    async def opened(signer: Signer) -> dict[str, Any]:
        async with trading(settings, signer) as (contracts, trader):
            return await work(contracts, trader)

    with wallet_signer(settings, key) as signer, working(f"{doing}; {BLOCKS}"):
        done = run(opened(signer))
    show(done, as_json=as_json)
    return done


def sent(act: Act, key: str | None, as_json: bool, **facts: Any) -> None:
    """One transaction of the wallet, and what it did, beside these facts."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        return told(contracts, await act(contracts, trader), **facts)

    acted(work, key, as_json)


def asked(question: Question[T], gateway: str | None, key: str | None) -> T:
    """Sign in with the command's wallet and ask the gateway; what it answered. Raises GatewayRefused."""
    settings = prepared(quiet=True)

    async def opened(signer: Signer) -> T:
        async with GatewayClient.at(gateway or settings.base_url) as client:
            await client.sign_in(signer)
            return await question(client, signer)

    with wallet_signer(settings, key) as signer:
        return run(opened(signer))
