"""The kinds of alerts, what their thresholds count, and where they stand unless an account says otherwise."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What an account may be told of."""

    CREDITS_LOW = "credits_low"
    ACCESS_ENDING = "access_ending"
    KEY_NEW_NETWORK = "key_new_network"
    KEY_LEAKED = "key_leaked"
    KEY_ENDING = "key_ending"
    KEY_OLD_SECRET = "key_old_secret"  # noqa: S105 - a kind, no secret
    UNUSUAL_USAGE = "unusual_usage"
    SALE = "sale"
    SETTLEMENT_LATE = "settlement_late"
    CLAIMABLE = "claimable"
    BOND_LOW = "bond_low"
    DISPUTE_OPENED = "dispute_opened"
    INDEX_STALE = "index_stale"
    FAILED_LOG_IN = "failed_log_in"
    REPLAYED_NONCE = "replayed_nonce"
    METER_GAS_LOW = "meter_gas_low"


class Meaning(NamedTuple):
    """What a kind tells, its threshold's unit and default."""

    summary: str
    unit: str
    threshold: int


_EMP: Final = 10**18

MEANINGS: Final[Mapping[Kind, Meaning]] = {
    Kind.CREDITS_LOW: Meaning("Deposited credits of a plan fell below the threshold.", "credits", 50),
    Kind.ACCESS_ENDING: Meaning("Timed access ends within the threshold.", "seconds", 3 * 86_400),
    Kind.KEY_NEW_NETWORK: Meaning("A key was used from a network it was never used from.", "networks", 1),
    Kind.KEY_LEAKED: Meaning(
        "A key is used as leaked ones are: from so many new networks within an hour.", "networks", 4
    ),
    Kind.KEY_ENDING: Meaning("A key stops working within this time.", "seconds", 7 * 86_400),
    Kind.KEY_OLD_SECRET: Meaning("The old secret of a rotated key is still used.", "uses", 1),
    Kind.UNUSUAL_USAGE: Meaning(
        "A key is used unlike before: rate, tokens, hour or failures.", "median absolute deviations", 6
    ),
    Kind.SALE: Meaning("Somebody bought units of a service of yours.", "units", 1),
    Kind.SETTLEMENT_LATE: Meaning(
        "Usage of a service of yours is unsettled for longer than this.", "seconds", 3_600
    ),
    Kind.CLAIMABLE: Meaning("Revenue of shares waits to be claimed.", "base units", 1),
    Kind.BOND_LOW: Meaning(
        "The bond of a service of yours is below this.", "base units of EMP", 1_000 * _EMP
    ),
    Kind.DISPUTE_OPENED: Meaning("Somebody disputes a service of yours.", "disputes", 1),
    Kind.INDEX_STALE: Meaning("No node confirmed the index for longer than this.", "seconds", 120),
    Kind.FAILED_LOG_IN: Meaning("So many sign-ins as you failed within an hour.", "sign-ins", 3),
    Kind.REPLAYED_NONCE: Meaning("Somebody sent a spent sign-in nonce of yours again.", "nonces", 1),
    Kind.METER_GAS_LOW: Meaning("The meter of a service of yours has less than this for gas.", "wei", 10**16),
}


class Finding(NamedTuple):
    """Something to tell. The same `cause` is told once, so it names what has to change first."""

    kind: Kind
    cause: str
    text: str
    facts: dict[str, str]
