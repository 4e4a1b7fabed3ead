"""Reviews from the log of events: nothing of them is stored on chain but the event. Pure."""

from collections.abc import Iterable
from typing import Any

from backend.catalog.schemas import ReviewReply, ReviewsReply
from backend.core.units import Address, ServiceId, checksum


def reviews_reply(service_id: ServiceId, rows: Iterable[Any], most: int) -> ReviewsReply:
    """From `Reviewed` rows, newest first: each account's newest that no fork took back counts."""
    taken: set[int] = set()
    newest: dict[bytes, ReviewReply] = {}
    for row in rows:
        if row.retracts is not None:
            taken.add(row.retracts)
        elif row.id not in taken:
            newest.setdefault(bytes(row.account), _review(row))
    ratings = [review.rating for review in newest.values()]
    return ReviewsReply(
        service_id=service_id,
        count=len(ratings),
        total=sum(ratings),
        by_rating=[ratings.count(stars) for stars in range(1, 6)],
        reviews=list(newest.values())[:most],
    )


def _review(row: Any) -> ReviewReply:
    return ReviewReply(
        account=checksum(Address(bytes(row.account))),
        plan_id=int(row.args["planId"]),
        rating=int(row.args["rating"]),
        content_hash=row.args["contentHash"],
        timestamp=row.timestamp,
    )
