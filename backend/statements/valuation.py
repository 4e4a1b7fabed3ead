"""Worth in the quote, in hundred-millionths, and amounts as people write them. Pure integers."""

from typing import Final

from backend.statements.ports import Worth

VALUE_DECIMALS: Final = 8
"""A value is counted in units of 10**-8 of the quote, as price feeds do."""


def value_nearest(amount: int, decimals: int, price: Worth) -> int:
    """Worth of base units at a price; halves round up."""
    over: int = amount * price.answer * 10**VALUE_DECIMALS
    under: int = 10 ** (decimals + price.decimals)
    return (2 * over + under) // (2 * under)


def plain(amount: int, decimals: int) -> str:
    """Base units as an exact decimal number, without separators: `-12.05`."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, part = divmod(amount, 10**decimals)
    fraction = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}{'.' + fraction if fraction else ''}"
