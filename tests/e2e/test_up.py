"""`emporion up` beside a chain.

its figures
└── of gateway, settlement and upkeep are on one page, each once
"""

from pathlib import Path

import httpx
import pytest

from backend.cli.demo.world import until
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import free_port
from backend.cli.services import Services

pytestmark = [pytest.mark.devnet, pytest.mark.integration, pytest.mark.timeout(240)]
LEADS = [f'emporion_settlement_leads{{part="{part}"}} 1.0' for part in ("settle", "keep")]


def quiet(_: str) -> None:
    """The test says what matters."""


class TestFigures:
    async def test_are_on_one_page(self, tmp_path: Path) -> None:
        port = free_port(0)
        async with (
            Devnet.start(tmp_path, port=0, say=quiet) as devnet,
            Services.start(devnet, say=quiet, metrics_port=port, embedded_model=False),
            httpx.AsyncClient() as client,
        ):

            async def page() -> str:
                answer = await client.get(f"http://127.0.0.1:{port}/metrics")
                answer.raise_for_status()
                return answer.text

            async def leading() -> bool:
                said = (await page()).splitlines()
                return all(line in said for line in LEADS)

            await until(leading, 60, "settlement and upkeep to lead")
            lines = (await page()).splitlines()
        names = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
        assert len(names) == len(set(names))
        assert {"emporion_holds_open", "emporion_settlement_backlog_credits"} <= set(names)
        assert "emporion_store_up 1.0" in lines
