"""Call data of contract functions, from the committed ABIs: what a wallet needs to be shown and to sign."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import encode

from contracts import artifacts


def encode_call(contract: str, function: str, arguments: Sequence[object]) -> str:
    """0x-prefixed call data: selector and ABI-encoded arguments, in the function's order.

    Raises LookupError for a function the contract does not have, ValueError for arguments that do not fit.
    """
    selector, types = _function(contract, function, len(arguments))
    return selector + encode(types, list(arguments)).hex()


@cache
def _function(contract: str, function: str, count: int) -> tuple[str, tuple[str, ...]]:
    artifact = artifacts.load(contract)
    for entry in artifact.abi:
        if entry["type"] == "function" and entry["name"] == function and len(entry["inputs"]) == count:
            types = tuple(_canonical(part) for part in entry["inputs"])
            wanted = f"{function}({','.join(types)})"
            for selector, signature in artifact.functions.items():
                if signature == wanted:
                    return selector, types
    raise LookupError(f"{contract} has no function {function} of {count} arguments")


def _canonical(part: dict[str, Any]) -> str:
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_canonical(field) for field in part["components"])
    return f"({inner}){kind.removeprefix('tuple')}"
