"""llama.cpp's own server behind the whole gateway, asked by the `openai` package.

a plain and a streamed chat
├── give what the server said, and the count that it made
├── cost that count times the rates, whatever its prompt cache remembered
├── leave one usage row each, equal to the last figure
└── have a receipt that every check of ours finds true, and a chain of receipts
several at once, streamed
└── are all answered, and paid one by one: the server closes a connection after each stream
a reader who leaves after the first words
└── has one row, of what was delivered
given a prompt longer than the server takes: 413 in the package's own error, at no charge
given a secret the server does not know: 502, at no charge, and nothing of its message
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam
from openai.types.completion_usage import CompletionUsage
from pydantic import SecretStr
from sqlmodel import col, select

from backend.client.models import RateCard
from backend.client.verification import Evidence, Finding, verify_receipt
from backend.core.units import ChainId, to_address
from backend.db.tables.meter import Usage
from backend.inference.model_file import shipped_model
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from backend.signing.messages import receipt_domain
from tests.backend.gateway import llama_server
from tests.backend.gateway.conftest import MODEL, House, bearer
from tests.backend.market import CHAIN_ID, SERVICE

pytestmark = [pytest.mark.model, pytest.mark.integration]

KEY = "llama-server-key"
CARD = RateCard(per_request=0, per_unit_in=10, per_unit_out=30)
HI: ChatCompletionUserMessageParam = {"role": "user", "content": "Tell me a story about rain."}
UNCHECKED_BEFORE_SETTLEMENT = {"proof", "settlement"}


@dataclass
class Call:
    """Request and answer as they went over the wire."""

    id: str
    request: bytes
    answer: bytearray = field(default_factory=bytearray)


class Recorded(httpx2.AsyncByteStream):
    """Bytes handed on and kept."""

    def __init__(self, source: httpx2.AsyncByteStream, call: Call) -> None:
        self._source, self._call = source, call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._source:
            self._call.answer += piece
            yield piece

    async def aclose(self) -> None:
        await self._source.aclose()


class Wire(httpx2.AsyncHTTPTransport):
    """What the package sends through, keeping what a buyer needs to hold a receipt against."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        reply = await super().handle_async_request(request)
        call = Call(reply.headers["x-request-id"], request.content)
        self.calls.append(call)
        assert isinstance(reply.stream, httpx2.AsyncByteStream)
        reply.stream = Recorded(reply.stream, call)
        return reply


@dataclass(frozen=True)
class Server:
    """Somebody's server of a model."""

    base: str
    model: str
    secret: str


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if shipped_model() is None:
        pytest.skip("the model is not installed (requirements-model.lock)")
    with llama_server.running(KEY) as base:
        yield Server(base, llama_server.ALIAS, KEY)


async def point(house: House, server: Server) -> None:
    """The service's requests go to this server."""
    definition = UpstreamDefinition(
        kind=UpstreamKind.OPENAI, url=server.base, model=server.model, secret=SecretStr(server.secret)
    )
    await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [definition])


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(house: House, paid_key: str, server: Server, wire: Wire) -> AsyncIterator[AsyncOpenAI]:
    await point(house, server)
    http = httpx2.AsyncClient(transport=wire)
    async with AsyncOpenAI(
        base_url=f"{house.url}/v1", api_key=paid_key, max_retries=0, http_client=http
    ) as made:
        yield made


async def plain(client: AsyncOpenAI, **said: Any) -> tuple[str, CompletionUsage]:
    reply = await client.chat.completions.create(model=MODEL, messages=[HI], max_tokens=12, **said)
    assert reply.usage is not None
    return reply.choices[0].message.content or "", reply.usage


async def streamed(client: AsyncOpenAI, **said: Any) -> tuple[str, CompletionUsage]:
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[HI],
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
        **said,
    )
    words, counted = "", None
    async for chunk in stream:
        words += "".join(choice.delta.content or "" for choice in chunk.choices)
        counted = chunk.usage or counted
    assert counted is not None
    return words, counted


async def rows(house: House) -> list[Usage]:
    """The usage rows, in the tab's order."""
    async with house.services.deps.store.read() as session:
        found = await session.scalars(select(Usage).order_by(col(Usage.sequence)))
        return list(found)


def cost(counted: CompletionUsage) -> int:
    return CARD.cost(counted.prompt_tokens, counted.completion_tokens)


