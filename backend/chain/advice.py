"""What to do about a revert: one line a reason; a contract's full error name goes before the bare reason."""

from collections.abc import Mapping
from typing import Final

PANICS: Final[Mapping[int, str]] = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow; use a smaller amount",
    0x12: "division by zero",
    0x21: "a number that is no value of its enum",
    0x32: "an index outside its array",
    0x41: "too much memory; send less at once",
}

ADVICE: Final[Mapping[str, str]] = {
    "ERC20InsufficientBalance": "get more of the token first",
    "ERC20InsufficientAllowance": "approve the contract for this amount first",
    "ERC1155InsufficientBalance": "use at most the units you hold",
    "ERC1155MissingApprovalForAll": "call setApprovalForAll for the contract first",
    "ERC1155InvalidReceiver": "the receiving contract refuses ERC-1155 tokens; name another account",
    "ERC2612ExpiredSignature": "sign a new permit with a later deadline",
    "ERC2612InvalidSigner": "the permit was signed by another key, or for another chain, nonce or token",
    "ERC721NonexistentToken": "there is no such service; check its id",
    "AccountCapExceeded": "this account has bought all it may of this plan",
    "AmountTooSmall": "use at least the minimum",
    "AuthorizationUsed": "sign a new authorization",
    "CostAboveMaximum": "the cost is above your maximum; raise maxCost or buy fewer units",
    "DurationOutOfBounds": "choose a duration within the bounds",
    "Expired": "the deadline has passed; send a new one with a later deadline",
    "NoListing": "the offer is gone; look at the open ones",
    "NotMeter": "only the service's meter key may do this",
    "NotOwner": "only the holder of the service may do this",
    "NotSeller": "only the seller may do this",
    "NothingToClaim": "there is nothing to claim yet",
    "SaleClosed": "this plan does not sell now; choose another",
    "Soulbound": "units of this plan cannot be moved",
    "StillLocked": "wait until the position has ended",
    "StreamRunning": "a stream of this currency still runs; flush after its end",
    "SupplyCapExceeded": "fewer units are left than asked for",
    "TooLittleLeft": "extend the position first",
    "TooManyUnits": "ask for at most what is offered",
    "ZeroAmount": "use an amount above 0",
    "ZeroUnits": "use a number of units above 0",
}


def advice_for(name: str) -> str:
    """The advice for a Solidity error, by its full name or by its reason; empty where there is none."""
    return ADVICE.get(name) or ADVICE.get(name.partition("_")[2], "")
