"""The same client without `await`: its own event loop in a thread, one for all calls."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from backend.client.market import AsyncEmporion
from backend.client.models import Bought, Plan, Service
from backend.client.verification import Verdict
from backend.core.errors import SettingsError
from backend.signing.keys import LocalKey

if TYPE_CHECKING:
    from openai import OpenAI


class Emporion:
    """As `AsyncEmporion`, blocking. Use it in a `with` block."""

    def __init__(self, gateway: str, node: str = "", wallet: LocalKey | None = None) -> None:
        self._gateway = gateway.rstrip("/")
        self._stack = ExitStack()
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
        self._client = AsyncEmporion(gateway, node, wallet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and end the thread."""
        self._portal.call(self._client.close)
        self._stack.close()

    @property
    def address(self) -> str:
        """The wallet's address. Raises SettingsError without a wallet."""
        return self._client.address

    def search(self, words: str = "", *, kind: str | None = None, limit: int = 50) -> list[Service]:
        """Services on sale that match."""
        return self._portal.call(lambda: self._client.search(words, kind=kind, limit=limit))

    def service(self, service_id: int) -> Service:
        """A service with its plans."""
        return self._portal.call(self._client.service, service_id)

    def account(self, address: str | None = None) -> dict[str, Any]:
        """What an account has; the wallet's by default."""
        return self._portal.call(self._client.account, address)

    def buy(self, plan: Plan, units: int = 1, *, hold: bool = False) -> Bought:
        """Buy in one transaction."""
        return self._portal.call(lambda: self._client.buy(plan, units, hold=hold))

    def refund(self, plan: Plan, units: int) -> None:
        """Return unconsumed units for the price paid."""
        self._portal.call(self._client.refund, plan, units)

    def make_key(self, name: str = "", **limits: Any) -> str:
        """A new API key of the wallet."""
        return self._portal.call(lambda: self._client.make_key(name, **limits))

    def openai(self, api_key: str = "") -> "OpenAI":
        """The blocking `openai` client, pointed at the gateway."""
        try:
            from openai import OpenAI
        except ImportError as error:
            raise SettingsError("the openai package is not installed: pip install openai") from error
        return OpenAI(base_url=f"{self._gateway}/v1", api_key=api_key or self.make_key("openai client"))

    def verify_receipt(
        self, request_id: str, request: bytes | None = None, answer: bytes | None = None
    ) -> list[Verdict]:
        """Check a receipt."""
        return self._portal.call(lambda: self._client.verify_receipt(request_id, request, answer))

    def wait(self, work: Callable[[AsyncEmporion], Any]) -> Any:
        """Anything else of the async client: `market.wait(lambda m: m.claim_rewards())`."""
        return self._portal.call(lambda: work(self._client))
