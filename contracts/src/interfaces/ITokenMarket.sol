// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Listing} from "../types/DataTypes.sol";

/// @title Resale of access units and shares at a fixed unit price; tokens stay with the seller until filled
interface ITokenMarket {
    /// @notice Units were offered.
    event Listed(
        uint256 indexed listingId,
        address indexed seller,
        address indexed token,
        uint256 id,
        uint256 units,
        uint256 unitPrice,
        uint256 currency,
        uint256 expiry
    );
    /// @notice The seller took an offer back.
    event Cancelled(uint256 indexed listingId, address indexed seller);
    /// @notice Units changed hands; `royalty` of `cost` went to the service's share holders, `remaining` are still offered.
    event Filled(
        uint256 indexed listingId,
        address indexed buyer,
        address indexed seller,
        address token,
        uint256 id,
        uint256 units,
        uint256 cost,
        uint256 royalty,
        uint256 remaining
    );

    /// @notice Offers units the caller holds; the market needs `setApprovalForAll` until they are sold.
    /// @param token `AccessToken` or `RevenueShares`
    /// @param id ERC-1155 id
    /// @param units how many, above 0
    /// @param unitPrice base units of the currency for one
    /// @param currency index in the table
    /// @param expiry unix time after which it cannot be filled
    /// @return listingId counting from 1
    function list(address token, uint256 id, uint256 units, uint256 unitPrice, uint256 currency, uint256 expiry)
        external
        returns (uint256 listingId);

    /// @notice Takes an offer back. Seller only.
    /// @param listingId the offer
    function cancel(uint256 listingId) external;

    /// @notice Buys a part of an offer: money and tokens swap in one step.
    /// @param listingId the offer
    /// @param units how many, above 0
    /// @param maxCost most base units to pay
    /// @param deadline unix time after which it reverts
    function fill(uint256 listingId, uint256 units, uint256 maxCost, uint256 deadline) external;

    /// @notice An offer.
    /// @param listingId the offer
    /// @return listing the record; zero when cancelled or sold out
    function listingOf(uint256 listingId) external view returns (Listing memory listing);

    /// @notice Offers made so far; ids run from 1 to this.
    function listingCount() external view returns (uint256);
}
