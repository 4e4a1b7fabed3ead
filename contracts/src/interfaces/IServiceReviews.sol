// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Reviews of services by accounts that paid for and used them
/// @notice Nothing is stored: the latest `Reviewed` of an account about a service is its review.
interface IServiceReviews {
    /// @notice A service was reviewed; replaces what the account said about it before.
    event Reviewed(
        uint256 indexed serviceId, address indexed account, uint256 indexed planId, uint256 rating, bytes32 contentHash
    );

    /// @notice Reviews the service of a plan the caller paid for and used: a Pass it bought, a unit it activated, credits of
    /// its own or of its tab that were consumed.
    /// @param planId the plan, of price above 0
    /// @param rating 1 to 5
    /// @param contentHash keccak256 of the text; 0 for none
    function review(uint256 planId, uint256 rating, bytes32 contentHash) external;

    /// @notice Whether an account paid for and used a unit of a plan.
    /// @param planId the plan
    /// @param account the account
    function mayReview(uint256 planId, address account) external view returns (bool);
}
