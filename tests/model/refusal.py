"""How the model says no: by the name of the error the contracts revert with."""

from typing import Final, NoReturn

UINT256_MAX: Final = 2**256 - 1


class Refused(Exception):
    """The contracts revert with `error`: the name of a custom error, or `Panic` for checked arithmetic."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def refuse(error: str) -> NoReturn:
    """Give up with an error's name."""
    raise Refused(error)


def fits(value: int, bits: int) -> int:
    """The value where Solidity's checked arithmetic lets it through, else `Panic`."""
    if not 0 <= value < 1 << bits:
        raise Refused("Panic")
    return value


def cast(value: int, bits: int) -> int:
    """What OpenZeppelin's SafeCast lets through."""
    if value >= 1 << bits:
        raise Refused("SafeCastOverflowedUintDowncast")
    return value
