"""What providers, the court, governance and the guardian may do next."""

from collections.abc import Callable
from typing import Any, Final

from tests.model.play import Call, Scene
from tests.model.records import ACTIVE, DAY, HOUR, METERED, NOBODY, PASS, PAUSED, RETIRED, TIMED

EMP: Final = 10**18
REGISTRY, ACCESS = "ServiceRegistry", "AccessToken"


def register(s: Scene) -> Call:
    """A service with its bond, perhaps derived from others."""
    known = sorted(s.model.state.registry.services)
    upstreams = [(number, s.chance.number(1, 3_000)) for number in known if s.chance.one([True, False])]
    if s.seldom():
        upstreams = [(number, s.chance.number(0, 6_000)) for number in (1, 1, 2)][: s.chance.number(1, 3)]
    bond = s.chance.one([1_000 * EMP, 1_500 * EMP, 1_000 * EMP - 1, 2**96 if s.seldom() else 0])
    meter = s.chance.one([*s.accounts, NOBODY])
    arguments = (s.chance.number(0, 3), meter, f"ipfs://{bond}", bytes([7]) * 32, upstreams, bond)
    return Call(REGISTRY, "register", s.somebody(), arguments)


def set_status(s: Scene) -> Call:
    """Pause, go on, seldom retire."""
    number = s.service()
    status = RETIRED if s.seldom() else s.chance.one([ACTIVE, ACTIVE, ACTIVE, PAUSED])
    return Call(REGISTRY, "setStatus", s.owner_of(number), (number, status))


def set_meter(s: Scene) -> Call:
    """Another meter."""
    number = s.service()
    meter = s.chance.one([*s.accounts, NOBODY])
    return Call(REGISTRY, "setMeter", s.owner_of(number), (number, meter))


def set_metadata(s: Scene) -> Call:
    """Another document."""
    number = s.service()
    word = bytes([s.chance.number(0, 255)]) * 32
    return Call(REGISTRY, "setMetadata", s.owner_of(number), (number, f"ipfs://{word[0]}", word))


def hand_over(s: Scene) -> Call:
    """A service's token goes to somebody."""
    number = s.service()
    owner = s.owner_of(number)
    return Call(REGISTRY, "transferFrom", owner, (s.mostly(owner), s.receiver(s.somebody()), number))


def bond(s: Scene) -> Call:
    """Anybody adds to a bond."""
    return Call(REGISTRY, "bond", s.somebody(), (s.service(), s.amount(500 * EMP)))


def request_unbond(s: Scene) -> Call:
    """A provider asks for a part back."""
    number = s.service()
    service = s.model.state.registry.services.get(number)
    amount = s.chance.one([0, s.amount(service.bond if service else 1), EMP])
    return Call(REGISTRY, "requestUnbond", s.owner_of(number), (number, amount))


def unbond(s: Scene) -> Call:
    """And takes it."""
    number = s.service()
    owner = s.owner_of(number)
    return Call(REGISTRY, "unbond", owner, (number, s.receiver(owner)))


def sign_of_life(s: Scene) -> Call:
    """Flags, challenges, answers and their ends."""
    number = s.service()
    function = s.chance.one(["flagUnderbonded", "retire", "challenge", "answer"])
    caller = s.owner_of(number) if function == "answer" else s.somebody()
    return Call(REGISTRY, function, caller, (number,))


def court(s: Scene) -> Call:
    """The court slashes and counts disputes."""
    number = s.chance.one([1, *s.model.state.registry.services])
    judge = s.mostly(s.model.site.court)
    if number not in s.model.state.registry.services or s.chance.one([True, False]):
        return Call(REGISTRY, "slash", judge, (number, s.amount(50 * EMP), s.receiver(s.somebody())))
    return Call(REGISTRY, "countDispute", judge, (number, s.chance.one([True, False])))


