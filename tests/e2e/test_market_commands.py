"""`emporion market` against a running devnet.

list
└── what is offered, by whom, at what price and royalty, exact beside money; narrowed by service and seller
offer, buy, cancel
├── a pass: the seller gets the price less the royalty, share holders the royalty, the buyer the pass
├── shares: no royalty; credits: in another currency
├── what the wallet does not hold, an unknown currency, a soulbound unit: refused before anything is sent
└── a cancelled offer is gone; more than is offered, or than the wallet can pay: refused, nothing approved
"""

import pytest

from backend.cli.wiring import chain, prepared, run
from backend.core.units import Address, to_address
from tests.e2e.terminal import does, eventually, funded, get, plan_of, refuses
from tests.emporion_command import run_emporion

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

CHAT, EMBEDDINGS = "1", "2"


async def _money(account: Address, currency: int) -> tuple[int, int]:
    """What an account has of a currency, and what the market may take of it."""
    async with chain(prepared(quiet=True)) as found:
        token = found.contracts.currency(currency)
        market = found.contracts.market.address
        return await token.balance(account), await token.allowance(account, market)


def money_of(account: str, currency: int = 0) -> int:
    return run(_money(to_address(account), currency))[0]


def allowed(account: str) -> int:
    return run(_money(to_address(account), 0))[1]


def offers(*options: str) -> dict[int, dict[str, object]]:
    return {one["listing"]: one for one in does("market", "list", *options)}


class TestList:
    def test_tells_price_royalty_and_seller(self) -> None:
        (seeded,) = [one for one in does("market", "list") if one["unit_price"] == "15 tUSD"]
        assert (seeded["what"], seeded["name"], seeded["units"]) == ("pass", "SmolLM2 135M", "1")
        assert (seeded["unit_price_base_units"], seeded["royalty_base_units"]) == ("15000000", "750000")
        assert seeded["royalty_to"] == "share holders of service 1"
        assert seeded in does("market", "list", "--service", CHAT, "--seller", str(seeded["seller"]).lower())
        assert seeded not in does("market", "list", "--service", EMBEDDINGS)
        said = run_emporion("market", "list")
        assert "15 tUSD" in said.out
        assert "base units" not in said.out


class TestOffer:
    def test_of_a_pass_pays_seller_and_share_holders(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seller = funded(monkeypatch)
        plan = plan_of("smollm2", "pass")
        does("buyer", "buy", plan)
        made = does("market", "offer", plan, "1", "16.5")
        assert (made["unit_price"], made["royalty"]) == ("16.5 tUSD", "0.825 tUSD")
        assert eventually(lambda: made["listing"] in offers("--seller", seller))
        before = money_of(seller)
        buyer = funded(monkeypatch)
        filled = does("market", "buy", str(made["listing"]))
        assert (filled["cost_base_units"], filled["royalty_base_units"]) == ("16500000", "825000")
        assert (filled["what"], filled["plan"]) == ("pass", int(plan))
        assert money_of(seller) - before == 16_500_000 - 825_000
        assert eventually(lambda: [one["units"] for one in get(f"/v1/accounts/{buyer}")["plans"]] == ["1"])
        assert "the offer is gone" in refuses("market", "buy", str(made["listing"])).err

    def test_of_shares_has_no_royalty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = does("market", "offer", CHAT, "1000", "0.01", "--shares", "--key", "co_owner")
        assert (made["unit_price"], made["royalty"], made["royalty_to"]) == ("0.01 tUSD", "0 tUSD", None)
        buyer = funded(monkeypatch)
        filled = does("market", "buy", str(made["listing"]), "400")
        assert (filled["what"], filled["cost"], filled["plan"]) == ("shares", "4 tUSD", None)
        assert eventually(lambda: [one["units"] for one in get(f"/v1/accounts/{buyer}")["shares"]] == ["400"])
        assert eventually(lambda: offers("--service", CHAT)[made["listing"]]["units"] == "600")

    def test_of_credits_in_another_currency(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seller = funded(monkeypatch)
        plan = plan_of("smollm2", "metered")
        does("buyer", "buy", plan, "20", "--hold")
        made = does("market", "offer", plan, "20", "0.25", "--currency", "emp", "--for", "2d")
        before = money_of(seller, 1)
        funded(monkeypatch)
        assert does("market", "buy", str(made["listing"]), "8")["cost"] == "2 EMP"
        assert money_of(seller, 1) - before == 2 * 10**18

    def test_of_what_is_not_held_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        plan = plan_of("smollm2", "metered")
        does("buyer", "buy", plan, "20")
        said = refuses("market", "offer", plan, "20", "1")
        assert "this wallet holds 0" in said.err
        assert "emporion buyer withdraw" in said.err
        does("buyer", "buy", plan, "1", "--hold")
        said = refuses("market", "offer", plan, "1", "1", "--currency", "XYZ")
        assert "choose one of tUSD, EMP" in said.err
        assert "6 decimals" in refuses("market", "offer", plan, "1", "0.0000001").err


class TestBuy:
    def test_of_too_much_approves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = does("market", "offer", CHAT, "10", "5000", "--shares", "--key", "co_owner")
        buyer = funded(monkeypatch)
        assert "10 units are offered" in refuses("market", "buy", str(made["listing"]), "11").err
        assert "this costs 50,000 tUSD" in refuses("market", "buy", str(made["listing"]), "10").err
        assert allowed(buyer) == 0

    def test_of_a_cancelled_offer_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = does("market", "offer", CHAT, "10", "1", "--shares", "--key", "co_owner")
        listing = str(made["listing"])
        assert "the contract refused" in refuses("market", "cancel", listing, "--key", "buyer").err
        assert does("market", "cancel", listing, "--key", "co_owner")["cancelled"] == made["listing"]
        buyer = funded(monkeypatch)
        assert "the offer is gone" in refuses("market", "buy", listing).err
        assert allowed(buyer) == 0
