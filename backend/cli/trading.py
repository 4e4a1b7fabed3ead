"""What a wallet does in the marketplace, each in as few transactions as it takes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from backend.chain.bindings import Contracts
from backend.chain.bindings.tokens import MultiToken
from backend.chain.client import Receipt
from backend.chain.contract import Transaction
from backend.chain.sender import Sender
from backend.cli.outcomes import EMP_DECIMALS, currency_of
from backend.cli.output import money
from backend.core.deployment import DeployedCurrency
from backend.core.errors import InsufficientFunds, Unprocessable
from backend.core.units import Address, BaseUnits, PlanId, PlanKind, Then, checksum, unpack_plan_id
from backend.signing.eip712 import Domain
from backend.signing.keys import Signer
from backend.signing.permit import Permit

PATIENCE_SECONDS: Final = 600
"""How long a signed purchase may wait to be mined, in the chain's time."""
EMP_LINE: Final = DeployedCurrency(-1, "", "EMP", "Emporion", EMP_DECIMALS)
"""EMP for messages: it need not be a currency of the table."""


Allowed = Callable[[bytes, bytes], Awaitable[bool]]
Approve = Callable[[bytes], Transaction]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase that was mined: base units paid of the currency with this index, and the receipt."""

    plan_id: PlanId
    units: int
    currency: int
    cost: BaseUnits
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Lot:
    """Units of one token at a price for one, in base units of the currency with this index."""

    token: MultiToken
    token_id: int
    units: int
    unit_price: BaseUnits
    currency: int


class Trader:
    """One wallet before the contracts. Every method sends, waits until mined, raises ChainError."""

    def __init__(self, contracts: Contracts, key: Signer, sender: Sender) -> None:
        self._contracts = contracts
        self._key = key
        self._sender = sender

    @property
    def address(self) -> Address:
        """The wallet's address."""
        return self._key.address

    @property
    def key(self) -> Signer:
        """The wallet's key, for what it signs beside transactions."""
        return self._key

    async def buy(self, plan_id: int, units: int, then: Then = Then.HOLD) -> Purchase:
        """Buy for this wallet in one transaction, with a signed permit; free units need none.

        Raises InsufficientFunds before anything is signed, ContractRevert with the contract's reason.
        """
        terms = await self._contracts.access.terms(plan_id)
        cost = terms.unit_price * units
        await self._require_balance(terms.currency, cost)
        deadline = await self._deadline()
        order = (plan_id, units, self.address, cost, deadline, then)
        access = self._contracts.access
        if cost:
            signature = await self._permit(terms.currency, access.address, cost, deadline)
            transaction = access.buy_with_permit(*order, signature)
        else:
            transaction = access.buy(*order)
        receipt = await self._sender.send(transaction)
        return Purchase(PlanId(plan_id), units, terms.currency, BaseUnits(cost), receipt)

    async def activate(self, plan_id: int, units: int) -> Receipt:
        """Turn Timed units into access of this wallet."""
        return await self._sender.send(self._contracts.access.activate(plan_id, units, self.address))

    async def deposit(self, plan_id: int, units: int) -> Receipt:
        """Move credits from the wallet to its tab."""
        access, escrow = self._contracts.access, self._contracts.escrow
        await self._let(access.approved_all, access.approve_all, escrow.address)
        return await self._sender.send(escrow.deposit(plan_id, units))

    async def request_withdrawal(self, plan_id: int) -> Receipt:
        """Ask for the credits of the tab; they give no access from now on."""
        return await self._sender.send(self._contracts.escrow.request_withdrawal(plan_id))

    async def withdraw(self, plan_id: int) -> Receipt:
        """Take the unsettled credits back into the wallet, once the delay is over."""
        return await self._sender.send(self._contracts.escrow.withdraw(plan_id, self.address))

    async def refund(self, plan_id: int, units: int) -> Receipt:
        """Burn unconsumed units for their price."""
        return await self._sender.send(self._contracts.access.refund(plan_id, units, self.address))

    async def offer(self, plan_id: int, units: int, unit_price: int, lifetime: int = 86_400) -> int:
        """Offer units of a plan in its own currency; the listing's id. Raises Unprocessable as `sell`."""
        access = self._contracts.access
        currency = (await access.terms(plan_id)).currency
        receipt = await self.sell(Lot(access, plan_id, units, BaseUnits(unit_price), currency), lifetime)
        return int(self._contracts.event(receipt, "Listed")["listingId"])

    async def sell(self, lot: Lot, lifetime: int = 86_400) -> Receipt:
        """Offer a lot on the market for seconds. Raises Unprocessable where the wallet holds less."""
        token, market = lot.token, self._contracts.market
        held = await token.balance(self.address, lot.token_id)
        if held < lot.units:
            raise Unprocessable(
                f"this wallet holds {held} of these, too few to offer {lot.units}; credits in a tab are "
                "taken back first (`emporion buyer withdraw`)"
            )
        await self._let(token.approved_all, token.approve_all, market.address)
        expiry = await self._now() + lifetime
        order = (token.address, lot.token_id, lot.units, lot.unit_price, lot.currency, expiry)
        return await self._sender.send(market.offer(*order))

    async def fill(self, listing_id: int, units: int) -> Receipt:
        """Buy from a listing. Raises Unprocessable, InsufficientFunds before anything is approved."""
        market = self._contracts.market
        listing = await market.listing(listing_id)
        cost = listing.unit_price * units
        if 0 < listing.units < units:
            raise Unprocessable(f"{listing.units} units are offered, not {units}; buy at most those")
        await self._require_balance(listing.currency, cost)
        currency = self._contracts.currency(listing.currency)
        if await currency.allowance(self.address, market.address) < cost:
            await self._sender.send(currency.approve(market.address, cost))
        return await self._sender.send(market.fill(listing_id, units, cost, await self._deadline()))

    async def currencies(self) -> list[int]:
        """Places in the table of currencies."""
        return list(range(len(await self._contracts.access.currencies())))

    async def claim_revenue(self, pairs: list[tuple[int, int]]) -> Receipt:
        """Take what this wallet's shares earned, for (service, currency) pairs."""
        return await self._sender.send(self._contracts.shares.claim(pairs, self.address))

    async def lock(self, amount: int, duration: int) -> Receipt:
        """Lock EMP (base units) for a score, for seconds."""
        await self._allow_emp(self._contracts.vault.address, amount)
        return await self._sender.send(self._contracts.vault.lock(amount, duration))

    async def increase(self, index: int, amount: int) -> Receipt:
        """Add EMP (base units) to a running position."""
        await self._allow_emp(self._contracts.vault.address, amount)
        return await self._sender.send(self._contracts.vault.increase(index, amount))

    async def bond(self, service_id: int, amount: int) -> Receipt:
        """Add EMP (base units) to a service's bond."""
        await self._allow_emp(self._contracts.registry.address, amount)
        return await self._sender.send(self._contracts.registry.bond(service_id, amount))

    async def claim_rewards(self, currencies: list[int]) -> Receipt:
        """Take the rewards of this wallet's score."""
        return await self._sender.send(self._contracts.vault.claim(currencies, self.address))

    async def send(self, transaction: Transaction) -> Receipt:
        """Send any other transaction of this wallet."""
        return await self._sender.send(transaction)

    async def _let(self, allowed: Allowed, approve: Approve, operator: bytes) -> None:
        if not await allowed(self.address, operator):
            await self._sender.send(approve(operator))

    async def _allow_emp(self, spender: bytes, amount: int) -> None:
        """Let a contract take EMP. Raises InsufficientFunds before anything is sent."""
        emp = self._contracts.emp
        self._require(EMP_LINE, amount, await emp.balance(self.address))
        if await emp.allowance(self.address, spender) < amount:
            await self._sender.send(emp.approve(spender, amount))

    async def _require_balance(self, currency: int, cost: int) -> None:
        held = await self._contracts.currency(currency).balance(self.address)
        self._require(currency_of(self._contracts.deployment.currencies, currency), cost, held)

    def _require(self, line: DeployedCurrency, cost: int, held: int) -> None:
        if held < cost:
            price, has = (money(amount, line.decimals, line.symbol) for amount in (cost, held))
            raise InsufficientFunds(
                f"this costs {price} and {checksum(self.address)} has {has}; "
                + how_to_fund(self._contracts, self.address)
            )

    async def _permit(self, currency: int, spender: bytes, value: int, deadline: int) -> bytes:
        token = self._contracts.currency(currency)
        name, version = await token.domain()
        domain = Domain(name, version, self._contracts.deployment.chain_id, Address(token.address))
        nonce = await token.permit_nonce(self.address)
        permit = Permit(self.address, Address(spender), value, nonce, deadline)
        return self._key.sign_data(permit.preimage(domain))

    async def _now(self) -> int:
        return await self._contracts.client.timestamp()

    async def _deadline(self) -> int:
        return await self._now() + PATIENCE_SECONDS


def how_to_fund(contracts: Contracts, wallet: Address) -> str:
    """What to do about an empty wallet."""
    if contracts.deployment.devnet:
        return f"`emporion devnet fund {checksum(wallet)}` gives it some"
    return "send it the rest first"


def then_of(plan_id: int) -> Then:
    """What a first purchase does with its units, so that it gives access at once."""
    kind = unpack_plan_id(plan_id).kind
    return {PlanKind.PASS: Then.HOLD, PlanKind.TIMED: Then.ACTIVATE, PlanKind.METERED: Then.DEPOSIT}[kind]
