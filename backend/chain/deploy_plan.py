"""What a deployment consists of: contracts in order, each constructor argument by its parameter's name. Pure.

To add a contract: a line in `ORDER` or `COMPLETE`, a line in `ROLES` if others name it, its plain values in
`deploy_values.py`. While a role's contract is not among those deployed, the operator stands in.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from backend.chain.abi import encode_values
from backend.chain.deploy_values import AIRDROP_SECONDS, LIVE, SHORTENED, VESTING_SECONDS
from backend.core.errors import SettingsError
from backend.core.units import Address, checksum, hex_of
from backend.signing.envelope import creation_address
from contracts.artifacts import Artifact, load

__all__ = ["COMPLETE", "LIVE", "ORDER", "DeploySettings", "Unit", "fingerprint", "plan"]

ORDER: Final = (
    "TestDollar",
    "EmporionToken",
    "RevenueShares",
    "ServiceRegistry",
    "AccessToken",
    "UsageEscrow",
    "StakingVault",
    "TokenMarket",
    "ServiceReviews",
)
COMPLETE: Final = (
    *ORDER,
    "DisputeCourt",
    "EmporionDistributor",
    "EmporionTimelock",
    "EmporionGovernor",
)
"""With the court and the government: the parameters are the timelock's, the supply is not the operator's."""
DEVNET_ONLY: Final = frozenset({"TestDollar"})

ROLES: Final[Mapping[str, str]] = {
    "emp": "EmporionToken",
    "shares": "RevenueShares",
    "registry": "ServiceRegistry",
    "accessToken": "AccessToken",
    "escrow": "UsageEscrow",
    "vault": "StakingVault",
    "market": "TokenMarket",
    "court": "DisputeCourt",
    "distributor": "EmporionDistributor",
    "governance": "EmporionTimelock",
    "treasury": "EmporionTimelock",
    "governor": "EmporionGovernor",
    "guardian": "",
}
"""Address parameter -> the contract that plays the part; the guardian is an account."""


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """What a deployment is made with.

    `operator` stands in for every role that has neither an account in `roles` nor a contract. `currencies`
    are ERC-20s of the chain that come before EMP in the table; a devnet has its test dollar there.
    """

    operator: Address
    devnet: bool = False
    currencies: tuple[Address, ...] = ()
    roles: Mapping[str, Address] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    contracts: tuple[str, ...] = ORDER


@dataclass(frozen=True, slots=True)
class Unit:
    """One contract to create: where it will be, with which arguments, by which bytes."""

    name: str
    address: Address
    nonce: int
    arguments: dict[str, Any]
    artifact: Artifact
    creation: bytes


def plan(settings: DeploySettings, deployer: Address, first_nonce: int, begun_at: int = 0) -> list[Unit]:
    """Every contract in order; times count from `begun_at` (unix).

    Raises SettingsError for a parameter without a value, ArtifactMissingError.
    """
    chosen = [name for name in settings.contracts if settings.devnet or name not in DEVNET_ONLY]
    addresses = {name: creation_address(deployer, first_nonce + i) for i, name in enumerate(chosen)}
    site = _Site(settings, addresses, begun_at)
    return [_unit(name, site, first_nonce + i) for i, name in enumerate(chosen)]


def fingerprint(units: Iterable[Unit]) -> str:
    """SHA-256 of all that would be created: another one means other contracts or other arguments."""
    return hashlib.sha256(b"".join(unit.creation for unit in units)).hexdigest()


def artifact_checksum(artifact: Artifact) -> str:
    """SHA-256 of a contract's creation code, in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(artifact.bytecode[2:])).hexdigest()


def json_ready(value: Any) -> Any:
    """An argument for the record: addresses checksummed, integers as text (no reader loses digits)."""
    if isinstance(value, Mapping):
        return {key: json_ready(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(part) for part in value]
    if isinstance(value, bytes):
        return checksum(Address(value)) if len(value) == 20 else hex_of(value)
    return value if isinstance(value, bool | str) else str(value)


def value_of(contract: str, parameter: str, settings: DeploySettings) -> Any:
    """A plain constructor value, by contract and parameter or parameter alone. Raises SettingsError."""
    known = {**LIVE, **(SHORTENED if settings.devnet else {}), **settings.values}
    for key in (f"{contract}.{parameter}", parameter):
        if key in known:
            return known[key]
    raise SettingsError(
        f"no value for {parameter} of the constructor of {contract}; give it in values, or add it to "
        "LIVE in deploy_values.py"
    )


class _Site(NamedTuple):
    settings: DeploySettings
    addresses: Mapping[str, Address]
    begun_at: int

    def role(self, name: str) -> Address:
        """Who plays a part: the named account, the contract, else the operator."""
        stand_in = self.settings.operator
        # A devnet's faucet pays from the operator: what is the treasury's elsewhere is there.
        played = stand_in if self.settings.devnet and name == "treasury" else None
        return self.settings.roles.get(name) or played or self.addresses.get(ROLES[name], stand_in)


def _unit(name: str, site: _Site, nonce: int) -> Unit:
    artifact = load(name)
    constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
    inputs = constructor["inputs"] if constructor else []
    arguments = {p["name"]: _argument(name, p, site) for p in inputs}
    encoded = encode_values(inputs, list(arguments.values()))
    creation = bytes.fromhex(artifact.bytecode[2:]) + encoded
    return Unit(name, site.addresses[name], nonce, arguments, artifact, creation)


def _argument(contract: str, parameter: Mapping[str, Any], site: _Site) -> Any:
    name = str(parameter["name"]).strip("_")
    if name in COMPUTED and f"{contract}.{name}" not in site.settings.values:
        return COMPUTED[name](site)
    if name in ROLES and parameter["type"] == "address":
        return site.role(name)
    return value_of(contract, name, site.settings)


def _currencies(site: _Site) -> list[Address]:
    dollar = (site.addresses["TestDollar"],) if site.settings.devnet else ()
    return [*dollar, *site.settings.currencies, site.addresses["EmporionToken"]]


def _deadline(site: _Site) -> int:
    return site.begun_at + AIRDROP_SECONDS


def _vestings(site: _Site) -> list[dict[str, Any]]:
    """What the airdrop leaves of the distributor's amount, to the treasury over four years."""
    amount = value_of("EmporionToken", "distributorAmount", site.settings)
    rest = amount - value_of("EmporionDistributor", "airdropAmount", site.settings)
    line = {"amount": rest, "start": site.begun_at, "duration": VESTING_SECONDS}
    return [{"beneficiary": site.role("treasury"), **line}] if rest else []


COMPUTED: Final[Mapping[str, Callable[[_Site], Any]]] = {
    "initialCurrencies": _currencies,
    "deadline": _deadline,
    "vestings": _vestings,
}
"""Arguments that follow from the others."""
