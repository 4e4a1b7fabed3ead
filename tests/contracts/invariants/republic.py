"""Everything deployed as on a live chain, and random play of voters, claimants, vesters and proposers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from eth_abi.abi import encode

from backend.chain.contract import call_data
from backend.chain.deploy_plan import COMPLETE, LIVE, DeploySettings, plan
from backend.chain.events import EventReader
from backend.core.units import Address, keccak
from tests.contracts.invariants.government import EVERYTHING
from tests.contracts.invariants.machine import Machine
from tests.contracts.invariants.remainder import Remainder
from tests.model.play import Chance
from tests.model.records import DAY, HOLD, HOUR, METERED, PASS
from tests.model.refusal import UINT256_MAX

ACTORS: Final = tuple(bytes([0x31 + number]) * 20 for number in range(5))
OPERATOR, GUARDIAN = bytes([0xA1]) * 20, bytes([0xA2]) * 20
EMP, PART, NOT_CLAIMED = 10**18, 1_000 * 10**18, 500 * 10**18
STEPS: Final = (1, 60, HOUR, HOUR, DAY, 2 * DAY, 6 * DAY)
PASS_PLAN, CREDITS = 1 << 20 | 4 | PASS, 1 << 20 | 1 << 4 | 4 | METERED
GOVERNOR, TIMELOCK = "EmporionGovernor", "EmporionTimelock"
ROLE_HOLDERS: Final = ACTORS[1:3]
HASH = b"\x11" * 32
ROLES: Final = tuple(keccak(name) for name in (b"PROPOSER_ROLE", b"CANCELLER_ROLE"))


class Act(NamedTuple):
    """A transaction."""

    caller: bytes
    contract: str
    function: str
    arguments: tuple[Any, ...]


class Proposal(NamedTuple):
    """What was proposed, as `queue` and `execute` ask for it."""

    proposer: bytes
    call: tuple[Any, ...]


class Republic:
    """The machine with everything on it, and what was proposed so far."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.contracts: dict[str, bytes] = {}
        self._deploy()
        self.reader = EventReader({at: name for name, at in self.contracts.items()})
        for actor in ACTORS:
            self._fund(actor)
        self._open_shop()
        self._begin = (len(self.machine.logs), self.machine.now, self.machine.evm.snapshot())
        self.begin()

    def begin(self) -> None:
        """Back to the start."""
        logs, self.machine.now, point = self._begin
        self.machine.evm.revert(point)
        self._begin = (logs, self.machine.now, self.machine.evm.snapshot())
        del self.machine.logs[logs:]
        self.proposals: list[Proposal] = []
        self.operations: list[tuple[Any, ...]] = []

    def act(self, act: Act) -> str | None:
        """Do it; the error it reverted with."""
        data = call_data(act.contract, act.function, *act.arguments)
        error = self.machine.send(act.caller, self.contracts[act.contract], data).error
        if error is None and act.function == "propose":
            *call, why = act.arguments
            self.proposals.append(Proposal(act.caller, (*call, keccak(why.encode()))))
        if error is None and act.function == "schedule":
            self.operations.append(act.arguments[:-1])
        return error

    def open_proposal(self, chance: Chance) -> Proposal | None:
        """One of the last that are neither decided against nor done."""
        found = [proposal for proposal in self.proposals[-6:] if self.state_of(proposal) in (0, 1, 4, 5)]
        return chance.one(found) if found else None

    def state_of(self, proposal: Proposal) -> int:
        """`ProposalState`."""
        return self.count(GOVERNOR, "state", number_of(proposal.call))

    def rebuilt(self) -> Remainder:
        """What the events say."""
        book = Remainder(self.contracts, EVERYTHING)
        decoded = [(self.reader.decode(log), header) for log, header in self.machine.logs]
        book.fold((event, header) for event, header in decoded if event is not None)
        return book

    def count(self, contract: str, view: str, *arguments: int) -> int:
        """A view that answers with a number."""
        data = call_data(contract, view, *arguments)
        return int.from_bytes(self.machine.view(self.contracts[contract], data), "big")

    def _deploy(self) -> None:
        values = {**LIVE, "root": root(), "airdropAmount": len(LEAVES) * PART + NOT_CLAIMED}
        settings = DeploySettings(
            operator=Address(OPERATOR), devnet=True, roles={"guardian": Address(GUARDIAN)}, values=values,
            contracts=COMPLETE,
        )  # fmt: skip
        for unit in plan(settings, Address(OPERATOR), 0, self.machine.now):
            arguments = unit.creation[len(unit.artifact.bytecode) // 2 - 1 :]
            self.contracts[unit.name] = self.machine.deploy(OPERATOR, unit.name, arguments)
            assert self.contracts[unit.name] == unit.address, unit.name

    def _fund(self, actor: bytes) -> None:
        self._must(Act(OPERATOR, "TestDollar", "mint", (actor, 10**12)))
        self._must(Act(OPERATOR, "EmporionToken", "transfer", (actor, 2_000_000 * EMP)))
        for spender in ("AccessToken", "ServiceRegistry", "StakingVault", "DisputeCourt"):
            for token in ("TestDollar", "EmporionToken"):
                self._must(Act(actor, token, "approve", (self.contracts[spender], UINT256_MAX)))

    def _open_shop(self) -> None:
        provider = ACTORS[0]
        self._must(Act(provider, "ServiceRegistry", "register", (0, provider, "", HASH, [], 1_000 * EMP)))
        for kind in (PASS, METERED):
            terms = (kind, True, kind != PASS, 0, 0, 500, 10**6, 0, 0, 0, 0, 0, 0, HASH, 1, 2, 3)
            self._must(Act(provider, "AccessToken", "createPlan", (1, terms)))
        for actor in ACTORS:
            self._must(Act(actor, "StakingVault", "lock", (400_000 * EMP, 365 * DAY)))
            self._must(Act(actor, "AccessToken", "buy", (PASS_PLAN, 1, actor, 10**6, UINT256_MAX, HOLD)))

    def _must(self, act: Act) -> None:
        error = self.act(act)
        assert error is None, (act, error)


def leaf(index: int, account: bytes) -> bytes:
    """A leaf of the airdrop's tree."""
    return keccak(keccak(encode(["uint256", "address", "uint256"], [index, account, PART])))


def _parent(left: bytes, right: bytes) -> bytes:
    return keccak(min(left, right) + max(left, right))


LEAVES: Final = [leaf(index, ACTORS[index]) for index in range(4)]


def root() -> bytes:
    """Of the four leaves."""
    return _parent(_parent(*LEAVES[:2]), _parent(*LEAVES[2:]))


def proof_of(index: int) -> list[bytes]:
    """Siblings of a leaf."""
    other = 2 - index // 2 * 2
    return [LEAVES[index ^ 1], _parent(*LEAVES[other : other + 2])]


# -------------------------------------------------------------------------------------------------- the acts


def _stake(r: Republic, c: Chance) -> Act:
    owner, index = c.one(ACTORS), c.number(0, 2)
    match c.number(0, 4):
        case 0:
            duration = c.one([7 * DAY, 30 * DAY, 365 * DAY])
            return Act(owner, "StakingVault", "lock", (c.number(EMP, 100_000 * EMP), duration))
        case 1:
            return Act(owner, "StakingVault", "unlock", (index, owner))
        case 2:
            return Act(owner, "StakingVault", "extend", (0, 365 * DAY))
        case 3:
            return Act(owner, "StakingVault", "expire", (list(ACTORS), [0] * len(ACTORS)))
    return Act(owner, "StakingVault", "delegate", (c.one([*ACTORS, bytes(20)]),))


def _use(r: Republic, c: Chance) -> Act:
    buyer, plan_id = c.one(ACTORS), c.one([PASS_PLAN, CREDITS])
    match c.number(0, 3):
        case 0:
            return Act(buyer, "AccessToken", "buy", (plan_id, 1, buyer, 10**6, UINT256_MAX, HOLD))
        case 1:
            return Act(buyer, "AccessToken", "consume", (CREDITS, 1))
        case 2:
            return Act(buyer, "ServiceReviews", "review", (plan_id, c.number(0, 5), HASH))
    match c.number(0, 2):
        case 0:
            paused = c.one([("AccessToken", "pauseSales"), ("ServiceRegistry", "pauseRegistrations")])
            return Act(c.one([GUARDIAN, GUARDIAN, buyer]), *paused, ())
        case 1:
            return Act(ACTORS[0], "ServiceRegistry", "approve", (c.one(ACTORS), 1))
    token = c.one(["AccessToken", "RevenueShares", "ServiceRegistry"])
    return Act(buyer, token, "setApprovalForAll", (c.one(ACTORS), c.one([True, False])))


def _dispute(r: Republic, c: Chance) -> Act:
    actor, number = c.one(ACTORS), max(1, r.count("DisputeCourt", "disputeCount") - c.number(0, 2))
    match c.number(0, 6):
        case 0:
            return Act(actor, "DisputeCourt", "open", (PASS_PLAN, c.number(0, 300) * EMP, HASH, ""))
        case 1:
            return Act(ACTORS[0], "DisputeCourt", "respond", (number, HASH, "answer"))
        case 2 | 3:
            return Act(actor, "DisputeCourt", "resolve", (number,))
    return Act(actor, "DisputeCourt", "vote", (number, c.one([True, True, False])))


def _receive(r: Republic, c: Chance) -> Act:
    index = c.number(0, 3)
    match c.number(0, 3):
        case 0:
            r.machine.now += 365 * DAY if c.number(0, 3) == 0 else 0
            return Act(c.one(ACTORS), "EmporionDistributor", "sweep", ())
        case 1:
            return Act(c.one(ACTORS), "EmporionDistributor", "release", (0,))
    gift = (index, ACTORS[index], PART, proof_of(index))
    return Act(c.one(ACTORS), "EmporionDistributor", "claim", gift)


def _govern(r: Republic, c: Chance) -> Act:
    actor, proposal = c.one(ACTORS), r.open_proposal(c)
    if proposal is None or c.number(0, 7) == 0:
        contract, function, arguments = _decision(r, c)
        call = ([r.contracts[contract]], [0], [call_data(contract, function, *arguments)])
        return Act(actor, GOVERNOR, "propose", (*call, f"at {r.machine.now}"))
    if c.number(0, 19) == 0:
        return Act(actor, GOVERNOR, c.one(["queue", "execute", "cancel"]), proposal.call)
    match r.state_of(proposal):
        case 0 if c.number(0, 4) == 0:
            return Act(proposal.proposer, GOVERNOR, "cancel", proposal.call)
        case 0:
            r.machine.now += r.count(GOVERNOR, "votingDelay") + 1
        case 1 if c.number(0, 5) == 0:
            r.machine.now += r.count(GOVERNOR, "votingPeriod") + 1
            return Act(actor, GOVERNOR, "queue", proposal.call)
        case 4:
            return Act(actor, GOVERNOR, "queue", proposal.call)
        case 5:
            r.machine.now += r.count(TIMELOCK, "getMinDelay") + 1
            return Act(actor, GOVERNOR, "execute", proposal.call)
    return Act(actor, GOVERNOR, "castVote", (number_of(proposal.call), c.one([1, 1, 1, 1, 1, 0, 2])))


def _administer(r: Republic, c: Chance) -> Act:
    """Whoever was given a role at the timelock uses it, and others try."""
    actor = c.one(ROLE_HOLDERS) if c.number(0, 4) else ACTORS[0]
    if not r.operations or c.number(0, 2) == 0:
        data = call_data(TIMELOCK, "updateDelay", c.number(1, 9) * DAY)
        salt = c.number(0, 10**9).to_bytes(32, "big")
        operation = (r.contracts[TIMELOCK], 0, data, bytes(32), salt)
        return Act(actor, TIMELOCK, "schedule", (*operation, 9 * DAY))
    operation = r.operations[-1]
    if c.number(0, 1):
        types = ["address", "uint256", "bytes", "bytes32", "bytes32"]
        return Act(actor, TIMELOCK, "cancel", (keccak(encode(types, operation)),))
    r.machine.now += 9 * DAY
    return Act(actor, TIMELOCK, "execute", operation)


def number_of(proposal: tuple[Any, ...]) -> int:
    """A proposal's number (`hashProposal`)."""
    types = ["address[]", "uint256[]", "bytes[]", "bytes32"]
    return int.from_bytes(keccak(encode(types, proposal)), "big")


def _decision(r: Republic, c: Chance) -> tuple[str, str, tuple[Any, ...]]:
    options: list[tuple[str, str, tuple[Any, ...]]] = [
        ("AccessToken", "setFeeBps", (c.number(0, 1_000),)),
        ("AccessToken", "setCurrencyOpen", (0, True)),
        ("ServiceRegistry", "setMinBond", (c.number(500, 2_000) * EMP,)),
        ("ServiceRegistry", "setUnbondCooldown", (c.number(45, 90) * DAY,)),
        ("UsageEscrow", "setWithdrawalDelay", (c.number(1, 7 * 24) * HOUR,)),
        ("RevenueShares", "setTreasury", (c.one(ACTORS),)),
        ("DisputeCourt", "setVotingPeriod", (c.number(2, 14) * DAY,)),
        ("DisputeCourt", "setQuorumBps", (c.number(200, 2_000),)),
        (GOVERNOR, "updateQuorumNumerator", (c.number(200, 2_000),)),
        (GOVERNOR, "setVotingDelay", (c.number(1, DAY),)),
        (GOVERNOR, "setVotingPeriod", (c.number(1, 5) * DAY,)),
        (GOVERNOR, "setProposalThreshold", (c.number(0, 10_000) * EMP,)),
        (TIMELOCK, "updateDelay", (c.number(0, 9) * DAY,)),
    ]
    role = (c.one(ROLES), c.one(ROLE_HOLDERS))
    roles = [(TIMELOCK, "grantRole", role), (TIMELOCK, "grantRole", role), (TIMELOCK, "revokeRole", role)]
    return c.one(options if c.number(0, 1) else roles)


ACTS: Final[tuple[Callable[[Republic, Chance], Act], ...]] = (
    _stake, _stake, _use, _dispute, _dispute, _receive, *(_govern,) * 6, _administer,
)  # fmt: skip


def played(r: Republic, chance: Chance, steps: int) -> Counter[tuple[str, str | None]]:
    """Play so many transactions from the start; outcomes by function and error."""
    r.begin()
    met: Counter[tuple[str, str | None]] = Counter()
    for _ in range(steps):
        if chance.number(0, 3) == 3:
            r.machine.now += chance.one(STEPS)
        r.machine.now += 1
        act = chance.one(ACTS)(r, chance)
        met[f"{act.contract}.{act.function}", r.act(act)] += 1
    return met


__all__: Sequence[str] = ("ACTORS", "Republic", "played")
