// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Position} from "../types/DataTypes.sol";

/// @title Locks of EMP for a score; the score earns streamed protocol revenue and votes
interface IStakingVault {
    /// @notice A position began.
    event Locked(
        address indexed owner, uint256 indexed index, uint256 amount, uint256 score, uint256 end, uint256 totalScore
    );
    /// @notice A position grew; `added` EMP base units came from the owner, or from its rewards where `compounded`.
    event Increased(
        address indexed owner,
        uint256 indexed index,
        uint256 added,
        bool compounded,
        uint256 amount,
        uint256 score,
        uint256 end,
        uint256 totalScore
    );
    /// @notice A position got a new end.
    event Extended(
        address indexed owner, uint256 indexed index, uint256 amount, uint256 score, uint256 end, uint256 totalScore
    );
    /// @notice The score of an ended position was taken away; its amount waits for `unlock`.
    event Expired(address indexed owner, uint256 indexed index, address indexed actor, uint256 amount, uint256 totalScore);
    /// @notice The amount of an ended position left.
    event Unlocked(address indexed owner, uint256 indexed index, address indexed to, uint256 amount, uint256 totalScore);
    /// @notice A stream of rewards began: `amount` over the stream's duration on the vault's clock, from `clockNow`.
    event RewardsStreamed(
        uint256 indexed currency, address indexed from, uint256 amount, uint256 clockNow, uint256 streamEnd
    );
    /// @notice An account was paid rewards (`compounded`: they joined a position instead).
    event RewardsClaimed(
        address indexed owner, address indexed to, uint256 indexed currency, uint256 amount, bool compounded
    );

    /// @notice Locks EMP of the caller (allowance needed). The first lock delegates the votes to the caller itself.
    /// @param amount at least 1 EMP
    /// @param duration seconds, 7 to 365 days unless the devnet's bounds say otherwise
    /// @return index the caller's new position
    function lock(uint256 amount, uint256 duration) external returns (uint256 index);

    /// @notice Locks with an ERC-2612 permit over `amount`; a permit already used does not make it fail.
    /// @param amount at least 1 EMP
    /// @param duration seconds
    /// @param deadline the permit's
    /// @param v signature part
    /// @param r signature part
    /// @param s signature part
    /// @return index the caller's new position
    function lockWithPermit(uint256 amount, uint256 duration, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 index);

    /// @notice Adds EMP to a running position of the caller with at least the shortest duration left.
    /// @param index the position
    /// @param amount EMP base units
    function increase(uint256 index, uint256 amount) external;

    /// @notice Sets the end to now + duration, not before the old one; reverts if the score of an unended position would fall.
    /// @param index the position
    /// @param duration seconds
    function extend(uint256 index, uint256 duration) external;

    /// @notice Adds the caller's EMP rewards to a running position with at least the shortest duration left.
    /// @param index the position
    function compound(uint256 index) external;

    /// @notice Takes the score of ended positions away; anybody may. Positions not ended are passed over.
    /// @param owners their owners
    /// @param indices one position for each of them
    function expire(address[] calldata owners, uint256[] calldata indices) external;

    /// @notice Takes the amount of an ended position out.
    /// @param index the position
    /// @param to who gets it
    function unlock(uint256 index, address to) external;

    /// @notice Pays the caller's rewards.
    /// @param currencies indices in the table of currencies
    /// @param to who gets them
    function claim(uint256[] calldata currencies, address to) external;

    /// @notice Begins a stream with money that just arrived. `RevenueShares` only; refused while a stream of the currency runs.
    /// @param currency index in the table
    /// @param amount base units that arrived
    function stream(uint256 currency, uint256 amount) external;

    /// @notice Whether a stream of a currency still runs.
    /// @param currency index in the table
    function streaming(uint256 currency) external view returns (bool);

    /// @notice A position.
    /// @param owner its owner
    /// @param index its number
    /// @return position the record
    function positionOf(address owner, uint256 index) external view returns (Position memory position);

    /// @notice Positions an account ever made; their numbers run from 0.
    /// @param owner the account
    function positionCount(address owner) external view returns (uint256);

    /// @notice Score of an account: the sum of its positions'.
    /// @param owner the account
    function scoreOf(address owner) external view returns (uint256);

    /// @notice Score of everybody.
    function totalScore() external view returns (uint256);

    /// @notice EMP base units locked by everybody.
    function totalLocked() external view returns (uint256);

    /// @notice Rewards an account can claim now.
    /// @param owner the account
    /// @param currency index in the table
    function claimable(address owner, uint256 currency) external view returns (uint256);

    /// @notice Score of an amount locked for a duration: 1.0x at 7 days to 4.0x at 365, rounded down.
    /// @param amount EMP base units
    /// @param duration seconds
    function scoreDown(uint256 amount, uint256 duration) external view returns (uint256);
}
