"""What an account has locked and earned, as the chain has it now."""

from typing import Any

from backend.chain.bindings import Contracts
from backend.chain.bindings.structs import Position
from backend.chain.contract import read_all
from backend.cli.outcomes import EMP_DECIMALS, emp, moneys, position
from backend.cli.output import money
from backend.core.units import Address, checksum


async def stakes_of(contracts: Contracts, owner: Address) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Score and claimable rewards of an account; and a row for each position that holds something."""
    vault = contracts.vault
    count = await vault.position_count(owner)
    found = await read_all(contracts.client, [vault.view("positionOf", owner, one) for one in range(count)])
    now = await contracts.client.timestamp()
    rows = [
        position(index, held.amount, held.score, held.end) | {"ended": held.end <= now}
        for index, held in enumerate(map(Position.of, found))
        if held.amount
    ]
    return await _earned(contracts, owner), rows


async def _earned(contracts: Contracts, owner: Address) -> dict[str, Any]:
    vault, lines = contracts.vault, contracts.deployment.currencies
    views = [vault.view("claimable", owner, line.index) for line in lines]
    amounts = await read_all(contracts.client, views)
    score, whole = await vault.score(owner), await vault.total_score()
    return {
        "address": checksum(owner),
        **emp(await contracts.emp.balance(owner), "in_wallet"),
        "score": money(score, EMP_DECIMALS, ""),
        "score_base_units": str(score),
        "score_of_all": money(whole, EMP_DECIMALS, ""),
        "score_of_all_base_units": str(whole),
        **moneys(
            lines, {line.index: amount for line, amount in zip(lines, amounts, strict=True)}, "claimable"
        ),
    }
