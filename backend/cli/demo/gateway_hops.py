"""Hops on the gateway's side: sign in, call, stream, be refused."""

import time
from typing import TYPE_CHECKING, Any, Final

from backend.cli.demo.market_hops import CREDITS, CREDITS_PLAN, GAS_ONLY, LASTING_PLAN
from backend.cli.demo.report import Figures, require
from backend.cli.demo.world import Person, World, until
from backend.cli.devnet.faucet import Gift
from backend.core.units import MICRO, Then, checksum

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

QUESTION: Final = "What is the capital of France? Answer in one sentence."
REFUSAL_SECONDS: Final = 2.0


def _messages(text: str) -> "list[ChatCompletionMessageParam]":
    return [{"role": "user", "content": text}]


async def sign_in(world: World) -> Figures:
    """The buyer signs in with Ethereum and makes an API key; the secret is shown once."""
    buyer = world["buyer"]
    await buyer.sign_in()
    keys = await buyer.gateway.ask("GET", "/v1/keys")
    secret = buyer.api_key.rsplit("_", 1)[-1]
    require(secret not in str(keys), "no secret in the list of keys", keys=len(keys))
    return {"wallet": checksum(buyer.key.address), "key": buyer.api_key[:16] + "…", "keys": len(keys)}


async def call(world: World) -> Figures:
    """A plain call with the `openai` package; the credits fall by exactly the rate card."""
    buyer = world["buyer"]
    async with buyer.openai() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=world.model, messages=_messages(QUESTION), max_tokens=40, temperature=0
        )
    answer = raw.parse()
    require(answer.usage is not None, "usage in the answer")
    assert answer.usage is not None
    tokens_in, tokens_out = answer.usage.prompt_tokens, answer.usage.completion_tokens
    cost = await _cost(world, tokens_in, tokens_out)
    left = _remaining(raw.headers)
    require(left == CREDITS * MICRO - cost, "credits less the rate card", left=left, cost=cost)
    world.notes["left"] = left
    world.notes["request"] = raw.headers["x-request-id"]
    world.notes["answer"] = raw.content
    words = (answer.choices[0].message.content or "").strip().replace("\n", " ")
    require(bool(words), "an answer", words=words)
    return {"in": tokens_in, "out": tokens_out, "micro_credits": cost, "answer": repr(words[:60])}


async def stream(world: World) -> Figures:
    """A streamed call; chunks arrive one by one, and the receipt says what it cost."""
    buyer, chunks, usage = world["buyer"], 0, None
    start = time.monotonic()
    first = 0.0
    async with buyer.openai() as client:
        response = await client.chat.completions.with_raw_response.create(
            model=world.model,
            messages=_messages("Count from one to ten."),
            max_tokens=48,
            temperature=0,  # else it may say it all in two words
            stream=True,
            stream_options={"include_usage": True},
        )
        request_id = response.headers["x-request-id"]
        async for chunk in response.parse():
            first = first or time.monotonic() - start
            chunks += bool(chunk.choices and chunk.choices[0].delta.content)
            usage = chunk.usage or usage
    require(chunks > 3 and usage is not None, "several chunks and a usage", chunks=chunks)
    assert usage is not None
    receipt = await buyer.gateway.ask("GET", f"/v1/receipts/{request_id}")
    cost = await _cost(world, usage.prompt_tokens, usage.completion_tokens)
    charged = int(receipt["micro_credits"])
    require(charged == cost, "the rate card on the receipt", charged=charged, cost=cost)
    world.notes["left"] -= cost
    return {"chunks": chunks, "first_token_ms": round(first * 1000), "micro_credits": cost}


async def refused_without_token(world: World) -> Figures:
    """A wallet without a token is answered 402, with offers that say what to buy and how."""
    stranger = await world.meet("stranger", GAS_ONLY)
    await stranger.sign_in()
    status, body = await ask_model(world, stranger)
    require(status == 402, "status 402", status=status)
    offers = body["error"]["details"]["offers"]
    plans = {int(offer["plan_id"]) for offer in offers}
    require(plans == set(world.plans.values()), "an offer for each plan", plans=plans)
    require(
        all(call["data"].startswith("0x") for offer in offers for call in offer["transactions"]),
        "call data in each offer",
    )
    return {"status": status, "code": body["error"]["code"], "offers": len(offers)}


async def revoked_by_transfer(world: World) -> Figures:
    """A pass is sold on the market: its seller is refused within two seconds, its buyer is served."""
    seller = await world.meet("seller", Gift(dollars=100 * 10**6, emp=0))
    taker = await world.meet("taker", Gift(dollars=100 * 10**6, emp=0))
    for person in (seller, taker):
        await person.sign_in()
    plan = world.plans[LASTING_PLAN]
    await seller.trader.buy(plan, 1, Then.HOLD)
    await until(lambda: _status_is(world, seller, 200), 10, "the pass to give access")
    price = (await world.devnet.contracts.access.terms(plan)).unit_price
    listing = await seller.trader.offer(plan, 1, price * 4 // 5)
    filled = await taker.trader.fill(listing, 1)
    mined = time.monotonic()
    await until(lambda: _status_is(world, seller, 402), REFUSAL_SECONDS, "the seller to be refused")
    seconds = time.monotonic() - mined
    await until(lambda: _status_is(world, taker, 200), REFUSAL_SECONDS, "the new holder to be served")
    sold = world.devnet.contracts.event(filled, "Filled")
    return {"refused_after_s": round(seconds, 3), "price": sold["cost"], "royalty": sold["royalty"]}


async def ask_model(world: World, person: Person, max_tokens: int = 4) -> tuple[int, Any]:
    """One short call with the `openai` package; its status and body, whether served or refused."""
    from openai import APIStatusError

    try:
        async with person.openai() as client:
            answer = await client.chat.completions.create(
                model=world.model, messages=_messages("Say yes."), max_tokens=max_tokens, temperature=0
            )
        return 200, answer
    except APIStatusError as error:
        return error.status_code, error.response.json()


async def _status_is(world: World, person: Person, wanted: int) -> bool:
    status, _ = await ask_model(world, person)
    return status == wanted


async def _cost(world: World, units_in: int, units_out: int) -> int:
    """Micro-credits by the rate card on chain."""
    terms = await world.devnet.contracts.access.terms(world.plans[CREDITS_PLAN])
    return terms.per_request + terms.per_unit_in * units_in + terms.per_unit_out * units_out


def _remaining(headers: Any) -> int:
    """`Emporion-Credits-Remaining` in micro-credits."""
    whole, _, part = str(headers["Emporion-Credits-Remaining"]).partition(".")
    return int(whole) * MICRO + int(f"{part:0<6}"[:6])
