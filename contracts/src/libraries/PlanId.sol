// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PlanKind} from "../types/DataTypes.sol";

/// @title Plan ids: serviceId << 20 | index << 4 | transferable << 2 | kind
/// @dev They fit JavaScript numbers and 64-bit columns (serviceId < 2**33), and kind and soulbound cost no read.
library PlanId {
    uint256 internal constant MAX_SERVICE_ID = 2 ** 33 - 1;
    uint256 internal constant MAX_PLANS = 2 ** 16;

    function pack(uint256 serviceId, uint256 index, bool transferable, PlanKind kind) internal pure returns (uint256) {
        return serviceId << 20 | index << 4 | (transferable ? 4 : 0) | uint256(kind);
    }

    function serviceOf(uint256 planId) internal pure returns (uint256) {
        return planId >> 20;
    }

    function isSoulbound(uint256 planId) internal pure returns (bool) {
        return planId & 4 == 0;
    }

    /// @dev An id that ends in 3 names no kind; no plan has one, so all that follows finds nothing there.
    function isKind(uint256 planId, PlanKind kind) internal pure returns (bool) {
        return planId & 3 == uint256(kind);
    }
}
