"""Every attack the contracts must stand, the tests by its name, and a fault that each of them notices."""

# ruff: noqa: E501 (a line an attack reads best)

from __future__ import annotations

from typing import Final, NamedTuple

from tests.contracts.mutants.mutant import Mutant

REENTRANCY, SETTLEMENT, SIGNATURES = (
    f"attacks/test_{name}.py" for name in ("reentrancy", "settlement", "signatures")
)
BUY, SIGNED = "access_token/test_buy.py", "access_token/test_buy_signed.py"
VAULT, LOCK, POSITIONS = (f"staking_vault/test_{name}.py" for name in ("attacks", "lock", "positions"))
FILL, COURT, VOTE = "token_market/test_fill.py", "dispute_court/test_attacks.py", "dispute_court/test_vote.py"
GOVERNOR = "emporion_governor/test_emporion_governor.py"


class Attack(NamedTuple):
    """`test` is a node below tests/contracts; `fault` the name of a mutant that makes it fail."""

    name: str
    test: str
    fault: str


ATTACKS: Final = tuple(
    Attack(*line)
    for line in (
        ("reentrancy from a receiver", f"{REENTRANCY}::TestReceivers::test_the_guard_alone_would_stop_a_second_purchase", "a purchase may be entered again"),
        ("reentrancy from a hostile currency", f"{REENTRANCY}::TestHostileCurrency::test_entering_while_it_is_paid", "a purchase may be entered again"),
        ("reentrancy from a currency at the vault", f"{VAULT}::TestRewards::test_reentrancy_from_a_hostile_currency", "rewards are not remembered as paid"),
        ("reentrancy from a currency at the market", f"{FILL}::TestAttacks::test_reentrancy_from_the_currency", "a fill may be entered again"),
        ("a plan swapped between signing and buying", f"{SIGNATURES}::TestSwaps::test_a_dearer_plan_in_the_place_of_the_one_seen", "any cost is paid"),
        ("a price swapped between reading and filling", f"{FILL}::TestAttacks::test_a_price_swapped_between_reading_and_filling", "any price is paid"),
        ("a permit front-run", f"{SIGNED}::TestBuyWithPermit::test_a_permit_used_first_by_a_stranger_does_no_harm", "a permit used first makes it fail"),
        ("a permit of a lock front-run", f"{LOCK}::TestLockWithPermit::test_a_permit_used_by_a_stranger_first", "a permit used first stops a lock"),
        ("an authorization redirected", f"{SIGNED}::TestBuyWithAuthorization::test_a_relayer_cannot_change_the_order", "a relayer names the recipient"),
        ("voucher replay on another chain", f"{SIGNATURES}::TestReplay::test_a_voucher_of_another_chain", "anybody's voucher counts"),
        ("voucher replay at another contract", f"{SIGNATURES}::TestReplay::test_a_voucher_of_another_contract", "anybody's voucher counts"),
        ("voucher replay for another plan", f"{SIGNATURES}::TestReplay::test_a_voucher_of_another_plan", "anybody's voucher counts"),
        ("voucher replay for another payer", f"{SIGNATURES}::TestReplay::test_a_voucher_of_another_payer", "anybody's voucher counts"),
        ("malleable signatures", f"{SIGNATURES}::TestMalleable::test_the_twin_with_the_high_s", "a signature's twin counts"),
        ("a wallet that burns all gas", f"{SETTLEMENT}::TestOrder::test_an_entry_made_to_fail_stops_no_other", "a wallet burns all gas"),
        ("a wallet that answers differently later", f"{SIGNATURES}::TestWallets::test_a_wallet_that_answers_differently_later", "a wallet is not asked again"),
        ("an account with delegated code", f"{SIGNATURES}::TestWallets::test_an_account_with_delegated_code_signs_with_its_key", "a wallet's code is asked before the key"),
        ("settlement repeated and reordered", f"{SETTLEMENT}::TestOrder::test_repeated_and_reordered_settlements_charge_the_same", "a settlement charges the whole total"),
        ("settlement oversized", f"{SETTLEMENT}::TestOrder::test_oversized_lines_charge_nothing", "more than the balance stops everybody"),
        ("settlement for a foreign plan", f"{SETTLEMENT}::TestOrder::test_a_meter_charges_no_foreign_plan", "any key settles"),
        ("a withdrawal racing a settlement", f"{SETTLEMENT}::TestRaces::test_a_withdrawal_racing_a_settlement", "a withdrawal leaves the balance"),
        ("a standing matured withdrawal", f"{SETTLEMENT}::TestRaces::test_a_matured_request_left_standing_gives_no_access", "a tab on its way out gives access"),
        ("share transfer racing a distribution", f"{SETTLEMENT}::TestRevenueRaces::test_shares_bought_just_before_a_release_earn_only_from_then", "shares take what accrued with them"),
        ("stake just before and unlock just after a flush", f"{VAULT}::TestRewards::test_stake_just_before_and_unlock_just_after_a_flush", "rewards are paid at once"),
        ("stream stretching by dust", f"{VAULT}::TestRewards::test_stream_stretching_by_dust", "dust stretches a stream"),
        ("increase with a day left", f"{POSITIONS}::TestIncrease::test_with_a_day_left", "a position grows a day before its end"),
        ("dust", f"{SETTLEMENT}::TestRevenueRaces::test_dust_is_never_lost_nor_made", "a fraction is lost at a claim"),
        ("zero", f"{BUY}::TestWhatIsRefused::test_no_units_so_no_event_with_zero_amounts", "nothing is bought"),
        ("2**256 - 1", f"{BUY}::TestWhatIsRefused::test_units_beyond_every_counter", "any number is bought"),
        ("a receiver that refuses tokens", f"{FILL}::TestAttacks::test_a_receiver_that_refuses_tokens", "money moves although the units do not"),
        ("a griefing batch entry", f"{SETTLEMENT}::TestOrder::test_an_entry_made_to_fail_stops_no_other", "more than the balance stops everybody"),
        ("a currency table filled by strangers", f"{SETTLEMENT}::TestStrangers::test_a_currency_table_is_not_filled_by_strangers", "anybody fills the table of currencies"),
        ("a stranger naming you as upstream", f"{SETTLEMENT}::TestStrangers::test_a_stranger_naming_you_as_upstream_only_pays_you", "an upstream pays for those who name it"),
        ("self-dispute to shield a bond", f"{COURT}::TestBond::test_self_dispute_to_shield_a_bond", "one dispute keeps others away"),
        ("slashing twice", f"{VOTE}::TestResolve::test_slashing_twice", "a dispute slashes again"),
        ("voting twice through a delegate", f"{VOTE}::TestVote::test_voting_twice_through_a_delegate", "votes count as they are now"),
        ("voting twice through a re-lock", f"{VOTE}::TestVote::test_locked_after_the_opening_does_not_count", "votes count as they are now"),
        ("votes that stay after an unlock", f"{VAULT}::TestVotes::test_an_ended_position_loses_its_votes", "an unlocked position keeps its votes"),
        ("a proposal in an empty vault", f"{GOVERNOR}::TestQuorum::test_a_proposal_in_an_empty_vault", "an empty vault decides"),
        ("a retired service selling", f"{SETTLEMENT}::TestRetirement::test_a_retired_service_sells_nothing", "what is retired sells"),
        ("an owner retiring while the meter settles", f"{SETTLEMENT}::TestRetirement::test_an_owner_retiring_while_the_meter_settles", "retirement ends settlement at once"),
        ("a soulbound unit moved by depositing for another", f"{SETTLEMENT}::TestStrangers::test_a_soulbound_unit_is_not_moved_by_depositing_for_another", "a transfer names who it is for"),
        ("a trial cap filled for a victim", f"{SETTLEMENT}::TestStrangers::test_a_trial_cap_is_not_filled_for_a_victim", "an account's cap is filled by anybody"),
        ("early access without the score", f"{SIGNATURES}::TestOptions::test_early_access_is_not_bought_with_anothers_score", "early access without a score"),
        ("minting above a cap by reentrancy", f"{REENTRANCY}::TestReceivers::test_minting_above_a_cap", "caps are counted after the mint"),
        ("a listing filled after the seller moved the tokens", f"{FILL}::TestAttacks::test_a_listing_filled_after_the_seller_moved_the_tokens", "money moves although the units do not"),
        ("a currency that starts to charge at the market", f"{FILL}::TestAttacks::test_a_currency_that_starts_to_charge_on_transfer", "a payment may fall short"),
        ("a currency that starts to charge at a sale", f"{BUY}::TestWhatIsRefused::test_money_that_does_not_arrive_in_full", "short payments count in full"),
    )
)  # fmt: skip

