// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessToken} from "../interfaces/IAccessToken.sol";
import {IUsageEscrow} from "../interfaces/IUsageEscrow.sol";
import {Tab} from "../types/DataTypes.sol";

/// @title Who paid for and used a plan: what `AccessToken` saw, or what settled from a tab
library PaidUse {
    /// @dev Whether units of the plan cost anything: a free trial gives no say.
    function isPaid(IAccessToken accessToken, uint256 planId) internal view returns (bool) {
        return accessToken.termsOf(planId).unitPrice > 0;
    }

    /// @dev Unix time of the last paid use at or after `since` counts; 0 for `since` is ever.
    function usedSince(
        IAccessToken accessToken,
        IUsageEscrow escrow,
        uint256 planId,
        address account,
        uint256 since
    ) internal view returns (bool) {
        (, uint256 lastPaidUse,) = accessToken.accountOf(planId, account);
        if (lastPaidUse > 0 && lastPaidUse >= since) return true;
        Tab memory tab = escrow.tabOf(planId, account);
        if (tab.settled == 0) return false;
        if (since == 0) return true;
        // A tab keeps the day of its last settlement modulo 2**16, 179 years: the distance to today is enough.
        uint16 age;
        unchecked {
            age = uint16(block.timestamp / 1 days) - tab.day;
        }
        return age <= block.timestamp / 1 days - since / 1 days;
    }
}
