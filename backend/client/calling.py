"""What makes calls: keys, the `openai` package pointed at the gateway, vouchers, receipts."""

from typing import TYPE_CHECKING, Any

from backend.client.buying import Buying
from backend.client.cures import Cure
from backend.client.http import GatewayError
from backend.client.verification import Evidence, Verdict, verify_receipt
from backend.client.voucher_book import VoucherBook
from backend.core.errors import SettingsError
from backend.core.units import MICRO, Hash32, hex_of, to_address
from backend.signing.messages import receipt_domain

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class Calling(Buying):
    """Keys, calls, vouchers, receipts."""

    _api_key = ""
    _vouchers: VoucherBook | None = None

    async def make_key(self, name: str = "", **limits: Any) -> str:
        """A new API key of the wallet (signs in first where needed). Shown this once."""
        await self._signed_in()
        self._api_key = str((await self._http.post("/v1/keys", {"name": name, **limits}))["key"])
        return self._api_key

    async def ask(self, path: str, body: dict[str, Any], api_key: str = "") -> Any:
        """POST JSON to a metered route, such as `/v1/services/7/invoke`, as `openai()` calls its own: what a
        402 asks of this wallet is done, and the request sent again.
        """
        from backend.client.vouchers import curing_client

        key = api_key or self._api_key or await self.make_key("client")
        async with curing_client(self.cure) as http:
            answer = await http.post(self._http.base_url + path, json=body, headers=_bearer(key))
        return self._http.read(answer.status_code, answer.content)

    async def openai(self, api_key: str = "", *, deposits: bool = True) -> "AsyncOpenAI":
        """The `openai` package pointed at the gateway, with a key made where none is given. Close it.

        It signs vouchers and, unless `deposits` is false, deposits held credits by itself, as a 402 asks.
        """
        try:
            from openai import AsyncOpenAI
        except ImportError as error:
            raise SettingsError("the openai package is not installed: pip install openai") from error
        from backend.client.vouchers import curing_client

        key = api_key or self._api_key or await self.make_key("openai client")
        sending = curing_client(self.cure if deposits else self._cure_without_deposit)
        return AsyncOpenAI(base_url=f"{self._http.base_url}/v1", api_key=key, http_client=sending)

    async def cure(self, cure: Cure) -> bool:
        """Do what a 402 asks; whether there was something to do. Raises MalformedRequest for a voucher that
        adds more than a step may (`LARGEST_STEP`).
        """
        if cure.kind == "voucher":
            await self.voucher(cure.plan_id, cure.units)
            return True
        return bool(await self.deposit_more(cure.plan_id, cure.units))

    async def _cure_without_deposit(self, cure: Cure) -> bool:
        return cure.kind == "voucher" and await self.cure(cure)

    async def voucher(self, plan_id: int, needed: int = 0) -> dict[str, Any]:
        """Sign and hand in a voucher for a tab that demands them, for `needed` credits in all and a few more;
        how the tab stands then. The `openai` client of `openai()` does it by itself.

        Raises MalformedRequest where that adds more than a step may (`LARGEST_STEP`).
        """
        contracts, key = await self._ready()
        await self._signed_in()
        if self._vouchers is None:
            self._vouchers = VoucherBook(key, contracts.chain_id, contracts.escrow)
        if not self._vouchers.knows(plan_id):
            self._vouchers.accounted(plan_id, 0)
            for line in (await self.account())["plans"]:
                self._vouchers.accounted(int(line["plan_id"]), int(line["settled"]))
        units, signature = self._vouchers.sign(plan_id, needed)
        said = {"cumulative_units": str(units), "signature": hex_of(signature)}
        standing: dict[str, Any] = await self._http.put(f"/v1/vouchers/{plan_id}", said)
        return standing

    async def credits(self, plan_id: int) -> int:
        """Whole credits the gateway would serve from the wallet's tab now, rounded down."""
        await self._signed_in()
        left = await self._http.get(f"/v1/credits/{plan_id}")
        return int(left["available_micro_credits"]) // MICRO

    async def add_webhook(self, url: str, **wanted: Any) -> tuple[str, str]:
        """Have events sent to a URL; its id and the secret that signs them, shown this once. `wanted` as
        `POST /v1/webhooks` takes it. `check_webhook` receives them.
        """
        await self._signed_in()
        made = await self._http.post("/v1/webhooks", {"url": url, **wanted})
        return str(made["id"]), str(made["secret"])

    async def receipt(self, request_id: str) -> dict[str, Any]:
        """The signed receipt of a request of this wallet."""
        await self._signed_in()
        receipt: dict[str, Any] = await self._http.get(f"/v1/receipts/{request_id}")
        return receipt

    async def verify_receipt(
        self, request_id: str, request: bytes | None = None, answer: bytes | None = None
    ) -> list[Verdict]:
        """Check a receipt against the chain and against the bytes of request and answer, where given.

        Meter, rate card and settled roots are read from the node, so the gateway is not believed in them.
        """
        receipt = await self.receipt(request_id)
        contracts = await self._deployed()
        record = await contracts["ServiceRegistry"].read("serviceOf", int(receipt["service_id"]))
        proof = await self._proof(request_id)
        evidence = Evidence(
            domain=receipt_domain(contracts.chain_id, contracts.escrow),
            meter=to_address(contracts["ServiceRegistry"].part("serviceOf", record, "meter")),
            request=request,
            response=answer,
            proof=proof,
            roots=None if proof is None else await self._roots(receipt),
            card=await contracts.rate_card(int(receipt["plan_id"])),
        )
        return verify_receipt(receipt, evidence)

    async def _roots(self, receipt: dict[str, Any]) -> set[Hash32]:
        """Roots of the payer's settlements in the plan, from the node's logs."""
        contracts = await self._deployed()
        wanted = {"planId": int(receipt["plan_id"]), "payer": receipt["payer"]}
        events = await contracts["UsageEscrow"].events("Settled", contracts.start_block, **wanted)
        return {Hash32(event["receiptsRoot"]) for event in events}

    async def _proof(self, request_id: str) -> dict[str, Any] | None:
        """The Merkle proof of a receipt; None before a settlement covers it."""
        try:
            proof: dict[str, Any] = await self._http.get(f"/v1/receipts/{request_id}/proof")
        except GatewayError as error:
            if error.answer_status == 404:
                return None
            raise
        return proof


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
