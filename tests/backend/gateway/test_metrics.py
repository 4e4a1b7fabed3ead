"""/metrics, on a port of its own.

├── counts what was served and refused, by service and code; gauges of the moment
├── counts what a rate card asked for and a tab no longer had
├── tells how often blocks were taken back
├── names no wallet, key, prompt or request
└── nothing else is there; and nothing of it on the gateway's own port
"""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.backend.gateway.conftest import METERED, House, address_of, free_socket
from tests.backend.gateway.test_bad_input import Gate
from tests.backend.market import tab


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    with free_socket() as taken:
        port = taken.getsockname()[1]
    return {"database_url": database_url, "metrics_port": port}


async def scraped(house: House, path: str = "/metrics") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        for _ in range(100):
            try:
                return await client.get(f"http://127.0.0.1:{house.settings.metrics_port}{path}")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
    raise AssertionError("nobody answers")


class TestMetrics:
    async def test_tells_of_forks(self, house: House) -> None:
        assert "emporion_index_reorgs 0.0" in (await scraped(house)).text
        async with house.market.store.write_connection() as db:
            await db.execute(text("UPDATE chain.chains SET reorgs = 2"))
        await house.services.watch.refresh()
        assert "emporion_index_reorgs 2.0" in (await scraped(house)).text

    async def test_counts_and_names_nobody(self, house: House, paid_key: str) -> None:
        assert (await house.chat(paid_key)).status_code == 200
        assert (await house.chat("emp_dev_x")).status_code == 401
        said = (await scraped(house)).text
        chat = 'gen_ai_operation_name="/v1/chat/completions"'
        assert f'gen_ai_usage_tokens_total{{{chat},gen_ai_token_type="output",service_id="1"}} 4.0' in said
        counted = f'{{{chat},outcome="completed",service_id="1"}} 1.0'
        assert f"gen_ai_server_request_duration_seconds_count{counted}" in said
        assert 'emporion_denials_total{reason="invalid_credential"} 1.0' in said
        assert "emporion_settlement_backlog_credits 0.00019" in said
        assert "emporion_voided_credits 0.0" in said
        assert "emporion_store_up 1.0" in said
        assert house.buyer.address.lower() not in said.lower()
        assert "emp_dev" not in said

    async def test_counts_what_was_lost(self, house: House, paid_key: str) -> None:
        """A hold runs out while its request lives, and the tab is emptied: the answer comes, the row too."""
        gate = Gate(words=2)
        house.model.behaviour = gate.behave
        asking = asyncio.create_task(house.chat(paid_key, stream=True))
        async with asyncio.timeout(10):
            while not house.model.asked:
                await asyncio.sleep(0.01)
        async with house.services.deps.store.write_connection() as db:
            await db.execute(text("DELETE FROM gateway.holds"))
            await db.execute(text("UPDATE gateway.meter_tabs SET held = 0"))
        await house.mine(tab(METERED, 0, address_of(house.buyer)))
        for _ in range(8):
            gate.steps.release()
        assert (await asking).text.endswith("data: [DONE]\n\n")
        async with house.services.deps.store.read_connection() as db:
            row = (await db.execute(text("SELECT charged, lost FROM gateway.usage"))).one()
        assert tuple(row) == (0, 7 * 10 + 4 * 30)
        said = (await scraped(house)).text
        assert 'emporion_lost_credits_total{service_id="1"} 0.00019' in said
        assert 'emporion_charged_credits_total{service_id="1"} 0.0' in said

    async def test_shows_nothing_else(self, house: House) -> None:
        assert (await scraped(house, "/")).status_code == 404
        assert (await house.http.get("/metrics")).status_code == 404
