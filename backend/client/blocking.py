"""The same client without `await`: its own event loop in a thread, one for all calls."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from backend.client.cures import Cure
from backend.client.market import AsyncEmporion
from backend.client.models import Bought, Offer, Plan, Service
from backend.client.offering import NewPlan, NewService
from backend.client.reselling import DAY
from backend.client.verification import Verdict
from backend.core.errors import SettingsError
from backend.signing.keys import Signer

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")


class Emporion:
    """As `AsyncEmporion`, blocking: the methods are its, word for word. Use it in a `with` block."""

    def __init__(self, gateway: str, node: str = "", wallet: Signer | None = None) -> None:
        self._gateway = gateway.rstrip("/")
        self._loop = asyncio.new_event_loop()
        # A daemon: a program that ends without closing, by an exception maybe, must end.
        self._thread = Thread(target=self._loop.run_forever, name="emporion", daemon=True)
        self._thread.start()
        self._client = AsyncEmporion(gateway, node, wallet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and end the thread. Twice does nothing more."""
        if self._loop.is_closed():
            return
        self.wait(lambda m: m.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait(self, work: Callable[[AsyncEmporion], Coroutine[Any, Any, T]]) -> T:
        """Anything of the async client: `market.wait(lambda m: m.score())`."""
        return asyncio.run_coroutine_threadsafe(work(self._client), self._loop).result()

    @property
    def address(self) -> str:
        """The wallet's address. Raises SettingsError without a wallet."""
        return self._client.address

    def search(
        self, words: str = "", *, kind: str | None = None, sort: str | None = None, limit: int = 50
    ) -> list[Service]:
        """Services on sale that match."""
        return self.wait(lambda m: m.search(words, kind=kind, sort=sort, limit=limit))

    def service(self, service_id: int) -> Service:
        """A service with its plans."""
        return self.wait(lambda m: m.service(service_id))

    def account(self, address: str | None = None) -> dict[str, Any]:
        """What an account has; the wallet's by default."""
        return self.wait(lambda m: m.account(address))

    def buy(self, plan: Plan, units: int = 1, *, hold: bool = False, vouchers: bool = True) -> Bought:
        """Buy in one transaction."""
        return self.wait(lambda m: m.buy(plan, units, hold=hold, vouchers=vouchers))

    def deposit(self, plan: Plan | int, units: int, *, vouchers: bool = True) -> None:
        """Move credits from the wallet to its tab."""
        self.wait(lambda m: m.deposit(plan, units, vouchers=vouchers))

    def activate(self, plan: Plan, units: int = 1) -> None:
        """Turn held timed units into access."""
        self.wait(lambda m: m.activate(plan, units))

    def refund(self, plan: Plan, units: int) -> None:
        """Return unconsumed units for the price paid."""
        self.wait(lambda m: m.refund(plan, units))

    def request_withdrawal(self, plan: Plan) -> None:
        """Ask for deposited credits back."""
        self.wait(lambda m: m.request_withdrawal(plan))

    def cancel_withdrawal(self, plan: Plan) -> None:
        """Take the request back."""
        self.wait(lambda m: m.cancel_withdrawal(plan))

    def withdraw(self, plan: Plan) -> None:
        """Take unsettled credits back into the wallet, once the delay is over."""
        self.wait(lambda m: m.withdraw(plan))

    def make_key(self, name: str = "", **limits: Any) -> str:
        """A new API key of the wallet."""
        return self.wait(lambda m: m.make_key(name, **limits))

    def ask(self, path: str, body: dict[str, Any], api_key: str = "") -> Any:
        """POST JSON to a metered route."""
        return self.wait(lambda m: m.ask(path, body, api_key))

    def openai(self, api_key: str = "") -> "OpenAI":
        """The blocking `openai` client, pointed at the gateway; it cures a 402 as the async one does."""
        try:
            from openai import OpenAI
        except ImportError as error:
            raise SettingsError("the openai package is not installed: pip install openai") from error
        from backend.client.vouchers import blocking_curing_client

        key = api_key or self.make_key("openai client")
        return OpenAI(
            base_url=f"{self._gateway}/v1", api_key=key, http_client=blocking_curing_client(self.cure)
        )

    def cure(self, cure: Cure) -> bool:
        """Do what a 402 asks; whether there was something to do."""
        return self.wait(lambda m: m.cure(cure))

    def voucher(self, plan_id: int, needed: int = 0) -> dict[str, Any]:
        """Sign and hand in a voucher."""
        return self.wait(lambda m: m.voucher(plan_id, needed))

    def credits(self, plan_id: int) -> int:
        """Whole credits the gateway would serve from the wallet's tab now."""
        return self.wait(lambda m: m.credits(plan_id))

    def add_webhook(self, url: str, **wanted: Any) -> tuple[str, str]:
        """Have events sent to a URL; its id and secret."""
        return self.wait(lambda m: m.add_webhook(url, **wanted))

    def receipt(self, request_id: str) -> dict[str, Any]:
        """The signed receipt of a request of this wallet."""
        return self.wait(lambda m: m.receipt(request_id))

    def verify_receipt(
        self, request_id: str, request: bytes | None = None, answer: bytes | None = None
    ) -> list[Verdict]:
        """Check a receipt."""
        return self.wait(lambda m: m.verify_receipt(request_id, request, answer))

    def offers(self, limit: int = 100) -> list[Offer]:
        """What is offered on the market."""
        return self.wait(lambda m: m.offers(limit))

    def offer(self, plan_id: int, units: int, unit_price: int, currency: int = 0, seconds: int = DAY) -> int:
        """Offer held units of a plan; the listing's id."""
        return self.wait(lambda m: m.offer(plan_id, units, unit_price, currency, seconds))

    def offer_shares(
        self, service_id: int, shares: int, unit_price: int, currency: int = 0, seconds: int = DAY
    ) -> int:
        """Offer shares of a service's revenue; the listing's id."""
        return self.wait(lambda m: m.offer_shares(service_id, shares, unit_price, currency, seconds))

    def cancel(self, listing_id: int) -> None:
        """Take an offer back."""
        self.wait(lambda m: m.cancel(listing_id))

    def fill(self, listing_id: int, units: int = 1) -> int:
        """Buy from an offer; base units paid."""
        return self.wait(lambda m: m.fill(listing_id, units))

    def stake(self, amount: int, seconds: int) -> int:
        """Lock EMP base units for a score; the position's index."""
        return self.wait(lambda m: m.stake(amount, seconds))

    def score(self) -> int:
        """The wallet's staking score."""
        return self.wait(lambda m: m.score())

    def claim_rewards(self) -> None:
        """Take the staking rewards of every currency."""
        self.wait(lambda m: m.claim_rewards())

    def compound(self, index: int) -> None:
        """Lock the EMP among the rewards again."""
        self.wait(lambda m: m.compound(index))

    def unlock(self, index: int) -> None:
        """Take a position whose time is over."""
        self.wait(lambda m: m.unlock(index))

    def publish(self, new: NewService) -> Service:
        """Put a service on sale."""
        return self.wait(lambda m: m.publish(new))

    def bind(self, service_id: int, *upstreams: dict[str, Any]) -> None:
        """Let these upstreams serve a service."""
        self.wait(lambda m: m.bind(service_id, *upstreams))

    def create_plan(self, service_id: int, plan: NewPlan) -> int:
        """Put a plan on sale; its id."""
        return self.wait(lambda m: m.create_plan(service_id, plan))

    def set_sale(self, plan_id: int, *, is_open: bool) -> None:
        """Open or close the sale of a plan."""
        self.wait(lambda m: m.set_sale(plan_id, is_open=is_open))

    def pause(self, service_id: int) -> None:
        """Sell nothing of a service until `resume`."""
        self.wait(lambda m: m.pause(service_id))

    def resume(self, service_id: int) -> None:
        """Sell a paused service again."""
        self.wait(lambda m: m.resume(service_id))

    def retire(self, service_id: int) -> None:
        """End a service for good."""
        self.wait(lambda m: m.retire(service_id))

    def revenue(self) -> dict[str, Any]:
        """What the wallet's services earned."""
        return self.wait(lambda m: m.revenue())

    def claim_revenue(self, service_id: int) -> None:
        """Take what the wallet's shares of a service earned."""
        self.wait(lambda m: m.claim_revenue(service_id))
