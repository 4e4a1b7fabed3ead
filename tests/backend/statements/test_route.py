"""GET /v1/statements, and the file it can be

given no credential, or a key without the right to read: refused
given the caller's own events: its lines as JSON, and as CSV with the columns of Form 8949 first
given the end of a dispute of the caller's: award and returned bond apart
given prices in the store: values, and what is missing is counted
given a period that is none: refused with the reason
"""

import csv
import io

import pytest

from backend.core.units import hex_of, keccak
from backend.db.tables.chain import Block, Outbox, TransactionReceipt
from backend.pricing.service import StoredPrices
from backend.statements.sheet import COLUMNS, FORM
from tests.backend.gateway.conftest import PASS, House, address_of, bearer, engine, gateway_settings, house
from tests.backend.market import CHAIN_ID, SERVICE, START, block_hash

__all__ = ["engine", "gateway_settings", "house"]

COST = 5_000_000


def told(number: int, event: str, at: int, args: dict[str, str]) -> Outbox:
    return Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=number,
        block_hash=block_hash(number),
        log_index=0,
        timestamp=at,
        tx_hash=keccak(b"tx %d" % number),
        contract="AccessToken",
        event=event,
        service_id=SERVICE,
        plan_id=PASS,
        args={"planId": str(PASS)} | args,
    )


@pytest.fixture
async def history(house: House) -> House:
    """A pass bought, another bought and given back, one purchase taken back by a reorganisation."""
    mine = hex_of(address_of(house.buyer))
    buy = {"payer": mine, "recipient": mine, "units": "1", "cost": str(COST)}
    back = {"holder": mine, "to": mine, "units": "1", "amount": str(COST + 1_000_000)}
    undone = told(4, "Bought", START, buy)
    await house.mine(
        told(1, "Bought", START, buy),
        told(2, "Bought", START + 86_400, buy),
        told(3, "Refunded", START + 2 * 86_400, back),
        undone,
    )
    await house.mine(Outbox(**{**undone.model_dump(), "id": 5, "retracts": 4}))
    return house


class TestRefusals:
    async def test_shows_nobody_elses(self, history: House) -> None:
        assert (await history.http.get("/v1/statements")).status_code == 401
        writer = await history.key(scopes=["inference"])
        assert (await history.http.get("/v1/statements", headers=bearer(writer))).status_code == 403
        stranger = await history.key(history.provider, scopes=["read"])
        reply = await history.http.get("/v1/statements", headers=bearer(stranger))
        assert reply.json()["lines"] == []

    @pytest.mark.parametrize(
        "query", ["from=soon", "from=2026-01-02&to=2026-01-01", "format=xml", "method=lifo"]
    )
    async def test_says_what_is_wrong(self, history: House, query: str) -> None:
        session = bearer(await history.sign_in(history.buyer))
        reply = await history.http.get(f"/v1/statements?{query}", headers=session)
        assert reply.status_code in (400, 422), reply.text


class TestGas:
    async def test_is_an_expense_even_where_the_transaction_failed(self, history: House) -> None:
        await history.mine(*paid(history, 1, ok=True), *paid(history, 2, ok=False))
        session = bearer(await history.sign_in(history.buyer))
        made = (await history.http.get("/v1/statements", headers=session)).json()
        lines = [line for line in made["lines"] if line["currency"] == -2]
        assert [(line["kind"], line["category"], line["cash"]) for line in lines] == [
            ("gas", "expense", "-210000"),
            ("gas of a failed transaction", "expense", "-210000"),
        ]
        assert lines[0]["log_index"] is None
        file = (await history.http.get("/v1/statements?format=csv", headers=session)).text
        assert ",ETH,0.00000000000021,-0.00000000000021," in file


def paid(house: House, number: int, *, ok: bool) -> tuple[Block, TransactionReceipt]:
    """A block, and a transaction of the buyer in it."""
    before, after = block_hash(number - 1), block_hash(number)
    block = Block(chain_id=CHAIN_ID, number=number, hash=after, parent_hash=before, timestamp=START + number)
    receipt = TransactionReceipt(
        chain_id=CHAIN_ID,
        tx_hash=keccak(b"gas %d" % number),
        block_number=number,
        tx_index=0,
        sender=address_of(house.buyer),
        receiver=b"\xee" * 20,
        gas_used=21_000,
        gas_price=10,
        ok=ok,
    )
    return block, receipt


