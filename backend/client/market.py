"""The marketplace from a program: find a service, buy it with a wallet, call it with the `openai` package.

::

    async with AsyncEmporion("http://127.0.0.1:8080", "http://127.0.0.1:8545", wallet) as market:
        service = (await market.search("smollm2"))[0]
        await market.buy(service.plan("metered"), units=100)
        async with await market.openai() as client:
            await client.chat.completions.create(model=service.model, messages=[...])
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from backend.client.contracts import Contracts
from backend.client.http import GatewayError, Http
from backend.client.models import Bought, Plan, Service
from backend.client.node import Node
from backend.client.sign_in import personal_digest, sign_in_message
from backend.client.verification import Evidence, Verdict, verify_receipt
from backend.client.voucher_book import VoucherBook
from backend.core.errors import InsufficientFunds, SettingsError
from backend.core.units import Address, Then, checksum, hex_of, to_address
from backend.signing.eip712 import Domain
from backend.signing.keys import LocalKey
from backend.signing.messages import receipt_domain
from backend.signing.permit import Permit

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PATIENCE_SECONDS: Final = 600
_USE: Final = {"pass": Then.HOLD, "timed": Then.ACTIVATE, "metered": Then.DEPOSIT}


class AsyncEmporion:
    """One gateway, one node, one wallet. Without a node and a wallet it can only look around."""

    def __init__(self, gateway: str, node: str = "", wallet: LocalKey | None = None) -> None:
        self._http = Http(gateway)
        self._node = Node(node) if node else None
        self._wallet = wallet
        self._contracts: Contracts | None = None
        self._api_key = ""
        self._vouchers: VoucherBook | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()
        if self._node is not None:
            await self._node.close()

    async def search(self, words: str = "", *, kind: str | None = None, limit: int = 50) -> list[Service]:
        """Services on sale that match, with their plans. Raises GatewayError."""
        found = await self._http.get("/v1/services", q=words, kind=kind, limit=limit)
        return [await self.service(int(entry["id"])) for entry in found["services"]]

    async def service(self, service_id: int) -> Service:
        """A service with its plans. Raises GatewayError (404)."""
        return Service.of(await self._http.get(f"/v1/services/{service_id}"))

    async def account(self, address: str | None = None) -> dict[str, Any]:
        """Holdings, access, tabs, shares, positions and what is claimable; of the wallet by default."""
        account: dict[str, Any] = await self._http.get(f"/v1/accounts/{address or self.address}")
        return account

    @property
    def address(self) -> str:
        """The wallet's address. Raises SettingsError without a wallet."""
        return checksum(self._key().address)

    async def buy(self, plan: Plan, units: int = 1, *, hold: bool = False) -> Bought:
        """Buy in one transaction with a signed permit. Timed units are activated, credits deposited, unless
        `hold`.

        Raises InsufficientFunds before anything is signed, NodeRefused with the contract's reason.
        """
        contracts, key = await self._ready()
        cost = plan.unit_price * units
        deadline = await self._chain().now() + PATIENCE_SECONDS
        then = Then.HOLD if hold else _USE[plan.kind]
        order = (plan.id, units, self.address, cost, deadline, int(then))
        access = contracts["AccessToken"]
        if cost:
            signature = await self._permit(plan.currency, cost, deadline)
            parts = (signature[64], signature[:32], signature[32:64])
            receipt = await access.send(key, "buyWithPermit", *order, *parts)
        else:
            receipt = await access.send(key, "buy", *order)
        return Bought(plan.id, units, cost, str(receipt["transactionHash"]), int(receipt["blockNumber"], 16))

    async def activate(self, plan: Plan, units: int = 1) -> None:
        """Turn held timed units into access."""
        contracts, key = await self._ready()
        await contracts["AccessToken"].send(key, "activate", plan.id, units, self.address)

    async def refund(self, plan: Plan, units: int) -> None:
        """Return unconsumed units for the price paid, where the plan is refundable."""
        contracts, key = await self._ready()
        await contracts["AccessToken"].send(key, "refund", plan.id, units, self.address)

    async def request_withdrawal(self, plan: Plan) -> None:
        """Ask for deposited credits back; they give no access from now on."""
        contracts, key = await self._ready()
        await contracts["UsageEscrow"].send(key, "requestWithdrawal", plan.id)

    async def withdraw(self, plan: Plan) -> None:
        """Take unsettled credits back into the wallet, once the delay is over."""
        contracts, key = await self._ready()
        await contracts["UsageEscrow"].send(key, "withdraw", plan.id, self.address)

    async def sign_in(self) -> None:
        """Sign in with Ethereum; later calls carry the session."""
        key = self._key()
        nonce = await self._http.get("/v1/auth/nonce")
        message = sign_in_message(nonce, checksum(key.address))
        signed = {"message": message, "signature": hex_of(key.sign(personal_digest(message)))}
        self._http.token = str((await self._http.post("/v1/auth/siwe", signed))["token"])

    async def make_key(self, name: str = "", **limits: Any) -> str:
        """A new API key of the wallet (signs in first where needed). Shown this once."""
        if not self._http.token:
            await self.sign_in()
        self._api_key = str((await self._http.post("/v1/keys", {"name": name, **limits}))["key"])
        return self._api_key

    async def openai(self, api_key: str = "") -> "AsyncOpenAI":
        """The `openai` package pointed at the gateway, with a key made where none is given. Close it."""
        try:
            from openai import AsyncOpenAI
        except ImportError as error:
            raise SettingsError("the openai package is not installed: pip install openai") from error
        key = api_key or self._api_key or await self.make_key("openai client")
        from backend.client.vouchers import renewing_client

        sending = renewing_client(self.voucher)
        return AsyncOpenAI(base_url=f"{self._http.base_url}/v1", api_key=key, http_client=sending)

    async def voucher(self, plan_id: int, needed: int = 0) -> dict[str, Any]:
        """Sign and hand in a voucher for a tab that demands them, for `needed` credits in all and a few more;
        how the tab stands then. The `openai` client of `openai()` does it by itself.

        Raises MalformedRequest where that adds more than a step may (`LARGEST_STEP`).
        """
        contracts, key = await self._ready()
        if not self._http.token:
            await self.sign_in()
        if self._vouchers is None:
            self._vouchers = VoucherBook(key, contracts.chain_id, contracts.escrow)
        if not self._vouchers.knows(plan_id):
            for line in (await self.account())["plans"]:
                self._vouchers.accounted(int(line["plan_id"]), int(line["settled"]))
        units, signature = self._vouchers.sign(plan_id, needed)
        said = {"cumulative_units": str(units), "signature": hex_of(signature)}
        standing: dict[str, Any] = await self._http.put(f"/v1/vouchers/{plan_id}", said)
        return standing

    async def receipt(self, request_id: str) -> dict[str, Any]:
        """The signed receipt of a request of this wallet."""
        receipt: dict[str, Any] = await self._http.get(f"/v1/receipts/{request_id}")
        return receipt

    async def verify_receipt(
        self, request_id: str, request: bytes | None = None, answer: bytes | None = None
    ) -> list[Verdict]:
        """Check a receipt against the chain and against the bytes of request and answer, where given."""
        receipt = await self.receipt(request_id)
        contracts = await self._deployed()
        service = await self.service(int(receipt["service_id"]))
        record = await contracts["ServiceRegistry"].read("serviceOf", service.id)
        evidence = Evidence(
            domain=receipt_domain(contracts.chain_id, contracts.escrow),
            meter=to_address(contracts["ServiceRegistry"].part("serviceOf", record, "meter")),
            request=request,
            response=answer,
            proof=await self._proof(request_id),
            card=next((plan.card for plan in service.plans if plan.id == receipt["plan_id"]), None),
        )
        return verify_receipt(receipt, evidence)

    async def claim_revenue(self, service_id: int) -> None:
        """Take what the wallet's shares of a service earned, in every currency."""
        contracts, key = await self._ready()
        indices = [int(line["index"]) for line in contracts.currencies]
        await contracts["RevenueShares"].send(
            key, "claim", [service_id] * len(indices), indices, self.address
        )

    async def stake(self, amount: int, seconds: int) -> None:
        """Lock EMP base units for a score."""
        contracts, key = await self._ready()
        vault = contracts["StakingVault"].address
        await contracts["EmporionToken"].send(key, "approve", vault, amount)
        await contracts["StakingVault"].send(key, "lock", amount, seconds)

    async def claim_rewards(self) -> None:
        """Take the staking rewards of every currency."""
        contracts, key = await self._ready()
        indices = [int(line["index"]) for line in contracts.currencies]
        await contracts["StakingVault"].send(key, "claim", indices, self.address)

    async def _proof(self, request_id: str) -> dict[str, Any] | None:
        """The Merkle proof of a receipt; None before a settlement covers it."""
        try:
            proof: dict[str, Any] = await self._http.get(f"/v1/receipts/{request_id}/proof")
        except GatewayError as error:
            if error.answer_status == 404:
                return None
            raise
        return proof

    async def _permit(self, currency: int, value: int, deadline: int) -> bytes:
        contracts, key = await self._ready()
        token = contracts.currency(currency)
        held = await token.read("balanceOf", self.address)
        if held < value:
            raise InsufficientFunds(f"it costs {value} base units, the wallet has {held}; fund it first")
        _, name, version, *_ = await token.read("eip712Domain")
        nonce = await token.read("nonces", self.address)
        spender = to_address(contracts["AccessToken"].address)
        permit = Permit(key.address, spender, value, nonce, deadline)
        domain = Domain(name, version, contracts.chain_id, Address(to_address(token.address)))
        return key.sign(permit.digest(domain))

    def _key(self) -> LocalKey:
        if self._wallet is None:
            raise SettingsError("this needs a wallet: AsyncEmporion(gateway, node, wallet)")
        return self._wallet

    def _chain(self) -> Node:
        if self._node is None:
            raise SettingsError("this needs a node: AsyncEmporion(gateway, node, wallet)")
        return self._node

    async def _deployed(self) -> Contracts:
        if self._contracts is None:
            facts = await self._http.get("/v1/deployment")
            self._contracts = Contracts(self._chain(), facts["chains"][0])
        return self._contracts

    async def _ready(self) -> tuple[Contracts, LocalKey]:
        return await self._deployed(), self._key()
