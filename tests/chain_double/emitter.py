"""Logs of our contracts, encoded from their interfaces' ABIs."""

from collections.abc import Mapping
from typing import Any

from backend.chain.abi import encode_values, topic_of
from backend.core.deployment import DeployedContract, Deployment
from backend.core.units import Address, checksum, keccak
from contracts.artifacts import load
from tests.chain_double.chain import ChainDouble, Emitted

CONTRACTS = (
    "EmporionToken",
    "ServiceRegistry",
    "AccessToken",
    "UsageEscrow",
    "RevenueShares",
    "StakingVault",
    "TokenMarket",
)
ADDRESSES: Mapping[str, Address] = {name: Address(keccak(name.encode())[:20]) for name in CONTRACTS}


def emit(contract: str, event: str, **args: Any) -> Emitted:
    """A log with these values; names are the ABI's (`from_` for `from`)."""
    entry = next(e for e in load(contract).abi if e["type"] == "event" and e["name"] == event)
    values = {name.removesuffix("_"): value for name, value in args.items()}
    indexed = [p for p in entry["inputs"] if p["indexed"]]
    plain = [p for p in entry["inputs"] if not p["indexed"]]
    topics = [topic_of(entry), *(encode_values([p], [values.pop(p["name"])]) for p in indexed)]
    data = encode_values(plain, [values.pop(p["name"]) for p in plain])
    assert not values, f"{contract}.{event} has no {sorted(values)}"
    return ADDRESSES[contract], tuple(topics), data


def deployment_of(chain: ChainDouble, start_block: int = 1) -> Deployment:
    """A record as the deploy would write it for this chain."""
    return Deployment(
        chain_id=chain.chain_id,
        genesis_hash="0x" + chain.genesis_hash.hex(),
        start_block=start_block,
        devnet=True,
        contracts={
            name: DeployedContract(checksum(address), start_block, "0x" + "00" * 32, {}, "")
            for name, address in ADDRESSES.items()
        },
    )
