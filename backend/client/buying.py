"""What a buyer does: find a service, buy it, put credits to use, give back what was not used."""

from typing import Any, Final

from backend.client.contracts import Contracts
from backend.client.models import Bought, Plan, Service
from backend.client.party import Party
from backend.core.units import Then

SMALL_DEPOSIT: Final = 100
"""Credits a tab is given at a time: what is deposited is what a meter can settle, the rest stays yours."""
_DEMANDS_VOUCHERS: Final = 1
_USE: Final = {"pass": Then.HOLD, "timed": Then.ACTIVATE, "metered": Then.DEPOSIT}


class Buying(Party):
    """Search, buy, deposit, activate, withdraw, refund."""

    async def search(
        self, words: str = "", *, kind: str | None = None, sort: str | None = None, limit: int = 50
    ) -> list[Service]:
        """Services on sale that match, with their plans; `sort` as `GET /v1/services` takes it (`price`,
        `uptime`, `first_token`, `speed`). Raises GatewayError.
        """
        found = await self._http.get("/v1/services", q=words, kind=kind, sort=sort, limit=limit)
        return [await self.service(int(entry["id"])) for entry in found["services"]]

    async def listing(self, **query: Any) -> dict[str, Any]:
        """A page of `GET /v1/services` as it is, with its `next`. Raises GatewayError."""
        page: dict[str, Any] = await self._http.get("/v1/services", **query)
        return page

    async def service(self, service_id: int) -> Service:
        """A service with its plans. Raises GatewayError (404)."""
        return Service.of(await self.described(service_id))

    async def described(self, service_id: int) -> dict[str, Any]:
        """A service as `GET /v1/services/{service_id}` tells it, metadata and measurements too."""
        told: dict[str, Any] = await self._http.get(f"/v1/services/{service_id}")
        return told

    async def account(self, address: str | None = None) -> dict[str, Any]:
        """Holdings, access, tabs, shares, positions and what is claimable; of the wallet by default."""
        account: dict[str, Any] = await self._http.get(f"/v1/accounts/{address or self.address}")
        return account

    async def buy(self, plan: Plan, units: int = 1, *, hold: bool = False, vouchers: bool = True) -> Bought:
        """Buy in one transaction with a signed permit. Timed units are activated, credits deposited, unless
        `hold`.

        The tab of a metered plan demands vouchers: its meter can settle only what this wallet signed for,
        which the clients of `openai()` do by themselves. It is given a hundred credits at a time
        (SMALL_DEPOSIT); more stay in the wallet until they are needed. With `vouchers=False` all is
        deposited and any program that has a key can spend it. An option of a tab can change only while it
        is empty.

        Raises InsufficientFunds before anything is signed, NodeRefused with the contract's reason.
        """
        contracts = await self._deployed()
        then = Then.HOLD if hold else _USE[plan.kind]
        apart = then is Then.DEPOSIT and vouchers and units > SMALL_DEPOSIT
        if then is Then.DEPOSIT and not apart:
            await self._choose(contracts, plan.id, vouchers)
        bought = await self._bought(contracts, plan, units, Then.HOLD if apart else then)
        if apart:
            await self.deposit(plan.id, SMALL_DEPOSIT)
        return bought

    async def deposit(self, plan: Plan | int, units: int, *, vouchers: bool = True) -> None:
        """Move credits from the wallet to its tab, where they can be spent; `vouchers` as for `buy`."""
        plan_id = plan.id if isinstance(plan, Plan) else plan
        contracts = await self._deployed()
        await self._choose(contracts, plan_id, vouchers)
        await self._allow_units(contracts["AccessToken"], contracts["UsageEscrow"].address)
        await self._send("UsageEscrow", "deposit", plan_id, units)

    async def deposit_more(self, plan_id: int, needed: int) -> int:
        """Deposit what is needed of the credits held, a small deposit at least; how many. 0 without any."""
        contracts = await self._deployed()
        held = int(await contracts["AccessToken"].read("balanceOf", self.address, plan_id))
        units = min(held, max(needed, SMALL_DEPOSIT))
        if units:
            await self.deposit(plan_id, units)
        return units

    async def activate(self, plan: Plan, units: int = 1) -> None:
        """Turn held timed units into access."""
        await self._send("AccessToken", "activate", plan.id, units, self.address)

    async def refund(self, plan: Plan, units: int) -> None:
        """Return unconsumed units for the price paid, where the plan is refundable."""
        await self._send("AccessToken", "refund", plan.id, units, self.address)

    async def request_withdrawal(self, plan: Plan) -> None:
        """Ask for deposited credits back; they give no access from now on."""
        await self._send("UsageEscrow", "requestWithdrawal", plan.id)

    async def cancel_withdrawal(self, plan: Plan) -> None:
        """Take the request back: the credits give access again."""
        await self._send("UsageEscrow", "cancelWithdrawal", plan.id)

    async def withdraw(self, plan: Plan) -> None:
        """Take unsettled credits back into the wallet, once the delay is over."""
        await self._send("UsageEscrow", "withdraw", plan.id, self.address)

    async def _choose(self, contracts: Contracts, plan_id: int, vouchers: bool) -> None:
        """Set whether the tab demands vouchers, where that is not so already and can change."""
        escrow = contracts["UsageEscrow"]
        tab = await escrow.read("tabOf", plan_id, self.address)
        demanded = bool(escrow.part("tabOf", tab, "flags") & _DEMANDS_VOUCHERS)
        if escrow.part("tabOf", tab, "balance") == 0 and demanded != vouchers:
            limit = escrow.part("tabOf", tab, "dailyLimit")
            await self._send("UsageEscrow", "setTabOptions", plan_id, vouchers, limit)

    async def _bought(self, contracts: Contracts, plan: Plan, units: int, then: Then) -> Bought:
        cost = plan.unit_price * units
        deadline = await self._deadline()
        order = (plan.id, units, self.address, cost, deadline, int(then))
        access = contracts["AccessToken"]
        if cost:
            parts = await self._permit(contracts.currency(plan.currency), access.address, cost, deadline)
            receipt = await self._send("AccessToken", "buyWithPermit", *order, *parts)
        else:
            receipt = await self._send("AccessToken", "buy", *order)
        return Bought(plan.id, units, cost, str(receipt["transactionHash"]), int(receipt["blockNumber"], 16))
