"""Rows that PostgreSQL gets by COPY are the rows that plain insertion writes.

copy_bytes
├── given logs of any topics and data: they should be stored as insertion stores them
└── given outbox rows with and without what may be absent: they should be stored as insertion stores them
insert
└── given more than a few rows, of any numbers and texts: they should be stored as a few are
"""

import random
from pathlib import Path
from typing import Any

import pytest

from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.db.tables.chain import Log, Outbox, Purchase, Undo
from indexer.shapes import FACTS, RAW, Model, Row, Shape
from indexer.statements import FEW, Statements, Values, in_one_read, in_one_write

DICE = random.Random(5)


def some_log(number: int) -> Values:
    topics = DICE.randbytes(32 * DICE.randrange(5))
    data = DICE.randbytes(DICE.randrange(300))
    place = (DICE.randbytes(32), DICE.randbytes(32), DICE.randrange(2**40))
    return (31337, DICE.randrange(2**62), number, *place, DICE.randbytes(20), topics, data)


def some_event(number: int) -> Values:
    about = [DICE.choice([None, value]) for value in (DICE.randrange(2**33), 2**53 - 1, DICE.randbytes(20))]
    told = '{"note":"' + DICE.choice(["", "\\t\\\\ \\u0001", "ünï → 漢字", "x" * 5_000]) + '","id":"7"}'
    place = (31337, DICE.randrange(2**62), DICE.randbytes(32), DICE.randrange(10), 1_700_000_000)
    kind = ("AccessToken", DICE.choice(["TransferSingle", "Bought"]))
    return (number + 1, *place, DICE.randbytes(32), *kind, *about, told, DICE.choice([None, 2**40]))


def some_purchase(number: int) -> Row:
    row = FACTS[Purchase].fresh(31337, (DICE.randrange(2**62), number))
    accounts = {name: DICE.randbytes(20) for name in ("payer", "recipient")}
    return {**row, **accounts, "tx_hash": DICE.randbytes(32), "cost": DICE.randrange(2**256)}


def some_undo(number: int) -> Row:
    old = DICE.choice([None, '{"uri":"\\t\\\\ \\u0001"}', '{"uri":"ünï → 漢字"}', "\\N", "a\tb\nc"])
    row = RAW[Undo].fresh(31337, (DICE.randrange(2**62), number))
    return {**row, "table_name": "services", "key": '{"service_id":"7"}', "old": old}


@pytest.mark.parametrize(("shape", "some"), [(FACTS[Purchase], some_purchase), (RAW[Undo], some_undo)])
async def test_many_inserted_rows_are_few_inserted_rows(
    new_postgres_url: str, tmp_path: Path, shape: Shape, some: Any
) -> None:
    await same_both_ways(
        new_postgres_url, tmp_path, shape, [some(number) for number in range(3 * FEW)], "insert"
    )


@pytest.mark.parametrize(("model", "some"), [(Log, some_log), (Outbox, some_event)])
async def test_copied_rows_are_inserted_rows(
    new_postgres_url: str, tmp_path: Path, model: Model, some: Any
) -> None:
    rows = [some(number) for number in range(3 * FEW)]
    await same_both_ways(new_postgres_url, tmp_path, RAW[model], rows, "append")


async def same_both_ways(url: str, home: Path, shape: Shape, rows: list[Any], way: str) -> None:
    store = await open_chain_store(load_settings(home=home, database_url=url, devnet=True))
    key = ", ".join(shape.key_columns)

    def stored(db: Statements) -> list[Values]:
        return db.run(f"SELECT * FROM chain.{shape.name} ORDER BY {key}")

    def insert(db: Statements) -> None:
        for start in range(0, len(rows), FEW):
            getattr(db, way)(shape, rows[start : start + FEW])

    await in_one_write(store, insert)
    inserted = await in_one_read(store, stored)
    await in_one_write(store, lambda db: db.do(f"DELETE FROM chain.{shape.name}"))
    await in_one_write(store, lambda db: getattr(db, way)(shape, rows))
    assert await in_one_read(store, stored) == inserted
    assert len(inserted) == len(rows)
    await store.close()
