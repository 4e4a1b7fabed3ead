"""A contract at an address: call data from names, reads with named results, transactions to send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from backend.chain.abi import SELECTOR, decode_values, encode_values, selector_of, signature_of
from backend.chain.client import BATCH, BlockTag, NodeClient
from backend.core.errors import MalformedRequest, NodeError
from backend.core.units import Address, hex_of
from contracts.artifacts import load


@dataclass(frozen=True, slots=True)
class Transaction:
    """What to send: `to` None creates a contract; `label` says it to people (`AccessToken.buy`)."""

    to: bytes | None
    data: bytes
    label: str
    value: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A view call, ready to be sent alone or in a batch."""

    to: bytes
    data: bytes
    label: str
    outputs: Sequence[Mapping[str, Any]]

    def decode(self, answer: bytes) -> Any:
        """The one value, or a tuple of several. Raises NodeError where nothing is deployed there."""
        if not answer and self.outputs:
            raise NodeError(f"{self.label}: nothing answers at {hex_of(self.to)}; deployed on another chain?")
        values = decode_values(self.outputs, answer)
        return values[0] if len(values) == 1 else values


@cache
def functions_of(name: str) -> Mapping[str, Mapping[str, Any]]:
    """ABI entries of a contract's functions by signature, and by bare name where that is unambiguous."""
    entries = [entry for entry in load(name).abi if entry["type"] == "function"]
    found = {signature_of(entry): entry for entry in entries}
    bare = [str(entry["name"]) for entry in entries]
    found.update({str(entry["name"]): entry for entry in entries if bare.count(entry["name"]) == 1})
    return found


def call_data(contract: str, function: str, *values: Any) -> bytes:
    """Selector and arguments. Raises MalformedRequest for a value or function that does not fit."""
    entry = functions_of(contract).get(function)
    if entry is None:
        raise MalformedRequest(
            f"{contract} has no function {function}; write an overloaded one with its types"
        )
    if len(values) != len(entry["inputs"]):
        raise MalformedRequest(f"{contract}.{signature_of(entry)} takes {len(entry['inputs'])} values")
    return selector_of(entry) + encode_values(entry["inputs"], values)


def decode_call(contract: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """Function name and named arguments of call data. Raises MalformedRequest for a strange selector."""
    for entry in functions_of(contract).values():
        if selector_of(entry) == data[:SELECTOR]:
            values = decode_values(entry["inputs"], data[SELECTOR:])
            pairs = zip(entry["inputs"], values, strict=True)
            return str(entry["name"]), {str(parameter["name"]): value for parameter, value in pairs}
    raise MalformedRequest(f"{hex_of(data[:SELECTOR])} is no function of {contract}")


class Contract:
    """One deployed contract. `name` is its artifact's."""

    def __init__(self, client: NodeClient, name: str, address: bytes) -> None:
        self._client = client
        self.name = name
        self.address = Address(address)

    def transaction(self, function: str, *values: Any) -> Transaction:
        """A transaction that calls `function`."""
        data = call_data(self.name, function, *values)
        return Transaction(self.address, data, f"{self.name}.{function.partition('(')[0]}")

    def view(self, function: str, *values: Any) -> Read:
        """A read of `function`, for `read_all`."""
        outputs = functions_of(self.name)[function]["outputs"]
        data = call_data(self.name, function, *values)
        return Read(self.address, data, f"{self.name}.{function}", outputs)

    async def read(self, function: str, *values: Any, block: BlockTag | bytes = "latest") -> Any:
        """Call a view. Raises ContractRevert, NodeError, NodeUnreachable."""
        view = self.view(function, *values)
        return view.decode(await self._client.read(view.to, view.data, block=block))


async def read_all(
    client: NodeClient, views: Sequence[Read], block: BlockTag | bytes = "latest"
) -> list[Any]:
    """Many reads at one block, in batches of 100, in order."""
    answers: list[bytes] = []
    for start in range(0, len(views), BATCH):
        part = [(view.to, view.data) for view in views[start : start + BATCH]]
        answers += await client.read_many(part, block=block)
    return [view.decode(answer) for view, answer in zip(views, answers, strict=True)]
