"""The contracts of a deployment, as `GET /v1/deployment` describes them."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from eth_abi.abi import decode, encode

from backend.client.event_shape import EventShape
from backend.client.models import RateCard
from backend.client.node import Node, NodeRefused, types_of
from backend.client.refusals import refusal
from backend.core.errors import DeploymentMismatch
from backend.core.units import Address, keccak, to_address
from backend.signing.keys import Signer

T = TypeVar("T")


class Contract:
    """One contract: its address and its functions by name."""

    def __init__(self, node: Node, address: str, abi: list[dict[str, Any]]) -> None:
        self._node = node
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        self._events = {entry["name"]: entry for entry in abi if entry["type"] == "event"}
        self._abi = abi
        self.address = address

    def data(self, function: str, *values: Any) -> bytes:
        """Call data. Raises DeploymentMismatch for a function that is not there."""
        entry = self._entry(function)
        types = types_of(entry["inputs"])
        selector = keccak(f"{function}({','.join(types)})".encode())[:4]
        return selector + encode(types, list(values))

    async def read(self, function: str, *values: Any) -> Any:
        """Call a view: its value, or a tuple of several. Raises NodeRefused."""
        answer = await self._explained(self._node.read(self.address, self.data(function, *values)))
        found = decode(types_of(self._entry(function)["outputs"]), answer)
        return found[0] if len(found) == 1 else found

    def part(self, function: str, value: Any, name: str) -> Any:
        """A field of a struct that a view returned."""
        fields = [field["name"] for field in self._entry(function)["outputs"][0]["components"]]
        return value[fields.index(name)]

    def struct(self, function: str, argument: str, fields: Mapping[str, Any]) -> tuple[Any, ...]:
        """A struct argument of a function from its fields by name."""
        for entry in self._entry(function)["inputs"]:
            if entry["name"] == argument:
                return tuple(fields[part["name"]] for part in entry["components"])
        raise DeploymentMismatch(f"{function} of {self.address} takes no {argument}")

    def event(self, receipt: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The first event of this contract and name in a receipt. Raises DeploymentMismatch."""
        shape = EventShape.of(self._named(name))
        for log in receipt["logs"]:
            if log["address"].lower() == self.address.lower() and log["topics"][:1] == [shape.topic]:
                return shape.read(log)
        raise DeploymentMismatch(f"the transaction emitted no {name}; is this the contract's ABI?")

    async def events(self, name: str, first: int, **indexed: Any) -> list[dict[str, Any]]:
        """Events since a block whose indexed arguments have these values. Raises NodeRefused."""
        shape = EventShape.of(self._named(name))
        topics = [shape.topic, *shape.topics(indexed)]
        wanted = {"address": self.address, "fromBlock": hex(first), "toBlock": "latest", "topics": topics}
        return [shape.read(log) for log in await self._node.call("eth_getLogs", wanted)]

    def _named(self, event: str) -> Mapping[str, Any]:
        try:
            return self._events[event]
        except KeyError:
            raise DeploymentMismatch(f"{self.address} has no event {event}") from None

    async def send(self, key: Signer, function: str, *values: Any) -> dict[str, Any]:
        """Send a transaction and wait for its receipt. Raises NodeRefused, TransactionFailed."""
        return await self._explained(self._node.send(key, self.address, self.data(function, *values)))

    async def _explained(self, asked: Awaitable[T]) -> T:
        """What was asked; where the contract refuses, NodeRefused with the error it named."""
        try:
            return await asked
        except NodeRefused as error:
            told = refusal(self._abi, error.details.get("data"))
            if told is None:
                raise
            raise NodeRefused(f"the contract refused: {told}", **error.details) from error

    def _entry(self, function: str) -> Mapping[str, Any]:
        try:
            return self._functions[function]
        except KeyError:
            raise DeploymentMismatch(f"{self.address} has no function {function}") from None


class Contracts:
    """All contracts of one chain."""

    def __init__(self, node: Node, chain: Mapping[str, Any]) -> None:
        self.chain_id = int(chain["chain_id"])
        self.start_block = int(chain["start_block"])
        self.currencies: list[dict[str, Any]] = list(chain["currencies"])
        self._node = node
        self._chain = chain

    def __getitem__(self, name: str) -> Contract:
        try:
            found = self._chain["contracts"][name]
        except KeyError:
            raise DeploymentMismatch(f"the gateway's deployment has no {name}") from None
        return Contract(self._node, found["address"], found["abi"])

    def currency(self, index: int) -> Contract:
        """The ERC-20 at a place of the table; it speaks EMP's interface (ERC-20, ERC-2612, ERC-5267)."""
        for line in self.currencies:
            if line["index"] == index:
                return Contract(self._node, line["address"], self._chain["contracts"]["EmporionToken"]["abi"])
        raise DeploymentMismatch(f"there is no currency {index}")

    async def rate_card(self, plan_id: int) -> RateCard:
        """What a plan charges, as the chain has it."""
        access = self["AccessToken"]
        terms = await access.read("termsOf", plan_id)
        names = ("perRequest", "perUnitIn", "perUnitOut")
        return RateCard(*(int(access.part("termsOf", terms, name)) for name in names))

    @property
    def escrow(self) -> Address:
        """Address of `UsageEscrow`, which receipts and vouchers are bound to."""
        return to_address(self["UsageEscrow"].address)
