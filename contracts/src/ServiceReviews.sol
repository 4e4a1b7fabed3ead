// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IServiceReviews} from "./interfaces/IServiceReviews.sol";
import {IUsageEscrow} from "./interfaces/IUsageEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {PaidUse} from "./libraries/PaidUse.sol";
import {PlanId} from "./libraries/PlanId.sol";

/// @dev See {IServiceReviews}. No check that a provider does not review itself: it would do so from another account, and
/// pays the protocol fee for it either way.
contract ServiceReviews is IServiceReviews, ERC165 {
    IAccessToken private immutable _accessToken;
    IUsageEscrow private immutable _escrow;

    constructor(address accessToken, address escrow) {
        _accessToken = IAccessToken(accessToken);
        _escrow = IUsageEscrow(escrow);
    }

    /// @inheritdoc IServiceReviews
    function review(uint256 planId, uint256 rating, bytes32 contentHash) external {
        if (rating == 0 || rating > 5) revert Errors.ServiceReviews_RatingOutOfBounds(rating);
        if (!mayReview(planId, msg.sender)) revert Errors.ServiceReviews_NoPaidUse(planId, msg.sender);
        emit Reviewed(PlanId.serviceOf(planId), msg.sender, planId, rating, contentHash);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IServiceReviews).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @inheritdoc IServiceReviews
    function mayReview(uint256 planId, address account) public view returns (bool) {
        return PaidUse.isPaid(_accessToken, planId) && PaidUse.usedSince(_accessToken, _escrow, planId, account, 0);
    }
}
