// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the governor adds to OpenZeppelin's: a quorum that cannot be tiny
/// @notice A governor over the votes of the staking vault, periods in seconds, executing through the timelock.
interface IEmporionGovernor {
    /// @notice Votes that must be cast however small the total score is: an empty vault decides nothing.
    function minQuorum() external view returns (uint256);
}
