// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vesting} from "../types/DataTypes.sol";

/// @title First owner of a part of EMP: a Merkle airdrop with a deadline, and linear vestings
/// @notice Nobody owns it and nothing in it changes. WARNING: it must be given the airdrop's amount and the sum of all
/// vestings when EMP is created; it has no way to ask for more.
interface IEmporionDistributor {
    /// @notice The airdrop began at deployment: `amount` EMP base units for the leaves of `root`, until `deadline` (unix
    /// time); what is left then goes to `treasury`.
    event AirdropOpened(bytes32 indexed root, address indexed treasury, uint256 amount, uint256 deadline);
    /// @notice An account got its part of the airdrop; `left` is what is unclaimed.
    event AirdropClaimed(uint256 indexed index, address indexed account, address indexed actor, uint256 amount, uint256 left);
    /// @notice What nobody claimed by the deadline went to the treasury.
    event AirdropSwept(address indexed actor, address indexed treasury, uint256 amount);
    /// @notice A vesting began its life at deployment.
    event VestingCreated(
        uint256 indexed vestingId, address indexed beneficiary, uint256 amount, uint256 start, uint256 duration
    );
    /// @notice Vested EMP left; `released` is all that ever left from this vesting.
    event VestingReleased(
        uint256 indexed vestingId, address indexed beneficiary, address indexed actor, uint256 amount, uint256 released
    );

    /// @notice Gives an account its part of the airdrop, until the deadline; anybody may call, the account is paid.
    /// @param index number of the leaf, each is paid once
    /// @param account who is paid
    /// @param amount EMP base units
    /// @param proof siblings of the leaf keccak256(bytes.concat(keccak256(abi.encode(index, account, amount)))), sorted pairs
    function claim(uint256 index, address account, uint256 amount, bytes32[] calldata proof) external;

    /// @notice Sends what nobody claimed to the treasury, after the deadline; anybody may call.
    function sweep() external;

    /// @notice Sends what vested and was not released yet to the beneficiary; anybody may call. Nothing vested moves nothing.
    /// @param vestingId number of the vesting, counting from 0
    function release(uint256 vestingId) external;

    /// @notice Whether a leaf was paid.
    /// @param index number of the leaf
    function isClaimed(uint256 index) external view returns (bool);

    /// @notice A vesting.
    /// @param vestingId its number
    /// @return vesting its terms
    /// @return released EMP base units that left
    function vestingOf(uint256 vestingId) external view returns (Vesting memory vesting, uint256 released);

    /// @notice EMP base units a vesting has set free by a time, released ones included, rounded down.
    /// @param vestingId its number
    /// @param timestamp unix time
    function vestedDown(uint256 vestingId, uint256 timestamp) external view returns (uint256);

    /// @notice Vestings there are; they are numbered from 0.
    function vestingCount() external view returns (uint256);

    /// @notice EMP base units of the airdrop nobody claimed yet; 0 after the sweep.
    function airdropLeft() external view returns (uint256);

    /// @notice Root of the airdrop.
    function root() external view returns (bytes32);

    /// @notice Unix time after which nothing can be claimed.
    function deadline() external view returns (uint256);

    /// @notice Who gets what nobody claimed.
    function treasury() external view returns (address);
}
