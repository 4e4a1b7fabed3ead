"""Ways to break the contracts, each with the tests that must notice.

A mutant is one replacement in one source. `scripts/mutants.py` compiles it and runs its tests on it: a mutant
that survives means a test that does not bite.
"""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.access_token import ACCESS_TOKEN
from tests.contracts.mutants.attacks import FAULTS
from tests.contracts.mutants.dispute_court import DISPUTE_COURT, EMPORION_GOVERNOR
from tests.contracts.mutants.mutant import Mutant
from tests.contracts.mutants.revenue_shares import REVENUE_SHARES
from tests.contracts.mutants.service_registry import SERVICE_REGISTRY
from tests.contracts.mutants.staking_vault import STAKING_VAULT
from tests.contracts.mutants.token_market import TOKEN_MARKET
from tests.contracts.mutants.usage_escrow import USAGE_ESCROW

MUTANTS: Final = (
    *ACCESS_TOKEN, *USAGE_ESCROW, *REVENUE_SHARES, *SERVICE_REGISTRY, *STAKING_VAULT, *TOKEN_MARKET,
    *DISPUTE_COURT, *EMPORION_GOVERNOR, *FAULTS,
)  # fmt: skip

__all__ = ["MUTANTS", "Mutant"]
