"""Traces, as a collector gets them.

a gateway with a collector
├── sends one span a metered request: what was asked of which service, how much was used, how it ended
├── links the caller's span, and nothing that is none
└── names no prompt, answer, wallet or key
a gateway without one, and without Redis
└── loads nothing of them
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backend.gateway.traces import Traces, links_of
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, build
from tests.backend.gateway.model_server import fail
from tests.backend.market import tab

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CANARY = "canary-7c1d"


@dataclass
class Collector:
    """Keeps what is exported to it."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers.get("content-encoding", "identity") == "identity"
        self.raw.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[Any]:
        found = []
        for body in self.raw:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield found
    await runner.cleanup()


def attributes(span: Any) -> dict[str, Any]:
    kinds = {one.key: one.value.WhichOneof("value") for one in span.attributes}
    return {one.key: getattr(one.value, str(kinds[one.key])) for one in span.attributes}


async def played(house: House) -> str:
    """A served call, one whose upstream fails, one without credits; gives the key."""
    await house.mine(tab(METERED, 10, address_of(house.buyer)))
    key = await house.key()
    said = [{"role": "user", "content": CANARY}]
    parent = {"traceparent": f"00-{TRACE}-{SPAN}-00"}
    assert (await house.chat(key, headers=parent, messages=said, stream=True)).status_code == 200
    house.model.behaviour = fail
    assert (await house.chat(key, messages=said)).status_code == 502
    assert (await house.chat("emp_dev_x", messages=said)).status_code == 401
    return key


class TestTraces:
    async def test_tell_a_collector(self, stores_home: Path, collector: Collector) -> None:
        traces = Traces.to(collector.url)
        async with AsyncExitStack() as stack:
            house = await build(stack, stores_home, {}, None, traces=traces)
            key = await played(house)
            await traces.close()
            buyer = address_of(house.buyer)
        served, failed, refused = collector.spans
        facts = attributes(served)
        assert served.name == f"chat {MODEL}"
        assert (facts["gen_ai.request.model"], facts["gen_ai.operation.name"]) == (MODEL, "chat")
        assert (facts["gen_ai.usage.input_tokens"], facts["gen_ai.usage.output_tokens"]) == (7, 4)
        assert facts["emporion.outcome"] == "completed"
        assert served.end_time_unix_nano >= served.start_time_unix_nano
        assert [event.name for event in served.events] == ["gen_ai.first_token"]
        (link,) = served.links
        assert (link.trace_id.hex(), link.span_id.hex()) == (TRACE, SPAN)
        assert served.trace_id.hex() != TRACE
        assert not served.parent_span_id
        assert attributes(failed)["emporion.outcome"] == "failed"
        assert attributes(refused)["error.type"] == "invalid_credential"
        everything = b"".join(collector.raw)
        for hidden in (CANARY.encode(), key.encode(), buyer, buyer.hex().encode(), b"Once upon"):
            assert hidden not in everything

    def test_cost_nothing_unasked(self) -> None:
        told = "print(*{'opentelemetry.sdk', 'opentelemetry.exporter', 'redis'} & set(sys.modules))"
        code = f"import sys, backend.cli.running; {told}"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"\n"

    @pytest.mark.parametrize(
        "given",
        [
            b"",
            b"00-0-0-00",
            b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01",
            b"ff-" + b"1" * 32 + b"-" + b"1" * 16,
        ],
    )
    def test_ignore_what_is_no_span(self, given: bytes) -> None:
        assert links_of({"headers": [(b"traceparent", given)]}) == ()
