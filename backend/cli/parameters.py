"""What governance can set: each parameter's name, where it is kept, and how people write its values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.chain.bindings import Contracts
from backend.chain.contract import Read, call_data
from backend.cli.devnet.controls import seconds_of
from backend.cli.manifest import base_units
from backend.cli.outcomes import EMP_DECIMALS
from backend.cli.output import money
from backend.core.deployment import Deployment
from backend.core.errors import MalformedRequest, Unprocessable
from backend.core.units import Address, checksum, to_address

_DAY: Final = 86_400


def _per_cent(text: str) -> int:
    """`2.5` in hundredths of a per cent."""
    return base_units(text.removesuffix("%"), 2)


def _emp(text: str) -> int:
    return base_units(text, EMP_DECIMALS)


def _place(text: str) -> int:
    if not text.isdecimal():
        raise Unprocessable(f"{text!r} is no place in the table of currencies; write 0, 1, ...")
    return int(text)


def _written_duration(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY)
    return f"{days}d" if days and not rest else f"{seconds}s"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`function` of `contract` sets it to (value, *more); `getter` reads it, where there is one to read."""

    contract: str
    function: str
    bounds: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    getter: str = ""
    more: tuple[Any, ...] = ()


PARAMETERS: Final[Mapping[str, Parameter]] = {
    "fee": Parameter(
        "AccessToken",
        "setFeeBps",
        "0 to 10%, of new plans",
        _per_cent,
        lambda bps: f"{bps / 100:g}%",
        "feeBps",
    ),
    "min-bond": Parameter(
        "ServiceRegistry",
        "setMinBond",
        "at most doubles in 30 days",
        _emp,
        lambda amount: money(amount, EMP_DECIMALS, "EMP"),
        "minBond",
    ),
    "unbond-cooldown": Parameter(
        "ServiceRegistry", "setUnbondCooldown", "45d to 90d", seconds_of, _written_duration, "unbondCooldown"
    ),
    "withdrawal-delay": Parameter(
        "UsageEscrow", "setWithdrawalDelay", "1h to 7d", seconds_of, _written_duration, "withdrawalDelay"
    ),
    "court-voting-period": Parameter(
        "DisputeCourt", "setVotingPeriod", "2d to 14d", seconds_of, _written_duration, "votingPeriod"
    ),
    "court-quorum": Parameter(
        "DisputeCourt",
        "setQuorumBps",
        "2% to 20% of the total score",
        _per_cent,
        lambda bps: f"{bps / 100:g}%",
        "quorumBps",
    ),
    "treasury": Parameter("RevenueShares", "setTreasury", "an address", to_address, checksum, "treasury"),
    "new-currency": Parameter("AccessToken", "addCurrency", "an ERC-20, 8 at most", to_address),
    "open-currency": Parameter(
        "AccessToken", "setCurrencyOpen", "a place in the table", _place, more=(True,)
    ),
    "close-currency": Parameter(
        "AccessToken", "setCurrencyOpen", "a place in the table", _place, more=(False,)
    ),
}
"""By the name on the command line; on a devnet the bounds of periods are wider."""


def parameter_of(name: str) -> Parameter:
    """Raises MalformedRequest with the names there are."""
    if name not in PARAMETERS:
        raise MalformedRequest(f"governance sets no {name!r}; it sets {', '.join(PARAMETERS)}")
    return PARAMETERS[name]


def decision(deployment: Deployment, name: str, text: str) -> tuple[Address, bytes]:
    """The call that sets a parameter: whom to call, and with what. Raises MalformedRequest, Unprocessable."""
    parameter = parameter_of(name)
    value = parameter.read(text)
    target = to_address(deployment.address(parameter.contract))
    return target, call_data(parameter.contract, parameter.function, value, *parameter.more)


def views(contracts: Contracts) -> dict[str, Read]:
    """How each parameter that can be read is read."""
    opened = {
        "AccessToken": contracts.access,
        "ServiceRegistry": contracts.registry,
        "UsageEscrow": contracts.escrow,
        "RevenueShares": contracts.shares,
        "DisputeCourt": contracts.court,
    }
    return {name: opened[p.contract].view(p.getter) for name, p in PARAMETERS.items() if p.getter}
