// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessToken} from "../interfaces/IAccessToken.sol";

/// @title How a contract of somebody else lets in only who paid: one call to `accessOf`
contract GatedExample {
    /// @notice The account has no access to the plan.
    error GatedExample_NoAccess(uint256 planId, address account);

    IAccessToken public immutable accessToken;
    uint256 public immutable planId;
    mapping(address account => uint256) public answers;

    constructor(address accessToken_, uint256 planId_) {
        accessToken = IAccessToken(accessToken_);
        planId = planId_;
    }

    modifier onlyWithAccess() {
        (uint256 units, uint256 until) = accessToken.accessOf(planId, msg.sender);
        // A Pass or a tab shows in `units`, a Timed plan in `until`: either lets in.
        if (units == 0 && until <= block.timestamp) revert GatedExample_NoAccess(planId, msg.sender);
        _;
    }

    /// @notice What only those with access may do.
    function ask() external onlyWithAccess returns (uint256) {
        return ++answers[msg.sender];
    }
}