def govern(s: Scene) -> Call:
    """A decision of governance."""
    caller, chance = s.mostly(s.model.site.governance), s.chance
    minimum = s.model.state.registry.min_bond
    decisions: list[tuple[str, str, tuple[Any, ...]]] = [
        (REGISTRY, "setMinBond", (chance.one([minimum // 2, minimum * 2, minimum * 2 + 1, minimum + 1, 0]),)),
        (REGISTRY, "setUnbondCooldown", (chance.one([45, 90, 44, 91]) * DAY,)),
        (ACCESS, "setFeeBps", (chance.one([0, 250, 999, 1_000, 1_001]),)),
        (ACCESS, "setCurrencyOpen", (s.currency(), not s.seldom())),
        (ACCESS, "addCurrency", (chance.one([*s.model.site.tokens, *s.model.site.currencies, NOBODY]),)),
        ("UsageEscrow", "setWithdrawalDelay", (chance.one([HOUR, DAY, 7 * DAY, HOUR - 1, 7 * DAY + 1]),)),
        ("RevenueShares", "setTreasury", (s.mostly(s.model.site.governance),)),
    ]
    contract, function, arguments = chance.one(decisions)
    return Call(contract, function, caller, arguments)


def pause(s: Scene) -> Call:
    """The guardian pauses, seldom."""
    guardian = s.model.site.guardian if s.seldom() else s.somebody()
    contract, function = s.chance.one([(REGISTRY, "pauseRegistrations"), (ACCESS, "pauseSales")])
    return Call(contract, function, guardian, ())


def create_plan(s: Scene) -> Call:
    """A plan of any kind."""
    number = s.service()
    return Call(ACCESS, "createPlan", s.owner_of(number), (number, terms(s)))


def terms(s: Scene) -> dict[str, Any]:
    """Terms that mostly hold; the order is the struct's."""
    chance, kind = s.chance, s.chance.one([PASS, TIMED, METERED, METERED])
    period = chance.one([HOUR, DAY, 30 * DAY, 3_650 * DAY]) if kind == TIMED else 0
    cap = chance.one([0, 0, 1, 10, 1_000, 2**63 - 2])
    start = s.model.now + chance.one([-DAY, -1, 0, HOUR, DAY])
    found = {
        "kind": kind, "transferable": chance.one([True, False]),
        "refundable": kind != PASS and chance.one([True, False]), "measure": chance.number(0, 3),
        "currency": s.currency(), "royaltyBps": chance.one([0, 500, 2_500]),
        "unitPrice": chance.one([0, 1, 3, 9_999, 10**6, 10**18]), "period": period, "supplyCap": cap,
        "accountCap": chance.one([0, 0, 1, 50]), "saleStart": start,
        "earlySeconds": chance.one([0, HOUR, 30 * DAY]), "earlyScore": chance.one([0, EMP, 400 * EMP]),
        "limitsHash": bytes([chance.number(0, 255)]) * 32, "perRequest": 1, "perUnitIn": 2, "perUnitOut": 3,
    }  # fmt: skip
    if s.seldom():
        found |= chance.one([
            {"period": HOUR - 1}, {"refundable": True}, {"royaltyBps": 2_501}, {"supplyCap": 2**63 - 1},
            {"accountCap": 2**63}, {"saleStart": 0, "earlySeconds": 1}, {"period": 3_650 * DAY + 1},
        ])  # fmt: skip
    return found


def set_sale_open(s: Scene) -> Call:
    """A sale closes or opens."""
    plan_id = s.plan()
    arguments = (plan_id, not s.seldom())
    return Call(ACCESS, "setSaleOpen", s.owner_of(plan_id >> 20), arguments)


PROVIDERS: Final[tuple[Callable[[Scene], Call], ...]] = (
    register, create_plan, create_plan, set_sale_open, set_status, set_meter, set_metadata, hand_over, bond,
    request_unbond, unbond, sign_of_life, court, govern, pause,
)  # fmt: skip
