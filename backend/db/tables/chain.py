"""The `chain` store: what the contracts' events say. Written by the indexer alone, read by everybody else.

Every row carries its chain id; every projection row is keyed by what the contracts key it by, so that it
can be compared with storage one to one (`docs/concepts.md`). Units are whole tokens below 2**63; money is
in base units. Secondary indexes cover the gate's queries and the public listings, nothing else.
"""

from backend.db.tables.chain_income import (
    FeePool,
    Position,
    RewardStream,
    Share,
    ShareAccount,
    ShareRevenue,
    Staker,
    StakerReward,
    Vault,
)
from backend.db.tables.chain_log import (
    SCHEMA,
    Block,
    Chain,
    Heartbeat,
    Lease,
    Log,
    Outbox,
    TransactionReceipt,
    Undo,
)
from backend.db.tables.chain_market import Listing, TokenBalance
from backend.db.tables.chain_sales import (
    Access,
    Currency,
    Holding,
    Plan,
    Purchase,
    Service,
    Settlement,
    Tab,
    Upstream,
)

__all__ = [
    "SCHEMA",
    "Access",
    "Block",
    "Chain",
    "Currency",
    "FeePool",
    "Heartbeat",
    "Holding",
    "Lease",
    "Listing",
    "Log",
    "Outbox",
    "Plan",
    "Position",
    "Purchase",
    "RewardStream",
    "Service",
    "Settlement",
    "Share",
    "ShareAccount",
    "ShareRevenue",
    "Staker",
    "StakerReward",
    "Tab",
    "TokenBalance",
    "TransactionReceipt",
    "Undo",
    "Upstream",
    "Vault",
]
