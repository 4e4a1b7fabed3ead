"""The whole set of contracts on one chain, deployed as production deploys it, with its actors.

Roles: operator (deploys, holds EMP), governance, guardian, court, provider, buyer, stranger, meter, staker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.contract.contract import Contract

from backend.chain.deploy_plan import LIVE, DeploySettings, plan
from backend.core.units import Address
from tests.contracts.stage import MAX_UINT256, ZERO, Stage

HOUR, DAY = 3_600, 86_400
USD, EMP = 10**6, 10**18
USD_INDEX, EMP_INDEX, HOSTILE_INDEX = 0, 1, 2
MIN_BOND = 1_000 * EMP
PASS, TIMED, METERED = 0, 1, 2
HOLD, ACTIVATE, DEPOSIT = 0, 1, 2
ACTIVE, PAUSED, RETIRED = 0, 1, 2
SHARES = 1_000_000
HASH = b"\x11" * 32
URI = "https://example.org/service.json"
TERMS: dict[str, Any] = {
    "kind": METERED, "transferable": True, "refundable": True, "measure": 0, "currency": USD_INDEX,
    "royaltyBps": 500, "unitPrice": USD, "period": 0, "supplyCap": 0, "accountCap": 0, "saleStart": 0,
    "earlySeconds": 0, "earlyScore": 0, "limitsHash": HASH, "perRequest": 1, "perUnitIn": 2, "perUnitOut": 3,
}  # fmt: skip
KINDS: dict[int, dict[str, Any]] = {
    PASS: {"kind": PASS, "refundable": False},
    TIMED: {"kind": TIMED, "period": DAY},
    METERED: {"kind": METERED},
}


@dataclass(frozen=True)
class Protocol:
    """Contracts and actors; the first service is registered and bonded, and sells one plan of each kind."""

    stage: Stage
    usd: Contract
    emp: Contract
    shares: Contract
    registry: Contract
    access: Contract
    escrow: Contract
    vault: Contract
    market: Contract
    operator: str
    governance: str
    guardian: str
    court: str
    provider: str
    buyer: str
    stranger: str
    meter: str
    staker: str

    def send(self, contract: Contract, function: str, *arguments: Any, sender: str) -> dict[str, Any]:
        """Mines a call of a function that is not overloaded."""
        return self.stage.send(contract.functions[function](*arguments), sender)

    def read(self, contract: Contract, function: str, *arguments: Any) -> Any:
        """What a view answers."""
        return contract.functions[function](*arguments).call()

    def register(self, *, sender: str | None = None, **changes: Any) -> int:
        """Registers a bonded service; gives its id."""
        values = {
            "kind": 0, "meter": self.meter, "uri": URI, "contentHash": HASH, "upstreams": [],
            "bond": MIN_BOND,
        }  # fmt: skip
        call = self.registry.functions.register(*{**values, **changes}.values())
        self.stage.send(call, sender or self.provider)
        return int(self.read(self.registry, "serviceCount"))

    def create_plan(
        self, kind: int = METERED, *, service: int = 1, sender: str | None = None, **terms: Any
    ) -> int:
        """Creates a plan; gives its id."""
        values = {**TERMS, **KINDS[kind], **terms}
        receipt = self.send(
            self.access, "createPlan", service, tuple(values.values()), sender=sender or self.provider
        )
        return int(self.only(receipt, self.access, "PlanCreated")["planId"])

    def buy(self, plan_id: int, units: int = 1, **changes: Any) -> dict[str, Any]:
        """Buys with the buyer's allowance."""
        sender = changes.pop("sender", self.buyer)
        values = {
            "planId": plan_id, "units": units, "recipient": sender, "maxCost": MAX_UINT256,
            "deadline": MAX_UINT256, "then": HOLD,
        }  # fmt: skip
        return self.send(self.access, "buy", *{**values, **changes}.values(), sender=sender)

    def deposit(self, plan_id: int, units: int, sender: str | None = None) -> dict[str, Any]:
        """Buys credits straight onto the tab."""
        return self.buy(plan_id, units, then=DEPOSIT, sender=sender or self.buyer)

    def settle(self, plan_id: int, *entries: tuple[Any, ...], sender: str | None = None) -> dict[str, Any]:
        """Settles lines of (payer, cumulative units[, voucher])."""
        lines = [(e[0], e[1], HASH, e[2] if len(e) > 2 else b"") for e in entries]
        return self.send(self.escrow, "settle", plan_id, lines, sender=sender or self.meter)

    def fund(self, account: str, token: Contract | None = None, amount: int = 10**12) -> None:
        """Gives money and unlimited allowances to all that take it."""
        token = token or self.usd
        if token.address == self.emp.address:
            self.send(token, "transfer", account, amount, sender=self.operator)
        else:
            self.send(token, "mint", account, amount, sender=self.operator)
        for spender in (self.access, self.shares, self.registry, self.vault, self.market):
            self.send(token, "approve", spender.address, MAX_UINT256, sender=account)

    def money(self, account: str | Contract, token: Contract | None = None) -> int:
        """Base units an account holds."""
        address = account if isinstance(account, str) else account.address
        return int(self.read(token or self.usd, "balanceOf", address))

    def units(self, account: str | Contract, plan_id: int) -> int:
        """Units of a plan an account holds."""
        address = account if isinstance(account, str) else account.address
        return int(self.read(self.access, "balanceOf", address, plan_id))

    def supply(self, plan_id: int) -> int:
        """Units of a plan that exist."""
        return int(self.read(self.access, "planState", plan_id)[0])

    def events(self, receipt: dict[str, Any], contract: Contract, name: str) -> list[dict[str, Any]]:
        """Arguments of a contract's events of one name."""
        return self.stage.events(receipt, contract, name)

    def only(self, receipt: dict[str, Any], contract: Contract, name: str) -> dict[str, Any]:
        """The one event of a name."""
        found = self.events(receipt, contract, name)
        assert len(found) == 1, f"{len(found)} events {name}"
        return found[0]

    def service(self, service_id: int = 1) -> dict[str, Any]:
        """The registry's record of a service, by field."""
        entry = next(e for e in self.registry.abi if e.get("name") == "serviceOf")
        names = [c["name"] for c in entry["outputs"][0]["components"]]  # type: ignore[typeddict-item]
        return dict(zip(names, self.read(self.registry, "serviceOf", service_id), strict=True))

    def tab(self, plan_id: int, payer: str | None = None) -> dict[str, int]:
        """A tab, by field."""
        names = ("balance", "settled", "withdrawAt", "flags", "dailyLimit", "spent", "day")
        return dict(zip(names, self.read(self.escrow, "tabOf", plan_id, payer or self.buyer), strict=True))


