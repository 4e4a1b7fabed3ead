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
}