async def verdicts(house: House, key: str, call: Call, previous: Any = None) -> dict[str, Finding]:
    receipt = (await house.http.get(f"/v1/receipts/{call.id}", headers=bearer(key))).json()
    escrow = to_address(house.services.deps.deployment.address("UsageEscrow"))
    evidence = Evidence(
        domain=receipt_domain(CHAIN_ID, escrow),
        meter=house.services.meter,
        request=call.request,
        response=bytes(call.answer),
        card=CARD,
        previous=previous,
    )
    return {verdict.check: verdict.finding for verdict in verify_receipt(receipt, evidence)}


class TestServer:
    async def test_charges_its_own_count(
        self, house: House, client: AsyncOpenAI, wire: Wire, paid_key: str
    ) -> None:
        before = await house.credits(paid_key)
        whole, first = await plain(client, temperature=0)
        piecewise, second = await streamed(client, temperature=0)
        assert whole == piecewise != ""
        assert (first.prompt_tokens, first.completion_tokens) == (second.prompt_tokens, 12)
        assert await house.credits(paid_key) == before - cost(first) - cost(second)
        for row, counted, call in zip(await rows(house), (first, second), wire.calls, strict=True):
            assert (row.request_id, row.route, row.outcome) == (call.id, "/v1/chat/completions", "completed")
            assert (row.units_in, row.units_out) == (counted.prompt_tokens, counted.completion_tokens)
            assert (row.charged, row.lost, row.estimated) == (cost(counted), 0, False)

    async def test_gives_receipts_that_verify(
        self, house: House, client: AsyncOpenAI, wire: Wire, paid_key: str
    ) -> None:
        await plain(client)
        await streamed(client)
        await client.chat.completions.create(model=MODEL, messages=[HI], max_tokens=4)
        previous = None
        for call in wire.calls:
            found = await verdicts(house, paid_key, call, previous)
            unsure = {check for check, finding in found.items() if finding is not Finding.TRUE}
            assert unsure == UNCHECKED_BEFORE_SETTLEMENT, found
            previous = (await house.http.get(f"/v1/receipts/{call.id}", headers=bearer(paid_key))).json()
        wire.calls[1].answer[:4] = b"DATA"
        assert (await verdicts(house, paid_key, wire.calls[1]))["response"] is Finding.FALSE

    async def test_answers_many_streams(self, house: House, client: AsyncOpenAI, paid_key: str) -> None:
        before = await house.credits(paid_key)
        counts = [(await streamed(client))[1] for _ in range(3)]
        counts += [told[1] for told in await asyncio.gather(*(streamed(client) for _ in range(6)))]
        assert await house.credits(paid_key) == before - sum(cost(counted) for counted in counts)
        found = await rows(house)
        assert [row.outcome for row in found] == ["completed"] * 9
        assert sorted(row.charged for row in found) == sorted(cost(counted) for counted in counts)

    async def test_counts_what_a_reader_who_left_was_given(self, house: House, client: AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(model=MODEL, messages=[HI], max_tokens=400, stream=True)
        async for _ in stream:
            break
        await stream.close()
        until = time.monotonic() + 10
        while not (found := await rows(house)):
            assert time.monotonic() < until, "no row"
            await asyncio.sleep(0.05)
        assert [row.outcome for row in found] == ["partial"]
        assert 0 < found[0].units_out < 400
        assert found[0].charged == CARD.cost(found[0].units_in, found[0].units_out)

    async def test_refuses_a_prompt_longer_than_it_takes(
        self, house: House, client: AsyncOpenAI, paid_key: str
    ) -> None:
        before = await house.credits(paid_key)
        long: ChatCompletionUserMessageParam = {"role": "user", "content": "rain " * 2_100}
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model=MODEL, messages=[long], max_tokens=4)
        assert (caught.value.status_code, caught.value.code) == (413, "context_length_exceeded")
        assert await house.credits(paid_key) == before

    async def test_tells_nothing_of_a_wrong_secret(
        self, house: House, client: AsyncOpenAI, server: Server, paid_key: str
    ) -> None:
        before = await house.credits(paid_key)
        await point(house, replace(server, secret="of-yesterday"))
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model=MODEL, messages=[HI], max_tokens=4)
        assert caught.value.status_code == 502
        assert "key" not in caught.value.message.lower()
        assert await house.credits(paid_key) == before