class TestDisputes:
    async def test_end_as_award_and_returned_bond(self, history: House) -> None:
        mine, court = hex_of(address_of(history.buyer)), "0x" + "e3" * 20
        ours = {"disputeId": "1", "serviceId": str(SERVICE)}
        end = {"outcome": "1", "slashed": "30", "toClaimant": "25", "toProvider": "0", "burned": "15"}
        paid = {"from": court, "to": mine, "value": "25"}
        rows = [
            told(6, "DisputeOpened", START, {**ours, "claimant": mine, "bond": "10"}),
            told(7, "DisputeResolved", START + 1, {**ours, **end}),
            told(8, "Transfer", START + 1, paid),
        ]
        rows[2].tx_hash = rows[1].tx_hash
        for row, contract in zip(rows, ("DisputeCourt", "DisputeCourt", "EmporionToken"), strict=True):
            row.contract = contract
        await history.mine(*rows)
        session = bearer(await history.sign_in(history.buyer))
        made = (await history.http.get("/v1/statements", headers=session)).json()
        lines = [(one["kind"], one["category"], one["cash"]) for one in made["lines"]][-3:]
        assert lines == [
            ("dispute bond", "transfer", "-10"),
            ("dispute bond returned", "transfer", "10"),
            ("dispute award", "income", "15"),
        ]


class TestStatement:
    async def test_leaves_out_what_was_taken_back(self, history: House) -> None:
        session = bearer(await history.sign_in(history.buyer))
        made = (await history.http.get("/v1/statements", headers=session)).json()
        assert [(line["kind"], line["cash"], line["value"]) for line in made["lines"]] == [
            ("purchase", str(-COST), None),
            ("purchase", str(-COST), None),
            ("refund", str(COST + 1_000_000), None),
        ]
        assert (made["missing_prices"], made["missing_gas"], made["missing_basis"]) == (3, 3, 0)
        assert made["lines"][2]["gain"] == "1000000"
        whole = {(t["category"], t["cash"]) for t in made["totals"]}
        assert whole == {("transfer", str(-2 * COST)), ("disposal", str(COST + 1_000_000))}

    async def test_values_with_the_prices_kept(self, history: House) -> None:
        day = "2023-11-14T22:13:20Z"
        text = f"time,currency,quote,price\n{day},TUSD,USD,2\n{START + 2 * 86_400},TUSD,USD,0.5\n"
        await prices_of(history).keep(text, "test")
        session = bearer(await history.sign_in(history.buyer))
        made = (await history.http.get(f"/v1/statements?from={START + 86_401}", headers=session)).json()
        (refund,) = made["lines"]
        assert (refund["value"], refund["basis_value"]) == ("300000000", "1000000000")
        assert refund["gain_value"] == "-700000000"
        assert (made["missing_prices"], made["totals"][0]["value"]) == (0, "300000000")

    async def test_is_a_file_for_the_tax_form(self, history: House) -> None:
        session = bearer(await history.sign_in(history.buyer))
        reply = await history.http.get("/v1/statements?format=csv", headers=session)
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in reply.headers["content-disposition"]
        assert reply.headers["cache-control"] == "no-store"
        header, first, _, refund = csv.reader(io.StringIO(reply.text))
        assert tuple(header) == COLUMNS
        assert first[: len(FORM)] == [""] * len(FORM)
        assert refund[:3] == [f"1 x plan {PASS}", "11/14/2023", "11/16/2023"]
        ours = dict(zip(header, refund, strict=True))
        assert (ours["Class"], ours["Cash"], ours["Basis"]) == ("disposal", "6", "5 TUSD")
        assert (ours["Value"], ours["Gain in currency"]) == ("", "1")


def prices_of(house: House) -> StoredPrices:
    return StoredPrices(house.services.deps.store)
