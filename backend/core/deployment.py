"""The deployment record: where the contracts are on one chain, and what they were made with.

Written by the deploy, kept as a JSON file and in the chain store, read by the indexer, the gateway and
clients.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from backend.core.errors import DeploymentMismatch

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """One contract: checksummed address, block and transaction (0x) of its creation, arguments, artifact's
    sha256.
    """

    address: str
    block: int
    transaction: str
    arguments: dict[str, Any]
    checksum: str


@dataclass(frozen=True, slots=True)
class DeployedCurrency:
    """A line of the table of currencies; `decimals` as the ERC-20 says."""

    index: int
    address: str
    symbol: str
    name: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """All of it; `start_block` is the first block that can hold an event of ours."""

    chain_id: int
    genesis_hash: str
    start_block: int
    devnet: bool
    contracts: dict[str, DeployedContract] = field(default_factory=dict)
    currencies: list[DeployedCurrency] = field(default_factory=list)

    def address(self, name: str) -> str:
        """Checksummed address of a contract. Raises DeploymentMismatch when the record lacks it."""
        try:
            return self.contracts[name].address
        except KeyError:
            known = ", ".join(sorted(self.contracts)) or "nothing"
            raise DeploymentMismatch(
                f"the deployment record has no {name} (it has {known}); deploy again"
            ) from None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready values."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Deployment":
        """Read a record. Raises DeploymentMismatch for another format or missing parts."""
        if data.get("format") != FORMAT:
            raise DeploymentMismatch(
                f"deployment record format {data.get('format')!r} is not {FORMAT}; deploy again"
            )
        try:
            return cls(
                chain_id=int(data["chain_id"]),
                genesis_hash=data["genesis_hash"],
                start_block=int(data["start_block"]),
                devnet=bool(data["devnet"]),
                contracts={name: DeployedContract(**entry) for name, entry in data["contracts"].items()},
                currencies=[DeployedCurrency(**entry) for entry in data["currencies"]],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DeploymentMismatch(f"the deployment record is damaged ({error}); deploy again") from error


def read_deployment(path: Path) -> Deployment:
    """Read a record from a file. Raises DeploymentMismatch when it is absent or damaged."""
    try:
        return Deployment.from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        raise DeploymentMismatch(f"no deployment record at {path}; run `emporion deploy` first") from None
    except json.JSONDecodeError as error:
        raise DeploymentMismatch(
            f"the deployment record {path} is not JSON ({error}); deploy again"
        ) from error


def write_deployment(path: Path, deployment: Deployment) -> None:
    """Write a record so that a crash leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(deployment.to_json(), indent=2, sort_keys=True) + "\n")
    draft.replace(path)
