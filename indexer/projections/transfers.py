"""Balances by transfer: what leaves one account joins another, the zero address aside."""

from backend.core.units import ZERO_ADDRESS
from indexer.rows import Rows
from indexer.shapes import Model


def move(
    rows: Rows, table: Model, column: str, token: object, sender: bytes, receiver: bytes, amount: int
) -> None:
    """Move an amount of a token (a plan, a service, an address) between its rows of two accounts."""
    if sender == receiver or amount == 0:
        return
    if sender != ZERO_ADDRESS:
        rows.edit(table, token, sender)[column] -= amount
    if receiver != ZERO_ADDRESS:
        rows.edit(table, token, receiver)[column] += amount
