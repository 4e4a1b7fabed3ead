"""Ways to meet the rows of the error table: `ROWS` is filled by `row`; `UNANSWERED` names what no request can
meet, and where it is met instead.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx
import orjson

from backend.core import errors
from backend.core.errors import EmporionError
from backend.core.units import PlanKind, keccak
from tests.backend.gateway.conftest import METERED, MODEL, PASS, House, address_of, bearer
from tests.backend.market import SERVICE, holding, plan, tab

Shape = Literal["openai", "problem"]
Ask = Callable[[House], Awaitable[httpx.Response]]
CHAT = "/v1/chat/completions"
INVOKE = f"/v1/services/{SERVICE}/invoke"
SAID: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}


@dataclass(frozen=True)
class Row:
    """One way to meet an error. `settings` and `ports` are of the gateway it is met at; a `database` of its
    own is a PostgreSQL one.
    """

    kind: type[EmporionError]
    shape: Shape
    ask: Ask
    headers: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    ports: Callable[[], dict[str, Any]] = dict
    database: bool = False

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.kind.code}-{self.shape}-{self.ask.__name__}"


ROWS: Final[list[Row]] = []
UNANSWERED: Final[dict[type[EmporionError], str]] = {
    errors.RequestError: "the parent of the caller's errors; only its children are raised",
    errors.DatabaseError: "at the start: a migration that failed",
    errors.DatabaseNewer: "at the start",
    errors.DatabaseMismatch: "at the start of the indexer",
    errors.SettingsError: "at the start",
    errors.UnsafeSettings: "at the start",
    errors.MissingDependency: "at the start",
    errors.SigningKeyError: "at the start, and on the command line",
    errors.WrongPassword: "at the start, and on the command line",
    errors.SigningKeyNotFound: "on the command line",
    **dict.fromkeys(
        [
            *(errors.ChainError, errors.NodeUnreachable, errors.NodeThrottled, errors.NodeError),
            *(errors.LogsRefused, errors.WrongChain, errors.DeploymentMismatch, errors.InsufficientFunds),
            *(errors.TransactionNotMined, errors.TransactionReverted, errors.ContractRevert),
        ],
        "in the indexer, the settlement and the client: no request reaches a node",
    ),
}


def row(kind: type[EmporionError], shape: Shape, *headers: str, **more: Any) -> Callable[[Ask], Ask]:
    """Register a way to meet an error; `headers` must be on its answer."""

    def add(ask: Ask) -> Ask:
        ROWS.append(Row(kind, shape, ask, headers, **more))
        return ask

    return add


async def holder(house: House, **wanted: Any) -> dict[str, str]:
    """The headers of a buyer who holds a Pass, with a key of such a kind."""
    await house.mine(holding(PASS, address_of(house.buyer)))
    return bearer(await house.key(**wanted))


async def payer(house: House, **wanted: Any) -> dict[str, str]:
    """The headers of a buyer with ten credits, with a key of such a kind."""
    await house.mine(tab(METERED, 10, address_of(house.buyer)))
    return bearer(await house.key(**wanted))


async def chat(house: House, headers: dict[str, str], **body: Any) -> httpx.Response:
    """A call of the model."""
    return await house.http.post(CHAT, json={**SAID, **body}, headers=headers)


async def invoke(house: House, headers: dict[str, str]) -> httpx.Response:
    """The same service by the route of others, which speaks RFC 9457."""
    return await house.http.post(INVOKE, json={"text": "a"}, headers=headers)


async def both(house: House, shape: Shape, headers: dict[str, str]) -> httpx.Response:
    """The call that answers in such a shape."""
    return await (chat if shape == "openai" else invoke)(house, headers)


def in_both(kind: type[EmporionError], *headers: str, **more: Any) -> Callable[[Any], Any]:
    """Register for the model's route and for `invoke`: what follows gives the headers to call with."""

    def add(prepare: Callable[[House], Awaitable[dict[str, str]]]) -> Any:
        for shape in ("openai", "problem"):

            async def ask(house: House, shape: Any = shape) -> httpx.Response:
                return await both(house, shape, await prepare(house))

            ask.__name__, ask.__module__ = prepare.__name__, prepare.__module__
            row(kind, shape, *headers, **more)(ask)
        return prepare

    return add


async def limited(house: House) -> dict[str, str]:
    """A buyer whose Pass allows one request a minute."""
    limits = orjson.dumps({"emporion": "limits/1", "requests_per_minute": 1})
    await house.services.metadata.put(keccak(limits), limits)
    await house.mine(plan(PlanKind.PASS, limits_hash=keccak(limits)))
    return await holder(house)
