"""What stakers may do next."""

from collections.abc import Callable
from typing import Final

from tests.model.play import Call, Scene
from tests.model.records import DAY, NOBODY, Position

EMP: Final = 10**18
VAULT: Final = "StakingVault"
DURATIONS: Final = (7 * DAY, 7 * DAY + 1, 30 * DAY, 180 * DAY, 365 * DAY)
WRONG: Final = (0, 7 * DAY - 1, 365 * DAY + 1)


def lock(s: Scene) -> Call:
    """A new position."""
    amount = s.chance.one([EMP, EMP + 1, 500 * EMP, s.chance.number(EMP, 2_000 * EMP)])
    if s.seldom():
        amount = s.chance.one([EMP - 1, 0, 2**95, 2**96 - 1, 2**96, 2**256 - 1])
    return Call(VAULT, "lock", s.somebody(), (amount, _duration(s)))


def change(s: Scene) -> Call:
    """A position grows, or gets another end."""
    owner, index, position = _position(s)
    function = s.chance.one(["increase", "extend", "compound"])
    if function == "compound":
        return Call(VAULT, function, owner, (index,))
    left = max(position.end - s.model.now, 0)
    value = s.amount(100 * EMP) if function == "increase" else s.chance.one([_duration(s), left, left + 1])
    return Call(VAULT, function, owner, (index, value))


def end(s: Scene) -> Call:
    """A position is unlocked."""
    owner, index, _ = _position(s)
    return Call(VAULT, "unlock", owner, (index, s.receiver(owner)))


def expire(s: Scene) -> Call:
    """Somebody expires what has ended."""
    found = [_position(s) for _ in range(s.chance.number(1, 3))]
    owners, indices = [owner for owner, _, _ in found], [index for _, index, _ in found]
    if s.seldom():
        indices.pop()
    return Call(VAULT, "expire", s.somebody(), (owners, indices))


def claim_rewards(s: Scene) -> Call:
    """A staker's rewards."""
    owner, _, _ = _position(s)
    currencies = [s.currency() for _ in range(s.chance.number(1, 3))]
    return Call(VAULT, "claim", owner, (currencies, s.receiver(owner)))


def delegate(s: Scene) -> Call:
    """Votes go to somebody."""
    return Call(VAULT, "delegate", s.somebody(), (s.chance.one([*s.accounts, NOBODY]),))


def _position(s: Scene) -> tuple[bytes, int, Position]:
    """A position and who asks for it: its owner, seldom somebody else."""
    known = list(s.model.state.vault.positions.items())
    if not known or s.seldom():
        return s.somebody(), s.chance.number(0, 1), Position()
    (owner, index), position = s.chance.one(known)
    return s.mostly(owner), index, position


def _duration(s: Scene) -> int:
    return s.chance.one(WRONG) if s.seldom() else s.chance.one(DURATIONS)


STAKERS: Final[tuple[Callable[[Scene], Call], ...]] = (
    lock, lock, change, change, end, expire, claim_rewards, claim_rewards, delegate,
)  # fmt: skip
