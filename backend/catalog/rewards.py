"""What a share holder and a staker could claim now, from the indexed rows; the contracts' own arithmetic.
Pure.

Sources: `RevenueShares.claimable`, `StakingVault._owedDown` and `_streamedDown`. Results are whole base
units.
"""

from dataclasses import dataclass
from typing import Final

from backend.core.units import SHARES_WHOLE, BaseUnits

_INDEX_SCALE: Final = 10**30
_OWED_SCALE: Final = 10**6
_UINT128: Final = 2**128


@dataclass(frozen=True, slots=True)
class StreamState:
    """A reward stream when it was last advanced: its index, base units and seconds left."""

    index: int
    pending: int
    seconds_left: int


def share_claim_down(owed: int, checkpoint: int, units: int, distributed: int) -> BaseUnits:
    """Base units of one currency a holder of `units` shares may claim; `owed` is in millionths."""
    return BaseUnits((owed + units * (distributed - checkpoint)) // SHARES_WHOLE)


def streamed_index(stream: StreamState, elapsed: int, total_score: int) -> int:
    """The index of a stream some seconds on; it stands still while nobody has a score."""
    if not (stream.seconds_left and elapsed > 0 and total_score):
        return stream.index
    part = stream.pending
    if elapsed < stream.seconds_left:
        part = stream.pending * elapsed // stream.seconds_left
    return (stream.index + part * _INDEX_SCALE // total_score) % _UINT128


def reward_claim_down(owed: int, index_then: int, score: int, index_now: int) -> BaseUnits:
    """Base units of one currency a staker may claim; `owed` is in millionths at `index_then`."""
    grown = (index_now - index_then) % _UINT128
    return BaseUnits(min(owed + score * grown // (_INDEX_SCALE // _OWED_SCALE), _UINT128 - 1) // _OWED_SCALE)
