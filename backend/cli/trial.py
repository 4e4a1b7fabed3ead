"""One paid call of a service that was just published, so that its provider sees what a buyer will see."""

import math
import time
from typing import Any, Final

from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import Manifest, PlanPart
from backend.cli.publishing import Published
from backend.cli.trading import Trader
from backend.core.errors import EmporionError
from backend.core.units import MICRO, Then

MOST_IN: Final = 1_024
"""More than the request can count for: its bytes and what a chat template adds."""
MOST_OUT: Final = 8
QUESTION: Final = "Say hello."


async def trial_call(
    trader: Trader, gateway: GatewayClient, made: Published, manifest: Manifest
) -> dict[str, Any]:
    """Buy what one short chat costs and ask; `ok` is None where there is nothing to try or to pay with."""
    plan = _plan(manifest)
    if manifest.service.kind != "model" or "chat" not in manifest.service.operations or plan is None:
        return {"ok": None, "told": "skipped: it takes a model that chats and a metered plan"}
    try:
        await trader.buy(made.plans[plan.name], _credits(plan), Then.DEPOSIT)
    except EmporionError as error:
        return {"ok": None, "told": f"skipped: {error.message}"}
    try:
        return await _asked(gateway, made)
    except EmporionError as error:
        return {"ok": False, "told": error.message}


async def _asked(gateway: GatewayClient, made: Published) -> dict[str, Any]:
    key = await gateway.make_key("test call", services=[made.service_id], expires_in=60)
    messages = [{"role": "user", "content": QUESTION}]
    wanted = {"model": made.model, "messages": messages, "max_tokens": MOST_OUT, "temperature": 0}
    start = time.monotonic()
    answer = await gateway.ask("POST", "/v1/chat/completions", wanted, token=key["key"])
    words = str(answer["choices"][0]["message"]["content"] or "").strip()
    return {"ok": True, "told": f"answered in {time.monotonic() - start:.1f} s: {words!r}"}


def _plan(manifest: Manifest) -> PlanPart | None:
    return next((plan for plan in manifest.plan if plan.kind == "metered"), None)


def _credits(plan: PlanPart) -> int:
    """Whole credits that cover the worst case of the question."""
    rates = plan.rates
    worst = rates.request + rates.unit_in * MOST_IN + rates.unit_out * MOST_OUT
    return max(1, math.ceil(worst / MICRO))
