"""The same actions on the model and on the real bytecode: outcome, events, money, views and laws compared."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final

from backend.chain.contract import call_data
from backend.chain.deploy_plan import LIVE, DeploySettings, plan
from backend.chain.events import DecodedEvent, EventReader
from backend.core.units import Address, Hash32, keccak
from backend.signing.eip712 import Domain
from backend.signing.keys import LocalKey
from backend.signing.permit import Order as SignedOrder
from tests.contracts.invariants.machine import Machine, Outcome, asked, unpacked
from tests.model.laws import Moment, broken_laws
from tests.model.opening import opening
from tests.model.order import Order
from tests.model.play import Call, signed_in
from tests.model.protocol import Model
from tests.model.records import Authorization, Entry, Event, Voucher
from tests.model.refusal import UINT256_MAX, Refused
from tests.model.site import Site
from tests.model.views import View, all_views

KEYS: Final = [LocalKey(keccak(f"actor {number}".encode())) for number in range(5)]
ACTORS: Final = tuple(bytes(key.address) for key in KEYS)
OPERATOR, GOVERNANCE, GUARDIAN, COURT = (bytes([0xA0 + number]) * 20 for number in range(4))
MONEY: Final = 10**22
EMP_EACH: Final = 20_000 * 10**18
EURO: Final = "Euro"
"""A second dollar, which joins the table when governance adds it."""
WATCHED: Final = frozenset(
    ("ServiceRegistry", "AccessToken", "UsageEscrow", "RevenueShares", "StakingVault", "TokenMarket")
)
SIGN_OF_MACHINE: Final = 1
"""pyrevm's chain id."""


class Mismatch(AssertionError):
    """Model and bytecode do not agree, or a law is broken."""


