"""Rows in PostgreSQL's binary COPY format (its documentation: COPY, "Binary Format").

A record is the number of its columns, then the length of each and its bytes; -1 for an absent one. Written
for the two tables that get a row an event: one packing a row, where a function a value takes thrice as long.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from struct import Struct
from typing import Any, Final

from backend.db.tables.chain import Log, Outbox
from indexer.shapes import Model

Values = tuple[Any, ...]
_BEGINNING: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_ABSENT: Final = b"\xff\xff\xff\xff"
_size: Final = Struct("!i").pack
_whole: Final = Struct("!iq").pack
_log_head: Final = Struct("!hiqiqiqi32si32siqi20si").pack
_outbox_head: Final = Struct("!hiqiqiqi32siqiqi32s").pack


def copy_bytes(model: Model, rows: Sequence[Values]) -> bytes:
    """Rows of a table, their values in the order of its columns."""
    record = _RECORDS[model]
    return b"".join([_BEGINNING, *[record(row) for row in rows], _END])


def _log(row: Values) -> bytes:
    chain_id, number, index, block, tx, tx_index, address, topics, data = row
    same = (9, 8, chain_id, 8, number, 8, index, 32, block, 32, tx, 8, tx_index, 20, address, len(topics))
    return b"".join([_log_head(*same), topics, _size(len(data)), data])


def _outbox(row: Values) -> bytes:
    identity, chain_id, number, block, index, timestamp, tx, contract, event, *about, args, retracts = row
    head = (14, 8, identity, 8, chain_id, 8, number, 32, block, 8, index, 8, timestamp, 32, tx)
    service_id, plan_id, account = about
    told = args.encode()
    return b"".join(
        [
            _outbox_head(*head),
            _kind(contract, event),
            _ABSENT if service_id is None else _whole(8, service_id),
            _ABSENT if plan_id is None else _whole(8, plan_id),
            _ABSENT if account is None else _size(len(account)) + account,
            _size(len(told)),
            told,
            _ABSENT if retracts is None else _whole(8, retracts),
        ]
    )


@cache
def _kind(contract: str, event: str) -> bytes:
    """Contract and event: few, and told again and again."""
    return b"".join(_size(len(text)) + text for text in (contract.encode(), event.encode()))


_RECORDS: Final[Mapping[Model, Callable[[Values], bytes]]] = {Log: _log, Outbox: _outbox}
