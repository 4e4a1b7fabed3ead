"""Claims against a service's bond

GET /v1/services/{id}/disputes
├── tells each dispute, the newest first: until when it is voted on, how often it was answered, how it ended
├── leaves out what a fork took back
└── is 404 for a service that is not there
"""

from typing import Any

from backend.core.units import Address, checksum, hex_of
from backend.db.tables import chain as rows
from tests.backend.gateway.conftest import House, engine, gateway_settings, house
from tests.backend.market import BUYER, CHAIN_ID, SERVICE, block_hash

__all__ = ["engine", "gateway_settings", "house"]

PATH = f"/v1/services/{SERVICE}/disputes"
OPENED: dict[str, Any] = {
    "claimant": hex_of(BUYER),
    "planId": "7",
    "amount": "5",
    "votingEnds": "900",
    "uri": "data:text/plain,late",
}
ENDED: dict[str, Any] = {"outcome": "1", "slashed": "4", "toClaimant": "2", "toProvider": "0", "burned": "2"}


def said(number: int, event: str, dispute: int, retracts: int | None = None, **args: Any) -> rows.Outbox:
    return rows.Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=number,
        block_hash=block_hash(number),
        log_index=0,
        timestamp=number * 10,
        tx_hash=bytes(32),
        contract="DisputeCourt",
        event=event,
        service_id=SERVICE,
        args={"disputeId": str(dispute), "serviceId": str(SERVICE), **args},
        retracts=retracts,
    )


class TestDisputes:
    async def test_tell_how_each_stands(self, house: House) -> None:
        await house.market.put(
            said(1, "DisputeOpened", 3, **OPENED),
            said(2, "DisputeAnswered", 3),
            said(3, "DisputeOpened", 4, **OPENED),
            said(4, "VoteCast", 3),
            said(5, "DisputeResolved", 3, **ENDED),
        )
        newest, ended = (await house.http.get(PATH)).json()["disputes"]
        assert (newest["id"], newest["outcome"], newest["resolved_at"]) == (4, "open", None)
        assert (newest["claimant"], newest["plan_id"]) == (checksum(Address(BUYER)), 7)
        assert (newest["opened_at"], newest["voting_ends"], newest["answers"]) == (30, 900, 0)
        assert (ended["id"], ended["outcome"], ended["answers"]) == (3, "upheld", 1)
        assert (ended["resolved_at"], ended["slashed"]) == (50, "4")

    async def test_leave_out_what_was_taken_back(self, house: House) -> None:
        await house.market.put(
            said(1, "DisputeOpened", 3, **OPENED),
            said(2, "DisputeResolved", 3, **ENDED),
            said(3, "DisputeResolved", 3, retracts=2, **ENDED),
            said(4, "DisputeOpened", 4, **OPENED),
            said(5, "DisputeOpened", 4, retracts=4, **OPENED),
        )
        shown = (await house.http.get(PATH)).json()["disputes"]
        assert [(one["id"], one["outcome"]) for one in shown] == [(3, "open")]

    async def test_of_nothing_are_not_found(self, house: House) -> None:
        assert (await house.http.get("/v1/services/99/disputes")).status_code == 404
        assert (await house.http.get(PATH)).json()["disputes"] == []
