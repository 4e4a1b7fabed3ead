"""What a deployment consists of: contracts in order, each constructor argument by its parameter's name. Pure.

To add a contract: a line in `ORDER`, a line in `ROLES` if others name it, its plain values in `LIVE` (and in
`SHORTENED` where a devnet's are others). While a role's contract is not in `ORDER`, the operator stands in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backend.chain.abi import encode_values
from backend.chain.envelope import creation_address
from backend.core.errors import SettingsError
from backend.core.units import Address, checksum, hex_of
from contracts.artifacts import Artifact, load

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
EMP: Final = 10**18

ORDER: Final = (
    "TestDollar",
    "EmporionToken",
    "RevenueShares",
    "ServiceRegistry",
    "AccessToken",
    "UsageEscrow",
    "StakingVault",
    "TokenMarket",
)
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
    "governance": "TimelockController",
    "treasury": "TimelockController",
    "guardian": "",
}
"""Address parameter -> the contract that plays the part; the guardian is an account."""

LIVE: Final[Mapping[str, Any]] = {
    "distributorAmount": 40_000_000 * EMP,
    "treasuryAmount": 60_000_000 * EMP,
    "initialFeeBps": 250,
    "initialWithdrawalDelay": DAY,
    "minWithdrawalDelay": HOUR,
    "maxWithdrawalDelay": 7 * DAY,
    "ServiceRegistry.settings": {
        "minBond": 1_000 * EMP,
        "unbondCooldown": 45 * DAY,
        "minUnbondCooldown": 45 * DAY,
        "maxUnbondCooldown": 90 * DAY,
        "flagPeriod": 30 * DAY,
        "challengePeriod": 30 * DAY,
        "challengeDeposit": 100 * EMP,
    },
    "StakingVault.settings": {
        "minDuration": 7 * DAY,
        "maxDuration": 365 * DAY,
        "streamDuration": 7 * DAY,
    },
}
"""Values by parameter, or by contract and parameter where several contracts use the name."""

SHORTENED: Final[Mapping[str, Any]] = {
    "initialWithdrawalDelay": MINUTE,
    "minWithdrawalDelay": 1,
    "ServiceRegistry.settings": {
        **LIVE["ServiceRegistry.settings"],
        "unbondCooldown": 10 * MINUTE,
        "minUnbondCooldown": MINUTE,
        "flagPeriod": 10 * MINUTE,
        "challengePeriod": 10 * MINUTE,
    },
    "StakingVault.settings": {"minDuration": MINUTE, "maxDuration": 365 * DAY, "streamDuration": MINUTE},
}
"""What a devnet has otherwise, so that a demonstration need not wait for days."""


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


@dataclass(frozen=True, slots=True)
class Unit:
    """One contract to create: where it will be, with which arguments, by which bytes."""

    name: str
    address: Address
    nonce: int
    arguments: dict[str, Any]
    artifact: Artifact
    creation: bytes


def plan(settings: DeploySettings, deployer: Address, first_nonce: int) -> list[Unit]:
    """Every contract in order. Raises SettingsError for a parameter without a value, ArtifactMissingError."""
    chosen = [name for name in ORDER if settings.devnet or name not in DEVNET_ONLY]
    addresses = {name: creation_address(deployer, first_nonce + i) for i, name in enumerate(chosen)}
    return [_unit(name, addresses, settings, first_nonce + i) for i, name in enumerate(chosen)]


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
        f"no value for {parameter} of the constructor of {contract}; add it to LIVE in deploy_plan.py"
    )


def _unit(name: str, addresses: Mapping[str, Address], settings: DeploySettings, nonce: int) -> Unit:
    artifact = load(name)
    constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
    inputs = constructor["inputs"] if constructor else []
    arguments = {p["name"]: _argument(name, p, addresses, settings) for p in inputs}
    encoded = encode_values(inputs, list(arguments.values()))
    creation = bytes.fromhex(artifact.bytecode[2:]) + encoded
    return Unit(name, addresses[name], nonce, arguments, artifact, creation)


def _argument(
    contract: str, parameter: Mapping[str, Any], addresses: Mapping[str, Address], settings: DeploySettings
) -> Any:
    name = str(parameter["name"]).strip("_")
    if name == "initialCurrencies":
        dollar = (addresses["TestDollar"],) if settings.devnet else ()
        return [*dollar, *settings.currencies, addresses["EmporionToken"]]
    if name in ROLES and parameter["type"] == "address":
        return settings.roles.get(name) or addresses.get(ROLES[name], settings.operator)
    return value_of(contract, name, settings)
