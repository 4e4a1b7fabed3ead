"""What the store knows of accounts is planned for, table by table.

the plan
├── every table of the gateway's store is in it, or is said to hold nothing of anybody's
├── a table that names an account is erased, emptied or kept with a reason
└── what follows a table is erased before that table; hidden columns exist
"""

from backend.db.personal import NOBODYS, PLAN, Blank
from backend.db.tables import tables_of

TABLES = {table.name: table for table in tables_of("gateway")}
OWNERS = {"account", "payer"}
SECRET_WORDS = ("hash", "secret", "sealed")
PUBLIC = {"request_hash", "response_hash", "content_hash", "tx_hash", "block_hash"}
"""Of signed receipts, documents, transactions and blocks."""


class TestPlan:
    def test_knows_every_table(self) -> None:
        assert set(PLAN) | set(NOBODYS) == set(TABLES)
        assert not set(PLAN) & set(NOBODYS)

    def test_forgets_no_table_that_names_an_account(self) -> None:
        named = {name for name, table in TABLES.items() if OWNERS & set(table.columns.keys())}
        assert named <= set(PLAN)
        for name, entry in PLAN.items():
            assert entry.owner in TABLES[name].columns
            assert entry.owner in OWNERS or entry.by
            assert entry.fate is None or entry.fate.why
            if isinstance(entry.fate, Blank):
                assert set(entry.fate.values) <= set(TABLES[name].columns.keys())

    def test_erases_in_order(self) -> None:
        names = list(PLAN)
        for name, entry in PLAN.items():
            if entry.by:
                assert names.index(name) < names.index(entry.by)

    def test_hides_secrets(self) -> None:
        for name, entry in PLAN.items():
            told = {
                column
                for column in list(TABLES[name].columns.keys())
                if any(word in column for word in SECRET_WORDS) and column not in PUBLIC
            }
            assert told <= set(entry.hidden), name