FAULTS: Final = (
    Mutant(
        "a settlement charges the whole total",
        "UsageEscrow",
        "        units = entry.cumulativeUnits - tab.settled;\n",
        "        units = entry.cumulativeUnits;\n",
        SETTLEMENT,
    ),
    Mutant(
        "a wallet is not asked again",
        "UsageEscrow",
        "return payer.code.length != 0 && _walletAccepts(payer, digest, signature);",
        "return payer.code.length != 0;",
        SIGNATURES,
    ),
    Mutant(
        "a signature's twin counts",
        "UsageEscrow",
        "        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);\n"
        "        if (failure == ECDSA.RecoverError.NoError && signer == payer) return true;\n",
        "        if (signature.length == 65 && payer != address(0) && ecrecover(digest, uint8(signature[64]),\n"
        "            bytes32(signature[:32]), bytes32(signature[32:64])) == payer) return true;\n",
        SIGNATURES,
    ),
    Mutant(
        "a fraction is lost at a claim",
        "RevenueShares",
        "        owed -= amount * SHARES;\n",
        "        owed = 0;\n",
        SETTLEMENT,
    ),
    Mutant(
        "nothing is bought",
        "AccessToken",
        "        if (order.units == 0) revert Errors.AccessToken_ZeroUnits();\n",
        "",
        BUY,
    ),
    Mutant(
        "any number is bought",
        "AccessToken",
        "        if (order.units > MAX_UNITS) revert Errors.AccessToken_CapTooHigh(order.units, MAX_UNITS);\n",
        "",
        BUY,
    ),
    Mutant(
        "anybody fills the table of currencies",
        "AccessToken",
        "        _requireGovernance();\n        return _addCurrency(token);\n",
        "        return _addCurrency(token);\n",
        SETTLEMENT,
    ),
    Mutant(
        "an upstream pays for those who name it",
        "RevenueShares",
        "            uint256 total = _credit(upstreamId, currency, amount);\n",
        "            uint256 total = distributed[upstreamId][currency];\n",
        SETTLEMENT,
    ),
    Mutant(
        "what is retired sells",
        "ServiceRegistry",
        "return service.status == ServiceStatus.Active && ",
        "return service.status != ServiceStatus.Paused && ",
        SETTLEMENT,
    ),
    Mutant(
        "retirement ends settlement at once",
        "UsageEscrow",
        "return retiredAt != 0 && block.timestamp > retiredAt + withdrawalDelay;",
        "return retiredAt != 0;",
        SETTLEMENT,
    ),
    Mutant(
        "caps are counted after the mint",
        "AccessToken",
        "        nonReentrant\n    {\n"
        "        _buy(Order(planId, units, msg.sender, recipient, maxCost, deadline, then));\n",
        "    {\n        Plan storage plan = _plans[planId];\n        PlanCount memory count = plan.count;\n"
        "        require(units <= count.supplyCap - count.sold);\n        Sale sale = plan.sale;\n"
        "        Order memory order = Order(planId, units, msg.sender, recipient, maxCost, deadline, then);\n"
        "        _collect(order, sale, units * sale.unitPrice(), false);\n        _deliver(order);\n"
        "        (count.sold, count.supply) = (count.sold + uint64(units), count.supply + uint64(units));\n"
        "        plan.count = count;\n",
        REENTRANCY,
    ),
)
