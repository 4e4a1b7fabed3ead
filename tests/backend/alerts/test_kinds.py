"""What accounts are told, kind by kind, once a cause

each kind: told at its threshold, not before, and again only when its cause is another
other accounts, kinds that are off, and what was before the rule: not told
"""

from typing import Any

import pytest

from backend.alerts.kinds import Kind
from backend.core.units import Address, PlanKind, hex_of, keccak
from backend.db.tables import chain as rows
from backend.db.tables.accounts import ApiKey, ApiKeyNetwork, ApiKeySecret, AuditEntry
from backend.db.tables.meter import MeterTab, Usage, UsageEvent
from tests.backend.alerts.conftest import Desk
from tests.backend.market import (
    BUYER,
    CHAIN_ID,
    METER,
    PROVIDER,
    SERVICE,
    START,
    STRANGER,
    access,
    block_hash,
    plan,
    plan_id,
    service,
    tab,
)

METERED, TIMED, PASS = plan_id(PlanKind.METERED), plan_id(PlanKind.TIMED), plan_id(PlanKind.PASS)


async def put(desk: Desk, *things: object) -> None:
    """Rows of the gateway's store."""
    async with desk.store.write() as session:
        for thing in things:
            await session.merge(thing)


def usage(
    number: int, at: int, cumulative: int = 0, key: str | None = "k1", tokens: int = 100, charged: int = 0
) -> Usage:
    blank = bytes(32)
    return Usage(
        request_id=f"r{number}",
        chain_id=CHAIN_ID,
        plan_id=METERED,
        payer=BUYER,
        sequence=number,
        service_id=SERVICE,
        key_id=key,
        route="/v1/chat/completions",
        outcome="completed",
        units_in=tokens,
        units_out=0,
        charged=charged,
        cumulative=cumulative,
        started_at=at,
        issued_at=at,
        model_digest=blank,
        request_hash=blank,
        response_hash=blank,
        previous_receipt=blank,
        receipt_digest=blank,
        meter=METER,
        signature=b"",
    )


def voided(number: int, micro_credits: int) -> UsageEvent:
    """Of a usage row's charge, what is not asked for any more."""
    return UsageEvent(
        request_id=f"r{number}",
        chain_id=CHAIN_ID,
        block_hash=block_hash(1),
        log_index=0,
        block_number=1,
        plan_id=METERED,
        payer=BUYER,
        kind="voided",
        reason="a fork",
        micro_credits=micro_credits,
        created_at=START,
    )


def metered(spent: int) -> MeterTab:
    """The meter's row of the buyer's tab, micro-credits spent."""
    return MeterTab(
        chain_id=CHAIN_ID, plan_id=METERED, payer=BUYER, spent=spent, held=0, last_receipt=bytes(32)
    )


def a_key(**changed: Any) -> ApiKey:
    said = {"scopes": [], "services": [], "networks": [], "created_at": 1, **changed}
    return ApiKey(key_id="k1", chain_id=CHAIN_ID, account=BUYER, name="laptop", **said)


