"""A prober's calls: its wallet's own client before a gateway, timed at the caller's end."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from backend.client.http import GatewayError
from backend.client.market import AsyncEmporion
from backend.client.node import NodeRefused, TransactionFailed
from backend.core.errors import InsufficientFunds
from backend.probing.figures import speed_down
from backend.probing.prober import Down, Refused, Target, Timed, Unpaid

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

PROMPT: Final = "Count from one to ten."
TOKENS: Final = 16
PATIENCE_SECONDS: Final = 60.0
_PAYMENT_REQUIRED: Final = 402
_FAULT: Final = 500
_PLAIN_REQUEST_REFUSED: Final = frozenset({"malformed_request", "unprocessable", "context_length_exceeded"})
"""What the probe sends is as plain as can be: a service that refuses it serves nobody."""


class WalletCaller:
    """Calls by the `openai` package, streamed; buys by the client library, behind vouchers."""

    def __init__(self, market: AsyncEmporion, openai: "AsyncOpenAI") -> None:
        self._market = market
        self._openai = openai
        self._min_block = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, market: AsyncEmporion, *, deposits: bool) -> AsyncIterator[Self]:
        """A caller with a key of its own; `deposits`: whether held credits may be put to use."""
        client = await market.openai(await market.make_key("prober"), deposits=deposits)
        async with client.with_options(max_retries=0, timeout=PATIENCE_SECONDS) as patient:
            yield cls(market, patient)

    async def call(self, target: Target) -> Timed:
        """One call. Raises Down, Unpaid, Refused."""
        from openai import APIConnectionError, APIError, APIStatusError

        from backend.client.vouchers import BrokenOff

        try:
            return await self._timed(target)
        except APIStatusError as error:
            raise _told(error) from None
        except APIConnectionError as error:
            raise Down(f"no answer: {type(error).__name__}") from None
        except APIError as error:
            raise Down(f"the stream broke off: {error.code or type(error).__name__}") from None
        except BrokenOff as error:
            raise Down(f"the connection broke: {type(error).__name__}") from None

    async def buy(self, target: Target, offer: Mapping[str, Any]) -> None:
        """Take an offer, for what it says and never more. Raises Unpaid."""
        service = await self._market.service(target.service_id)
        wanted, units = int(offer["plan_id"]), int(offer["units"])
        plan = next((plan for plan in service.plans if plan.id == wanted), None)
        if plan is None or plan.unit_price * units > int(offer["cost"]):
            raise Unpaid(f"the offer of plan {wanted} is not what service {target.service_id} sells")
        try:
            bought = await self._market.buy(plan, units)
        except (InsufficientFunds, NodeRefused, TransactionFailed) as error:
            raise Unpaid(f"nothing was bought: {error.message}") from None
        self._min_block = bought.block

    async def _timed(self, target: Target) -> Timed:
        begun = time.monotonic()
        first = last = None
        tokens = 0
        async for text, counted in self._pieces(target):
            last = _ms(begun)
            first = last if first is None and text else first
            tokens = counted or tokens
        if first is None or last is None:
            raise Down("the answer had no text")
        return Timed(first, speed_down(tokens, first, last))

    async def _pieces(self, target: Target) -> AsyncIterator[tuple[str, int]]:
        """Text as it comes, and the tokens counted at the end."""
        headers = {"emporion-min-block": str(self._min_block)} if self._min_block else {}
        given: Any = {
            "model": target.model,
            "max_tokens": TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "extra_headers": headers,
        }
        if target.operation == "chat":
            messages: Any = [{"role": "user", "content": PROMPT}]
            async for chunk in await self._openai.chat.completions.create(messages=messages, **given):
                text = "".join(choice.delta.content or "" for choice in chunk.choices)
                yield text, chunk.usage.completion_tokens if chunk.usage else 0
            return
        async for piece in await self._openai.completions.create(prompt=PROMPT, **given):
            text = "".join(choice.text for choice in piece.choices)
            yield text, piece.usage.completion_tokens if piece.usage else 0


def _ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1_000)


def _told(error: "APIStatusError") -> Down | Unpaid | Refused:
    body = error.body if isinstance(error.body, dict) else {}
    code = str(error.code or "unknown")
    if error.status_code == _PAYMENT_REQUIRED:
        return Unpaid(str(body.get("message") or code), **(body.get("details") or {}))
    if error.status_code >= _FAULT or code in _PLAIN_REQUEST_REFUSED:
        return Down(f"{error.status_code} {code}")
    return Refused(f"{error.status_code} {code}")


async def targets(market: AsyncEmporion, wanted: list[int]) -> list[Target]:
    """Models on sale that the gateway serves, or those of them that are named."""
    found, cursor = [], None
    while True:
        page = await market.listing(here="true", on_sale="true", kind="model", limit=100, cursor=cursor)
        found += [int(entry["id"]) for entry in page["services"]]
        cursor = page["next"]
        if cursor is None:
            break
    picked = [await _target(market, one) for one in found if not wanted or one in wanted]
    if missing := sorted(set(wanted) - set(found)):
        raise GatewayError(404, "not_found", f"service {missing[0]} is no model on sale here", {})
    return [one for one in picked if one is not None]


async def _target(market: AsyncEmporion, service_id: int) -> Target | None:
    """A service as it is called; None for a model that neither chats nor completes."""
    told = await market.described(service_id)
    facts = (told.get("metadata") or {}).get("model") or {}
    operations = facts.get("operations") or ["chat"]
    for operation in ("chat", "completions"):
        if operation in operations:
            return Target(told["id"], str(told["model"]), operation)
    return None
