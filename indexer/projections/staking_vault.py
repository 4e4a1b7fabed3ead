"""`StakingVault`: positions, scores and streamed rewards, step for step as the contract computes them.

The order of its roundings is kept: streams advance at every change of a score and at every new stream
(`_advance`), while a claim only reads them (`_take`), so the index here equals the contract's to the bit.
"""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.db.tables.chain import Position, RewardStream, Staker, StakerReward, Vault
from indexer.projections.handler import Handler
from indexer.rows import Rows
from indexer.shapes import Row

CURRENCIES: Final = 8
INDEX_SCALE: Final = 10**30
OWED_SCALE: Final = 10**6
UINT128: Final = 2**128
THE_VAULT: Final = ()
"""There is one vault a chain: its key is the chain id alone."""


def streamed_down(stream: Row, elapsed: int, score: int) -> tuple[int, int, int]:
    """Index, base units not streamed yet, and seconds left of a stream after some seconds."""
    index, pending, left = stream["index"], stream["pending"], stream["seconds_left"]
    if left == 0 or elapsed == 0 or score == 0:
        return index, pending, left
    part = pending * elapsed // left if elapsed < left else pending
    index = (index + part * INDEX_SCALE // score) % UINT128
    return index, pending - part, max(left - elapsed, 0)


def owed_down(reward: Row, score: int, index: int) -> int:
    """Millionths of a base unit owed when the index stands at `index`."""
    grown = (index - reward["index"]) % UINT128
    return int(min(reward["owed"] + score * grown // (INDEX_SCALE // OWED_SCALE), UINT128 - 1))


def _elapsed(vault: Row, now: int) -> int:
    return now - vault["updated_at"] if vault["total_score"] else 0


def _advance(rows: Rows) -> Row:
    """Move every stream to now by the scores as they were; the vault's row."""
    vault, now = rows.edit(Vault, *THE_VAULT), rows.block.timestamp
    elapsed = _elapsed(vault, now)
    if vault["total_score"] == 0:
        # Seconds without any score; before the first touch all of them, from the deployment on.
        vault["idle"] += now - vault["updated_at"]
    for stream in rows.all(RewardStream) if elapsed else ():
        moved = streamed_down(stream, elapsed, vault["total_score"])
        row = rows.edit(RewardStream, stream["currency"])
        row["index"], row["pending"], row["seconds_left"] = moved
    vault["updated_at"] = now
    return vault


def _touch(rows: Rows, owner: bytes) -> Row:
    """Share out what streamed so far to one account, before a score changes; the vault's row."""
    vault = _advance(rows)
    score = rows.edit(Staker, owner)["score"]
    indices = {stream["currency"]: stream["index"] for stream in rows.all(RewardStream)}
    for currency in range(CURRENCIES):
        reward = rows.find(StakerReward, owner, currency)
        index = indices.get(currency, 0)
        if index == (reward["index"] if reward else 0):
            continue
        row = rows.edit(StakerReward, owner, currency)
        row["owed"], row["index"] = owed_down(row, score, index), index
    return vault


def _scored(event: DecodedEvent, rows: Rows, amount: int, score: int, end: int) -> Row:
    """A position after a change of its score; the vault's row."""
    owner = event.args["owner"]
    vault = _touch(rows, owner)
    position = rows.edit(Position, owner, event.args["index"])
    rows.edit(Staker, owner)["score"] += score - position["score"]
    position.update(amount=amount, score=score, end=end)
    vault["total_score"] = event.args["totalScore"]
    return vault


def locked(event: DecodedEvent, rows: Rows) -> None:
    """A position began."""
    args = event.args
    _scored(event, rows, args["amount"], args["score"], args["end"])["total_locked"] += args["amount"]


def increased(event: DecodedEvent, rows: Rows) -> None:
    """A position grew."""
    args = event.args
    _scored(event, rows, args["amount"], args["score"], args["end"])["total_locked"] += args["added"]


def extended(event: DecodedEvent, rows: Rows) -> None:
    """A position got a new end."""
    args = event.args
    _scored(event, rows, args["amount"], args["score"], args["end"])


def expired(event: DecodedEvent, rows: Rows) -> None:
    """An ended position lost its score; its amount waits."""
    position = rows.find(Position, event.args["owner"], event.args["index"])
    _scored(event, rows, event.args["amount"], 0, position["end"] if position else 0)


def unlocked(event: DecodedEvent, rows: Rows) -> None:
    """The amount left; its score had gone before."""
    args = event.args
    rows.edit(Position, args["owner"], args["index"]).update(amount=0, score=0, end=0)
    rows.edit(Vault, *THE_VAULT)["total_locked"] -= args["amount"]


def rewards_streamed(event: DecodedEvent, rows: Rows) -> None:
    """A stream began; the one before it had ended."""
    args = event.args
    vault = _advance(rows)
    vault["idle"] = rows.block.timestamp - args["clockNow"]
    row = rows.edit(RewardStream, args["currency"])
    row.update(
        pending=args["amount"],
        seconds_left=args["streamEnd"] - args["clockNow"],
        stream_end=args["streamEnd"],
    )
    row["streamed"] += args["amount"]


def rewards_claimed(event: DecodedEvent, rows: Rows) -> None:
    """An account was paid. A claim reads the streams as they are now and does not advance them."""
    args = event.args
    if args["compounded"]:
        _touch(rows, args["owner"])
        reward = rows.edit(StakerReward, args["owner"], args["currency"])
        reward["owed"] -= args["amount"] * OWED_SCALE
    else:
        reward = _take(event, rows)
    reward["claimed"] += args["amount"]


def _take(event: DecodedEvent, rows: Rows) -> Row:
    owner, currency = event.args["owner"], event.args["currency"]
    vault = rows.edit(Vault, *THE_VAULT)
    stream = rows.edit(RewardStream, currency)
    index, _, _ = streamed_down(stream, _elapsed(vault, rows.block.timestamp), vault["total_score"])
    staker = rows.edit(Staker, owner)
    reward = rows.edit(StakerReward, owner, currency)
    reward["owed"] = owed_down(reward, staker["score"], index) % OWED_SCALE
    reward["index"] = index
    return reward


HANDLERS: Final[Mapping[str, Handler]] = {
    "Locked": locked,
    "Increased": increased,
    "Extended": extended,
    "Expired": expired,
    "Unlocked": unlocked,
    "RewardsStreamed": rewards_streamed,
    "RewardsClaimed": rewards_claimed,
}