class TestBuyer:
    async def test_hears_of_low_credits_once_a_deposit(self, desk: Desk) -> None:
        await desk.want(Kind.CREDITS_LOW, threshold="10")
        await desk.market.mine(tab(METERED, 100, settled=5))
        await put(
            desk,
            MeterTab(
                chain_id=CHAIN_ID,
                plan_id=METERED,
                payer=BUYER,
                spent=95_000_000,
                held=0,
                last_receipt=bytes(32),
            ),
        )
        assert await desk.alerts.look() == 0
        await put(
            desk,
            MeterTab(
                chain_id=CHAIN_ID,
                plan_id=METERED,
                payer=BUYER,
                spent=96_000_001,
                held=0,
                last_receipt=bytes(32),
            ),
        )
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        await desk.market.mine(tab(METERED, 101, settled=5))
        assert await desk.alerts.look() == 0  # ten credits are the threshold itself
        await put(
            desk,
            MeterTab(
                chain_id=CHAIN_ID,
                plan_id=METERED,
                payer=BUYER,
                spent=97_000_001,
                held=0,
                last_receipt=bytes(32),
            ),
        )
        assert await desk.alerts.look() == 1

    async def test_hears_of_ending_access_once_an_end(self, desk: Desk) -> None:
        await desk.want(Kind.ACCESS_ENDING, threshold="3600")
        await desk.market.mine(access(TIMED, START + 3_601))
        assert await desk.alerts.look() == 0
        await desk.clock.advance(1)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        await desk.market.mine(access(TIMED, START + 3_602))
        await desk.clock.advance(1)
        assert await desk.alerts.look() == 1

    async def test_hears_of_keys_in_new_networks(self, desk: Desk) -> None:
        await desk.want(Kind.KEY_NEW_NETWORK)
        key = a_key()
        first = ApiKeyNetwork(key_id="k1", network="192.0.2.0/24", first_seen_at=START)
        await put(desk, key, first)
        assert await desk.alerts.look() == 0
        await put(desk, ApiKeyNetwork(key_id="k1", network="198.51.100.0/24", first_seen_at=START + 5))
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert "198.51.100.0/24" in (await desk.told())[0].text
        assert await desk.told(STRANGER) == []

    async def test_hears_of_keys_that_may_have_leaked(self, desk: Desk) -> None:
        await desk.want(Kind.KEY_LEAKED, threshold="3")
        keys = [
            ApiKey(
                key_id=name,
                chain_id=CHAIN_ID,
                account=BUYER,
                name=name,
                scopes=[],
                services=[],
                networks=[],
                created_at=1,
                revoked_at=revoked,
            )
            for name, revoked in (("published", None), ("travelling", None), ("revoked", START))
        ]

        def seen(key: str, network: int, at: int) -> ApiKeyNetwork:
            return ApiKeyNetwork(key_id=key, network=f"198.51.{network}.0/24", first_seen_at=START + at)

        await put(desk, *keys, *(seen("travelling", n, n * 1_801) for n in range(6)))
        await put(
            desk, *(seen("revoked", n, n) for n in range(6)), *(seen("published", n, n) for n in (0, 1))
        )
        await desk.clock.advance(3_600)
        assert await desk.alerts.look() == 0
        await put(desk, seen("published", 2, 3_600))
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert (await desk.told())[0].facts == {
            "key_id": "published",
            "networks": "3",
            "since": str(START),
        }
        # More of the same is no news; another burst on another day is.
        await put(desk, seen("published", 3, 3_599))
        assert await desk.alerts.look() == 0
        await desk.clock.advance(172_800)
        await put(desk, *(seen("published", 10 + n, 172_800 + n) for n in range(3)))
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]

    async def test_hears_of_a_key_that_ends(self, desk: Desk) -> None:
        await desk.want(Kind.KEY_ENDING, threshold="3600")
        key = a_key(ends_at=START + 3_601)
        await put(desk, key)
        assert await desk.alerts.look() == 0
        await desk.clock.advance(1)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]

    async def test_hears_of_an_old_secret_that_is_used(self, desk: Desk) -> None:
        await desk.want(Kind.KEY_OLD_SECRET)
        old = ApiKeySecret(
            secret_hash=b"\x01" * 32, key_id="k1", version=1, created_at=1, valid_until=START + 600
        )
        await put(desk, a_key(version=2), old)
        assert await desk.alerts.look() == 0
        used = AuditEntry(
            at=START,
            chain_id=CHAIN_ID,
            account=BUYER,
            action="key.old-secret-used",
            subject="k1",
            details={},
        )
        await put(desk, used)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert "dies in 10 minutes" in (await desk.told())[0].text

    async def test_hears_of_unusual_use(self, desk: Desk) -> None:
        await desk.want(Kind.UNUSUAL_USAGE)
        hour = START // 3_600
        calls = [(hour - 30 + n // 3, n) for n in range(90)] + [(hour, 1_000 + n) for n in range(60)]
        await put(desk, *(usage(n, at * 3_600 + n % 7) for at, n in calls))
        assert [await desk.alerts.look() for _ in range(2)] == [2, 0]
        assert {told.facts["measure"] for told in await desk.told()} == {"calls an hour", "tokens an hour"}

    async def test_hears_of_a_silent_index(self, desk: Desk) -> None:
        await desk.want(Kind.INDEX_STALE, threshold="60")
        await desk.clock.advance(60)
        assert await desk.alerts.look() == 0
        await desk.clock.advance(1)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]

    async def test_hears_of_failed_sign_ins(self, desk: Desk) -> None:
        await desk.want(Kind.FAILED_LOG_IN, threshold="2")
        for _ in range(4):
            await desk.alerts.sign_in_failed(BUYER, "192.0.2.0/24")
            await desk.alerts.sign_in_failed(STRANGER, "192.0.2.0/24")
        assert [told.facts["count"] for told in await desk.told()] == ["2"]
        assert await desk.told(STRANGER) == []

    async def test_hears_of_replayed_nonces(self, desk: Desk) -> None:
        await desk.want(Kind.REPLAYED_NONCE)
        for _ in range(2):
            await desk.alerts.nonce_replayed(BUYER, "192.0.2.0/24")
        assert len(await desk.told()) == 1


class TestProvider:
    @pytest.fixture(autouse=True)
    async def shop(self, desk: Desk) -> None:
        await desk.market.mine(service(bond=7), *(plan(kind) for kind in PlanKind))

    async def test_hears_of_sales_from_now_on(self, desk: Desk) -> None:
        def sold(number: int, at: int, units: int) -> rows.Purchase:
            return rows.Purchase(
                chain_id=CHAIN_ID,
                block_number=number,
                log_index=0,
                tx_hash=keccak(b"%d" % number),
                timestamp=at,
                plan_id=PASS,
                payer=BUYER,
                recipient=BUYER,
                units=units,
                cost=5,
                then=0,
            )

        await desk.want(Kind.SALE, PROVIDER, threshold="2")
        await desk.market.mine(sold(1, START - 1, 9), sold(2, START, 1), sold(3, START + 1, 2))
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert (await desk.told(PROVIDER))[0].facts["units"] == "2"

    async def test_hears_of_late_settlements(self, desk: Desk) -> None:
        await desk.want(Kind.SETTLEMENT_LATE, PROVIDER, threshold="600")
        await desk.market.mine(tab(METERED, 50, settled=3))
        await put(desk, usage(1, START, 3_999_999), usage(2, START + 100, 4_000_000))
        await desk.clock.advance(699)
        assert await desk.alerts.look() == 0
        await desk.clock.advance(1)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]

    async def test_hears_nothing_late_of_what_was_voided(self, desk: Desk) -> None:
        await desk.want(Kind.SETTLEMENT_LATE, PROVIDER, threshold="600")
        await desk.market.mine(tab(METERED, 50, settled=3))
        await put(desk, usage(1, START, 4_000_000, charged=1_000_000), voided(1, 1_000_000))
        await put(desk, usage(2, START, 5_000_000, charged=2_000_000), voided(2, 1_000_001))
        await desk.clock.advance(601)
        assert await desk.alerts.look() == 0
        await put(desk, usage(3, START, 5_000_000, charged=2_000_000), voided(3, 1_000_000))
        assert await desk.alerts.look() == 1

    async def test_hears_of_money_that_waits_once_a_claim(self, desk: Desk) -> None:
        await desk.want(Kind.CLAIMABLE, PROVIDER, threshold="100")
        share = rows.Share(chain_id=CHAIN_ID, service_id=SERVICE, account=PROVIDER, units=500_000)
        revenue = rows.ShareRevenue(chain_id=CHAIN_ID, service_id=SERVICE, currency=0, distributed=199)
        await desk.market.mine(share, revenue)
        assert await desk.alerts.look() == 0
        revenue = rows.ShareRevenue(chain_id=CHAIN_ID, service_id=SERVICE, currency=0, distributed=200)
        await desk.market.mine(revenue)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert (await desk.told(PROVIDER))[0].facts["amount"] == "100"

    async def test_hears_of_a_low_bond(self, desk: Desk) -> None:
        await desk.want(Kind.BOND_LOW, PROVIDER, threshold="7")
        assert await desk.alerts.look() == 0
        await desk.market.mine(service(bond=7, unbonding=1))
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]

    async def test_hears_of_disputes_that_stand(self, desk: Desk) -> None:
        await desk.want(Kind.DISPUTE_OPENED, PROVIDER)
        opened = [dispute(number) for number in (1, 2)]
        taken_back = rows.Outbox(**{**opened[1].model_dump(), "id": 3, "retracts": 2})
        await desk.market.mine(*opened, taken_back)
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        assert (await desk.told(PROVIDER))[0].text.startswith("dispute 1 ")

    async def test_hears_of_a_meter_without_gas(self, desk: Desk) -> None:
        await desk.want(Kind.METER_GAS_LOW, PROVIDER, threshold="6")
        assert [await desk.alerts.look() for _ in range(2)] == [1, 0]
        await desk.want(Kind.METER_GAS_LOW, PROVIDER, threshold="5")
        await desk.clock.advance(86_400)
        assert await desk.alerts.look() == 0


def dispute(number: int) -> rows.Outbox:
    claimant = hex_of(Address(BUYER))
    return rows.Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=number,
        block_hash=block_hash(number),
        log_index=0,
        timestamp=START + 1,
        tx_hash=keccak(b"%d" % number),
        contract="DisputeCourt",
        event="DisputeOpened",
        service_id=SERVICE,
        args={"disputeId": str(number), "claimant": claimant, "amount": "5"},
    )