class World:
    """A model and a machine that have gone through the same."""

    def __init__(self, codes: Mapping[str, str] | None = None) -> None:
        """Deployed, five actors funded; `codes` replaces creation code by contract."""
        self.machine = Machine(codes)
        self._deploy()
        self.model = Model(self._site(), self.machine.now)
        self._fund()
        for call in opening(ACTORS, self.begun, self.contracts["AccessToken"]):
            if error := self.step(call):
                raise Mismatch(f"{call} of the opening: {error}")
        self._start = (pickle.dumps(self.model.state), len(self.machine.logs), self.machine.evm.snapshot())
        self.begin()

    def begin(self) -> None:
        """Back to the start."""
        state, logs, point = self._start
        self.machine.evm.revert(point)
        self._start = (state, logs, self.machine.evm.snapshot())
        del self.machine.logs[logs:]
        self.model.state = pickle.loads(state)
        self.model.now = self.machine.now = self.begun

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.machine.now += seconds
        self.model.now += seconds

    def step(self, call: Call) -> str | None:
        """One transaction on both; the error it reverted with. Raises Mismatch."""
        events, error = self._model(call)
        outcome = self._bytecode(call)
        if outcome.error != error:
            raise Mismatch(f"{call}: model {error!r}, bytecode {outcome.error!r} {outcome.detail}")
        if error is None:
            self._compare_events(call, events, outcome)
        self.compare()
        name = f"{call.contract}.{call.function}"
        before = pickle.loads(self.model.before)
        moment = Moment(call.caller, name, self.model.now, before, self.model, signed_in(call))
        if broken := broken_laws(moment):
            raise Mismatch(f"{call}: {broken}")
        return error

    def compare(self) -> None:
        """Every view and every balance against the model. Raises Mismatch."""
        views = [*all_views(self.model, ACTORS), *self._money()]
        questions = [self._question(view) for view in views]
        answer = self.machine.ask_packed(b"".join(questions))
        if answer != b"".join([expected(view[3]) for view in views]):
            self._show_difference(views, answer)

    def _show_difference(self, views: Sequence[View], answer: bytes) -> None:
        for view, found in zip(views, unpacked(answer), strict=True):
            if found is None or unworded(found) != list(view[3]):
                said = "nothing" if found is None else unworded(found)
                raise Mismatch(f"{view[:3]}: model {view[3]}, bytecode {said}")

    def _question(self, view: View) -> bytes:
        name, function, arguments, _ = view
        abi = "TestDollar" if name == EURO else name
        return question(self._address(name), function, arguments, abi)

    def _address(self, name: str) -> bytes:
        return self.contracts[name] if name != EURO else self.euro

    @cached_property
    def reader(self) -> EventReader:
        """Decodes the logs of this deployment."""
        return EventReader({a: n for n, a in self.contracts.items() if n in (*WATCHED, "EmporionToken")})

    def decoded(self, outcome: Outcome) -> list[DecodedEvent]:
        """The events of a transaction, EMP's approvals left out."""
        events = (self.reader.decode(log) for log in outcome.logs)
        return [event for event in events if event is not None and event.name != "Approval"]

    # ------------------------------------------------------------------------------------------- the two

    def _model(self, call: Call) -> tuple[list[Event], str | None]:
        try:
            return self.model.call(call.contract, call.function, call.caller, *call.arguments), None
        except Refused as refused:
            return [], refused.error

    def _bytecode(self, call: Call) -> Outcome:
        to = self.contracts[call.contract]
        return self.machine.send(call.caller, to, self.encoded(call))

    def _compare_events(self, call: Call, events: Sequence[Event], outcome: Outcome) -> None:
        found = [Event(event.contract, event.name, event.args) for event in self.decoded(outcome)]
        if found != list(events):
            differing = [pair for pair in zip(events, found, strict=False) if pair[0] != pair[1]]
            raise Mismatch(f"{call}: model {len(events)}, bytecode {len(found)} events: {differing[:1]}")

    def encoded(self, call: Call) -> bytes:
        """Call data; what the model holds as words is signed here."""
        arguments: tuple[Any, ...] = call.arguments
        if call.function == "settle":
            plan_id, entries = arguments
            arguments = (plan_id, [self._entry(entry) for entry in entries])
        if call.function == "buyWithAuthorization":
            arguments = self._authorized(*arguments)
        return call_data(call.contract, call.function, *arguments)

    def _entry(self, entry: Entry) -> tuple[bytes, int, bytes, bytes]:
        voucher = b"" if entry.voucher is None else self._signed(entry.voucher)
        return entry.payer, entry.cumulative, entry.root, voucher

    def _signed(self, voucher: Voucher) -> bytes:
        values = (voucher.payer, voucher.plan_id, voucher.covered)
        data = call_data("UsageEscrow", "voucherDigest", *values)
        digest = Hash32(self.machine.view(self.contracts["UsageEscrow"], data))
        return voucher.covered.to_bytes(32, "big") + key_of(voucher.signer).sign(digest)

    def _authorized(self, order: Order, authorization: Authorization) -> tuple[Any, ...]:
        said = SignedOrder(
            chain_id=SIGN_OF_MACHINE, access_token=Address(self.contracts["AccessToken"]),
            plan_id=order.plan_id, units=order.units, recipient=Address(order.recipient),
            then=order.then,  # type: ignore[arg-type]
            max_cost=order.max_cost, deadline=order.deadline,
            salt=Hash32(authorization.salt if authorization.matches else b"\xff" * 32),
        )  # fmt: skip
        found = self.model.state.access.plans.get(order.plan_id)
        currency = self.model.state.access.currencies[found.terms["currency"] if found else 0].token
        domain = Domain("Test Dollar", "1", SIGN_OF_MACHINE, Address(currency))
        digest = said.authorization(Address(order.payer)).digest(domain)
        signature = key_of(authorization.signer).sign(digest)
        return (
            order.payer, order.plan_id, order.units, order.recipient, order.max_cost, order.deadline,
            order.then, authorization.salt, signature,
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------- before

    def _deploy(self) -> None:
        roles = {
            "governance": GOVERNANCE, "treasury": GOVERNANCE, "guardian": GUARDIAN, "court": COURT,
            "distributor": OPERATOR,
        }  # fmt: skip
        settings = DeploySettings(
            operator=Address(OPERATOR), devnet=True, values=dict(LIVE),
            roles={role: Address(account) for role, account in roles.items()},
        )  # fmt: skip
        self.contracts: dict[str, bytes] = {}
        for unit in plan(settings, Address(OPERATOR), 0):
            arguments = unit.creation[len(unit.artifact.bytecode) // 2 - 1 :]
            address = self.machine.deploy(OPERATOR, unit.name, arguments)
            assert address == unit.address, unit.name
            self.contracts[unit.name] = address
        self.euro = self.machine.deploy(OPERATOR, "TestDollar")
        self.begun = self.machine.now

    def _site(self) -> Site:
        contracts = {name: at for name, at in self.contracts.items() if name != "TestDollar"}
        currencies = (self.contracts["TestDollar"], self.contracts["EmporionToken"])
        return Site(contracts, GOVERNANCE, GUARDIAN, COURT, currencies, (self.euro,))

    def _fund(self) -> None:
        emp, dollar = self.contracts["EmporionToken"], self.contracts["TestDollar"]
        self.model.money.mint(emp, OPERATOR, LIVE["distributorAmount"])
        self.model.money.mint(emp, GOVERNANCE, LIVE["treasuryAmount"])
        for actor in ACTORS:
            for token in (dollar, self.euro):
                self._must(OPERATOR, token, call_data("TestDollar", "mint", actor, MONEY))
                self.model.money.mint(token, actor, MONEY)
            self._must(OPERATOR, emp, call_data("EmporionToken", "transfer", actor, EMP_EACH))
            self.model.money.move(emp, OPERATOR, actor, EMP_EACH)
            self._allow(actor, (emp, dollar, self.euro))

    def _allow(self, actor: bytes, tokens: Sequence[bytes]) -> None:
        """Unlimited allowances; the escrow may take units, the market units and shares."""
        for token in tokens:
            for spender in ("AccessToken", "RevenueShares", "ServiceRegistry", "StakingVault", "TokenMarket"):
                data = call_data("TestDollar", "approve", self.contracts[spender], UINT256_MAX)
                self._must(actor, token, data)
        pairs = [
            ("AccessToken", "UsageEscrow"),
            ("AccessToken", "TokenMarket"),
            ("RevenueShares", "TokenMarket"),
        ]
        for owner, operator in pairs:
            data = call_data(owner, "setApprovalForAll", self.contracts[operator], True)
            self._must(actor, self.contracts[owner], data)
            self.model.state.approvals.add((owner, actor, self.contracts[operator]))

    def _must(self, caller: bytes, to: bytes, data: bytes) -> None:
        outcome = self.machine.send(caller, to, data)
        assert outcome.error is None, outcome

    def _money(self) -> Iterator[View]:
        everybody = [*ACTORS, *self.contracts.values(), GOVERNANCE]
        for name in ("TestDollar", EURO):
            token = self._address(name)
            for account in everybody:
                yield name, "balanceOf", (account,), (self.model.money.balance(token, account),)


@cache
def question(address: bytes, function: str, arguments: tuple[Any, ...], contract: str) -> bytes:
    """A view as the machine asks it."""
    return asked(address, call_data(contract, function, *arguments))


@cache
def key_of(account: bytes) -> LocalKey:
    """An actor's key; whoever is no actor signs with a key nobody knows."""
    return KEYS[ACTORS.index(account)] if account in ACTORS else LocalKey(keccak(account))


def expected(values: Sequence[int]) -> bytes:
    """An answer of these words, as the machine gives it."""
    return b"".join(
        [(32 * len(values)).to_bytes(32, "big"), *[value.to_bytes(32, "big") for value in values]]
    )


def unworded(answer: bytes) -> list[int]:
    """Words of an answer."""
    return [int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32)]
