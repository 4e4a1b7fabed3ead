// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Every error of the contracts, named by contract, with the values that explain it
library Errors {
    // ------------------------------------------------------------------------------------------- EmporionToken

    error EmporionToken_SupplyTooLarge(uint256 distributorAmount, uint256 treasuryAmount, uint256 maximum);

    // -------------------------------------------------------------------------------------------- StakingVault

    error StakingVault_BadDurations(uint256 minDuration, uint256 maxDuration);
    error StakingVault_BadStreamDuration(uint256 streamDuration, uint256 maximum);
    error StakingVault_AmountTooSmall(uint256 amount, uint256 minimum);
    error StakingVault_ZeroAmount();
    error StakingVault_DurationOutOfBounds(uint256 duration, uint256 minimum, uint256 maximum);
    error StakingVault_NoPosition(address owner, uint256 index);
    error StakingVault_TooLittleLeft(uint256 left, uint256 minimum);
    error StakingVault_EndBeforeOld(uint256 end, uint256 oldEnd);
    error StakingVault_ScoreWouldFall(uint256 score, uint256 oldScore);
    error StakingVault_StillLocked(uint256 end, uint256 timestamp);
    error StakingVault_LengthMismatch(uint256 owners, uint256 indices);
    error StakingVault_NotShares(address caller, address shares);
    error StakingVault_StreamRunning(uint256 currency);
    error StakingVault_StreamTooLarge(uint256 amount, uint256 maximum);
    error StakingVault_UnknownCurrency(uint256 currency);

    // --------------------------------------------------------------------------------------------- TokenMarket

    error TokenMarket_UnknownToken(address token);
    error TokenMarket_Soulbound(uint256 id);
    error TokenMarket_ZeroUnits();
    error TokenMarket_ZeroPrice();
    error TokenMarket_UnknownCurrency(uint256 currency, uint256 count);
    error TokenMarket_Expired(uint256 until, uint256 timestamp);
    error TokenMarket_NoListing(uint256 listingId);
    error TokenMarket_NotSeller(uint256 listingId, address caller, address seller);
    error TokenMarket_OwnListing(uint256 listingId, address seller);
    error TokenMarket_TooManyUnits(uint256 units, uint256 offered);
    error TokenMarket_CostAboveMaximum(uint256 cost, uint256 maxCost);
    error TokenMarket_ShortPayment(address to, uint256 received, uint256 amount);

    // ---------------------------------------------------------------------------------------------- TestDollar

    error TestDollar_NotYetValid(uint256 validAfter, uint256 timestamp);
    error TestDollar_Expired(uint256 validBefore, uint256 timestamp);
    error TestDollar_AuthorizationUsed(address authorizer, bytes32 nonce);
    error TestDollar_NotPayee(address caller, address payee);
    error TestDollar_InvalidSignature(address signer);

    // -------------------------------------------------------------------------------------------- AccessToken

    error AccessToken_NotProvider(uint256 serviceId, address caller, address provider);
    error AccessToken_NotGovernance(address caller, address governance);
    error AccessToken_NotGuardian(address caller, address guardian);
    error AccessToken_ServiceRetired(uint256 serviceId);
    error AccessToken_ServiceNotSelling(uint256 serviceId);
    error AccessToken_UnknownPlan(uint256 planId);
    error AccessToken_BadPeriod(uint256 period, uint256 minimum, uint256 maximum);
    error AccessToken_PassNotRefundable();
    error AccessToken_RoyaltyTooHigh(uint256 royaltyBps, uint256 maximum);
    error AccessToken_CapTooHigh(uint256 cap, uint256 maximum);
    error AccessToken_EarlyBeforeTime(uint256 earlySeconds, uint256 saleStart);
    error AccessToken_TooManyPlans(uint256 serviceId, uint256 maximum);
    error AccessToken_SaleClosed(uint256 planId);
    error AccessToken_SalesPaused(uint256 until);
    error AccessToken_SaleNotStarted(uint256 planId, uint256 saleStart);
    error AccessToken_ScoreTooLow(uint256 score, uint256 minimum);
    error AccessToken_Expired(uint256 deadline, uint256 timestamp);
    error AccessToken_ZeroUnits();
    error AccessToken_ZeroAddress();
    error AccessToken_CostAboveMaximum(uint256 cost, uint256 maxCost);
    error AccessToken_RecipientNotPayer(address recipient, address payer);
    error AccessToken_WrongThen(uint256 planId, uint256 then);
    error AccessToken_SupplyCapReached(uint256 planId, uint256 units, uint256 left);
    error AccessToken_AccountCapReached(uint256 planId, address account, uint256 units, uint256 left);
    error AccessToken_ShortPayment(uint256 received, uint256 amount);
    error AccessToken_WrongKind(uint256 planId);
    error AccessToken_Soulbound(uint256 planId);
    error AccessToken_NotRefundable(uint256 planId);
    error AccessToken_UnknownCurrency(uint256 currency, uint256 count);
    error AccessToken_CurrencyClosed(uint256 currency);
    error AccessToken_CurrencyTableFull(uint256 maximum);
    error AccessToken_CurrencyListed(address token);
    error AccessToken_CurrencyNotToken(address token);
    error AccessToken_CurrencySupplyTooLarge(address token, uint256 supply, uint256 maximum);
    error AccessToken_FeeTooHigh(uint256 feeBps, uint256 maximum);
    error AccessToken_PauseTooSoon(uint256 allowedAt);

    // ------------------------------------------------------------------------------------------ RevenueShares

    error RevenueShares_NotRegistry(address caller, address registry);
    error RevenueShares_NotAccessToken(address caller, address accessToken);
    error RevenueShares_NotGovernance(address caller, address governance);
    error RevenueShares_UnknownService(uint256 serviceId);
    error RevenueShares_TooManyUpstreams(uint256 count, uint256 maximum);
    error RevenueShares_UpstreamOrder(uint256 upstreamId, uint256 above, uint256 below);
    error RevenueShares_ZeroUpstream(uint256 upstreamId);
    error RevenueShares_UpstreamsTooHigh(uint256 bps, uint256 maximum);
    error RevenueShares_ZeroAmount();
    error RevenueShares_ZeroAddress();
    error RevenueShares_LengthMismatch(uint256 serviceIds, uint256 currencies);
    error RevenueShares_UnknownCurrency(uint256 currency, uint256 count);
    error RevenueShares_TotalTooLarge(uint256 serviceId, uint256 currency, uint256 total, uint256 maximum);
    error RevenueShares_NoFees(uint256 currency);

    // ---------------------------------------------------------------------------------------- ServiceRegistry

    error ServiceRegistry_NotProvider(uint256 serviceId, address caller, address provider);
    error ServiceRegistry_NotGovernance(address caller, address governance);
    error ServiceRegistry_NotGuardian(address caller, address guardian);
    error ServiceRegistry_NotCourt(address caller, address court);
    error ServiceRegistry_NotAccessToken(address caller, address accessToken);
    error ServiceRegistry_NotMeterOrProvider(uint256 serviceId, address caller);
    error ServiceRegistry_RegistrationsPaused(uint256 until);
    error ServiceRegistry_PauseTooSoon(uint256 allowedAt);
    error ServiceRegistry_TooManyServices(uint256 maximum);
    error ServiceRegistry_Retired(uint256 serviceId);
    error ServiceRegistry_ZeroAmount();
    error ServiceRegistry_ZeroAddress();
    error ServiceRegistry_UnbondAboveBond(uint256 amount, uint256 bond);
    error ServiceRegistry_NothingUnbonding(uint256 serviceId);
    error ServiceRegistry_CooldownRunning(uint256 serviceId, uint256 readyAt);
    error ServiceRegistry_DisputesOpen(uint256 serviceId, uint256 openDisputes);
    error ServiceRegistry_NotUnderbonded(uint256 serviceId, uint256 counting, uint256 minBond);
    error ServiceRegistry_AlreadyFlagged(uint256 serviceId, uint256 since);
    error ServiceRegistry_NotRetireable(uint256 serviceId);
    error ServiceRegistry_ChallengeOpen(uint256 serviceId, uint256 answerBy);
    error ServiceRegistry_NoChallenge(uint256 serviceId);
    error ServiceRegistry_AnswerTooLate(uint256 serviceId, uint256 answerBy);
    error ServiceRegistry_MinBondOutOfBounds(uint256 amount, uint256 maximum);
    error ServiceRegistry_MinBondTooSoon(uint256 allowedAt);
    error ServiceRegistry_CooldownOutOfBounds(uint256 duration, uint256 minimum, uint256 maximum);

    // -------------------------------------------------------------------------------------------- UsageEscrow

    error UsageEscrow_NotAccessToken(address caller, address accessToken);
    error UsageEscrow_NotMeter(uint256 serviceId, address caller);
    error UsageEscrow_NotGovernance(address caller, address governance);
    error UsageEscrow_NotMetered(uint256 planId);
    error UsageEscrow_MintNotDeposit(uint256 planId);
    error UsageEscrow_ZeroUnits();
    error UsageEscrow_AlreadyRequested(uint256 planId, address payer, uint256 withdrawAt);
    error UsageEscrow_NoRequest(uint256 planId, address payer);
    error UsageEscrow_NotReady(uint256 planId, address payer, uint256 withdrawAt);
    error UsageEscrow_NothingToWithdraw(uint256 planId, address payer);
    error UsageEscrow_Soulbound(uint256 planId, address to, address payer);
    error UsageEscrow_BadRecipient(address to);
    error UsageEscrow_BalanceNotZero(uint256 planId, address payer, uint256 balance);
    error UsageEscrow_LimitTooHigh(uint256 dailyLimit, uint256 maximum);
    error UsageEscrow_GasTooLow(uint256 gasLeft, uint256 needed);
    error UsageEscrow_DelayOutOfBounds(uint256 duration, uint256 minimum, uint256 maximum);

    // ------------------------------------------------------------------------------------ EmporionDistributor

    error EmporionDistributor_DeadlinePassed(uint256 deadline, uint256 timestamp);
    error EmporionDistributor_DeadlineAhead(uint256 deadline, uint256 timestamp);
    error EmporionDistributor_AlreadyClaimed(uint256 index);
    error EmporionDistributor_InvalidProof(uint256 index, address account, uint256 amount);
    error EmporionDistributor_AirdropExhausted(uint256 amount, uint256 left);
    error EmporionDistributor_UnknownVesting(uint256 vestingId, uint256 count);
    error EmporionDistributor_BadVesting(uint256 vestingId);

    // ------------------------------------------------------------------------------------------- DisputeCourt

    error DisputeCourt_NotGovernance(address caller, address governance);
    error DisputeCourt_NotProvider(uint256 serviceId, address caller, address provider);
    error DisputeCourt_NoPaidUse(uint256 planId, address account);
    error DisputeCourt_ZeroAmount();
    error DisputeCourt_AmountAboveBond(uint256 amount, uint256 bond);
    error DisputeCourt_NotOpen(uint256 disputeId);
    error DisputeCourt_VotingEnded(uint256 disputeId, uint256 votingEnds);
    error DisputeCourt_VotingRuns(uint256 disputeId, uint256 votingEnds);
    error DisputeCourt_AlreadyVoted(uint256 disputeId, address voter);
    error DisputeCourt_NoVotes(uint256 disputeId, address voter);
    error DisputeCourt_OutOfBounds(uint256 value, uint256 minimum, uint256 maximum);

    // ----------------------------------------------------------------------------------------- ServiceReviews

    error ServiceReviews_RatingOutOfBounds(uint256 rating);
    error ServiceReviews_NoPaidUse(uint256 planId, address account);

    // --------------------------------------------------------------------------------------- EmporionGovernor

    error EmporionGovernor_QuorumOutOfBounds(uint256 quorumBps, uint256 minimum, uint256 maximum);
    error EmporionGovernor_ZeroMinQuorum();
}
