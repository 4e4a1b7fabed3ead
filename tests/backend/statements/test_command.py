"""`emporion statement` and `emporion prices`

statement
├── given no events: it should say that nothing happened
├── given events: a table with what is missing told on the other stream, JSON, or a file
├── given --prices: values by it
└── given a method, a time or a file that is none: it should say what to do
prices: kept for later statements; every wrong line is named
"""

import asyncio
from pathlib import Path

import pytest

from backend.core.deployment import DeployedCurrency, Deployment, write_deployment
from backend.core.settings import load_settings
from backend.core.units import PlanKind, checksum, hex_of
from backend.db.stores import open_chain_store
from tests.backend.cli.conftest import CHAIN_ID, emporion, home, record
from tests.backend.market import BUYER, START, Market, plan
from tests.backend.statements.test_route import told
from tests.emporion_command import Emporion

__all__ = ["emporion", "home", "record"]

ME = checksum(BUYER)
PRICES = f"time,currency,quote,price\n{START},TUSD,USD,1.5\n"


@pytest.fixture
def history(home: Path) -> Path:
    """A devnet's record, and the purchase of a pass in the index."""
    dollar = DeployedCurrency(0, "0x" + "dd" * 20, "TUSD", "Test Dollar", 6)
    write_deployment(home / "deployment.json", Deployment(CHAIN_ID, "0x" + "00" * 32, 0, True, {}, [dollar]))

    async def fill() -> None:
        store = await open_chain_store(load_settings(home=home))
        mine = hex_of(BUYER)
        bought = {"payer": mine, "recipient": mine, "units": "1", "cost": "5000000"}
        await Market(store).mine(plan(PlanKind.PASS), told(1, "Bought", START, bought))
        await store.close()

    asyncio.run(fill())
    return home


class TestStatement:
    def test_shows_a_table_and_what_is_missing(self, emporion: Emporion, history: Path) -> None:
        said = emporion("statement", ME)
        assert said.status == 0
        assert "purchase" in said.out
        assert "5 TUSD" in said.out
        assert "1 lines have no price in USD" in said.err

    def test_says_that_nothing_happened(self, emporion: Emporion, history: Path) -> None:
        assert "nothing happened" in emporion("statement", ME, "--to", "2000-01-01").err

    def test_prints_json(self, emporion: Emporion, history: Path) -> None:
        assert emporion("statement", ME, "--json").json["lines"][0]["cash"] == "-5000000"

    def test_writes_a_file(self, emporion: Emporion, history: Path) -> None:
        (history / "prices.csv").write_text(PRICES)
        target = history / "year.csv"
        said = emporion("statement", ME, "--csv", str(target), "--prices", str(history / "prices.csv"))
        assert (said.status, said.out) == (0, "")
        assert ",7.5,USD," in target.read_text()
        assert "no price" not in said.err

    @pytest.mark.parametrize(
        ("arguments", "advice"),
        [
            (("--method", "lifo"), "fifo or average"),
            (("--from", "soon"), "2026-01-31"),
            (("--prices", "nowhere.csv"), "nowhere.csv"),
        ],
    )
    def test_says_what_to_do(
        self, emporion: Emporion, history: Path, arguments: tuple[str, ...], advice: str
    ) -> None:
        said = emporion("statement", ME, *arguments)
        assert said.status == 1
        assert advice in said.err


class TestPrices:
    def test_are_kept(self, emporion: Emporion, history: Path) -> None:
        (history / "prices.csv").write_text(PRICES)
        assert "kept 1 prices" in emporion("prices", str(history / "prices.csv")).err
        assert "7.5" in emporion("statement", ME).out

    def test_names_wrong_lines(self, emporion: Emporion, history: Path) -> None:
        (history / "prices.csv").write_text(PRICES + "soon,TUSD,USD,1\n")
        said = emporion("prices", str(history / "prices.csv"))
        assert said.status == 1
        assert "line 3" in said.err