def deploy(stage: Stage) -> Protocol:
    """Deploys everything at predicted addresses and makes the first service."""
    accounts = [stage.account(number) for number in range(9)]
    operator, governance, guardian, court = accounts[:4]
    found = _deploy_all(stage, accounts)
    protocol = Protocol(
        stage, found["TestDollar"], found["EmporionToken"], found["RevenueShares"], found["ServiceRegistry"],
        found["AccessToken"], found["UsageEscrow"], found["StakingVault"], found["TokenMarket"],
        operator, governance, guardian, court, *accounts[4:],
    )  # fmt: skip
    for account in accounts[4:]:
        protocol.fund(account)
        protocol.fund(account, protocol.emp, 100_000 * EMP)
    protocol.register()
    return protocol


def _deploy_all(stage: Stage, accounts: list[str]) -> dict[str, Contract]:
    operator, governance, guardian, court = (Address(Web3.to_bytes(hexstr=a)) for a in accounts[:4])  # type: ignore[arg-type]
    roles = {
        "governance": governance, "treasury": governance, "guardian": guardian, "court": court,
        "distributor": operator,
    }  # fmt: skip
    settings = DeploySettings(operator=operator, devnet=True, roles=roles, values=dict(LIVE))
    nonce = stage.web3.eth.get_transaction_count(accounts[0])  # type: ignore[arg-type]
    found = {}
    for unit in plan(settings, operator, nonce):
        transaction = {"from": accounts[0], "data": unit.creation, "gas": 15_000_000}
        receipt = stage.web3.eth.get_transaction_receipt(stage.web3.eth.send_transaction(transaction))  # type: ignore[arg-type]
        assert receipt["status"] == 1, f"{unit.name} cannot be deployed"
        contract = stage.at(unit.name, str(receipt["contractAddress"]))
        assert Web3.to_bytes(hexstr=contract.address) == bytes(unit.address), unit.name
        found[unit.name] = contract
    return found


def add_hostile(protocol: Protocol) -> Contract:
    """A currency that turns on its users, in the table at `HOSTILE_INDEX`."""
    token = protocol.stage.deploy("HostileCurrency")
    protocol.send(protocol.access, "addCurrency", token.address, sender=protocol.governance)
    for account in (protocol.buyer, protocol.provider, protocol.stranger):
        protocol.fund(account, token)
    return token


__all__ = ["ZERO", "Protocol", "add_hostile", "deploy"]
