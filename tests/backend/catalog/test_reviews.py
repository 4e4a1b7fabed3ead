"""Reviews of a service

GET /v1/services/{id}/reviews
├── counts the newest of each account, and shows it
├── shows the words of those whose document was brought here, and of no other kind of document
├── count in a search and in the service, where their least mean can be asked for
├── leaves out what a fork took back: what the account said before counts again
└── is 404 for a service that is not there
"""

from typing import Any

import orjson

from backend.core.units import Address, checksum, hex_of, keccak
from backend.db.tables import chain as rows
from tests.backend.gateway.conftest import House, bearer, engine, gateway_settings, house
from tests.backend.market import BUYER, CHAIN_ID, METER, PROVIDER, SERVICE, STRANGER, block_hash

__all__ = ["engine", "gateway_settings", "house"]

PATH = f"/v1/services/{SERVICE}/reviews"


def said(
    number: int, account: bytes, rating: int, retracts: int | None = None, words: bytes = bytes(32)
) -> rows.Outbox:
    args: dict[str, Any] = {"planId": "7", "rating": str(rating), "contentHash": hex_of(words)}
    return rows.Outbox(
        id=number,
        chain_id=CHAIN_ID,
        block_number=number,
        block_hash=block_hash(number),
        log_index=0,
        timestamp=number,
        tx_hash=bytes(32),
        contract="ServiceReviews",
        event="Reviewed",
        service_id=SERVICE,
        account=account,
        args=args,
        retracts=retracts,
    )


async def kept(house: House, document: dict[str, Any], session: dict[str, str]) -> bytes:
    """The hash of a document that was brought to the gateway."""
    data = orjson.dumps(document)
    found = keccak(data)
    reply = await house.http.put(f"/v1/metadata/{hex_of(found)}", content=data, headers=session)
    assert reply.status_code == 201, reply.text
    return found


class TestReviews:
    async def test_count_the_newest_of_each_account(self, house: House) -> None:
        await house.market.put(said(1, BUYER, 1), said(2, STRANGER, 5), said(3, BUYER, 4))
        shown = (await house.http.get(PATH)).json()
        assert (shown["count"], shown["total"], shown["by_rating"]) == (2, 9, [0, 0, 0, 1, 1])
        newest = shown["reviews"][0]
        assert (newest["account"], newest["rating"]) == (checksum(Address(BUYER)), 4)
        assert (newest["plan_id"], newest["timestamp"]) == (7, 3)

    async def test_have_the_words_that_were_brought_here(self, house: House) -> None:
        session = bearer(await house.sign_in(house.buyer))
        words = {"emporion": "review/1", "text": "Quick, <b>and</b> right."}
        limits = {"emporion": "limits/1", "concurrent": 2}
        brought, other = [await kept(house, document, session) for document in (words, limits)]
        unknown = keccak(b"never brought")
        for number, (account, content) in enumerate(
            [(BUYER, brought), (STRANGER, other), (PROVIDER, unknown), (METER, bytes(32))], 1
        ):
            await house.market.put(said(number, account, 5, words=content))
        shown = {one["account"]: one["text"] for one in (await house.http.get(PATH)).json()["reviews"]}
        assert shown == {
            checksum(Address(BUYER)): words["text"],
            **{checksum(Address(account)): None for account in (STRANGER, PROVIDER, METER)},
        }

    async def test_count_in_a_search(self, house: House) -> None:
        await house.market.put(
            said(1, BUYER, 1), said(2, STRANGER, 3), said(3, BUYER, 4), said(4, STRANGER, 5, retracts=None)
        )
        await house.market.put(said(5, PROVIDER, 1), said(6, PROVIDER, 1, retracts=5))
        (listed,) = (await house.http.get("/v1/services?rating=4")).json()["services"]
        shown = (await house.http.get(f"/v1/services/{SERVICE}")).json()
        assert [(one["ratings"], one["ratings_total"]) for one in (listed, shown)] == [(2, 9)] * 2
        assert (await house.http.get("/v1/services?rating=5")).json()["services"] == []
        await house.market.put(said(7, STRANGER, 5, retracts=4))
        (listed,) = (await house.http.get("/v1/services?rating=3")).json()["services"]
        assert (listed["ratings"], listed["ratings_total"]) == (2, 7)

    async def test_leave_out_what_was_taken_back(self, house: House) -> None:
        await house.market.put(said(1, BUYER, 2), said(2, BUYER, 5), said(3, BUYER, 5, retracts=2))
        shown = (await house.http.get(PATH)).json()
        assert [one["rating"] for one in shown["reviews"]] == [2]

    async def test_of_nothing_are_not_found(self, house: House) -> None:
        assert (await house.http.get("/v1/services/99/reviews")).status_code == 404
        assert (await house.http.get(PATH)).json()["count"] == 0
