// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Dispute, DisputeOutcome} from "../types/DataTypes.sol";

/// @title Claims of buyers against the bonds of providers, judged by score-weighted vote
/// @notice WARNING: two thirds of the votes cast, by at least the quorum, can take bonds; never customers' money.
interface IDisputeCourt {
    /// @notice A dispute was opened; votes count as they were at `snapshot`.
    event DisputeOpened(
        uint256 indexed disputeId,
        uint256 indexed serviceId,
        address indexed claimant,
        uint256 planId,
        uint256 amount,
        uint256 bond,
        uint256 snapshot,
        uint256 votingEnds,
        uint256 quorum,
        bytes32 evidenceHash,
        string uri
    );
    /// @notice The provider answered.
    event DisputeAnswered(
        uint256 indexed disputeId, uint256 indexed serviceId, address indexed provider, bytes32 evidenceHash, string uri
    );
    /// @notice A vote was cast; `votesFor` and `votesAgainst` are the new totals.
    event VoteCast(
        uint256 indexed disputeId,
        address indexed voter,
        bool indexed uphold,
        uint256 weight,
        uint256 votesFor,
        uint256 votesAgainst
    );
    /// @notice A dispute ended. `slashed` left the service's bond: `toClaimant` and `toProvider` were paid (the dispute bond's
    /// return included), `burned` is gone.
    event DisputeResolved(
        uint256 indexed disputeId,
        uint256 indexed serviceId,
        DisputeOutcome indexed outcome,
        uint256 slashed,
        uint256 toClaimant,
        uint256 toProvider,
        uint256 burned
    );
    /// @notice A parameter was set by governance.
    event ParameterSet(bytes32 indexed name, uint256 value);

    /// @notice Opens a dispute about a plan of price above 0, for an account that used a unit of it lately or holds one (in
    /// its wallet or tab). Takes `bondUp(amount)` EMP from the caller (allowance needed).
    /// @param planId the plan
    /// @param amount EMP base units claimed, at most the provider's bond; reserves nothing
    /// @param evidenceHash keccak256 of the evidence document
    /// @param uri where the document is
    /// @return disputeId counting from 1
    function open(uint256 planId, uint256 amount, bytes32 evidenceHash, string calldata uri)
        external
        returns (uint256 disputeId);

    /// @notice Answers a dispute while it is voted on. The service's provider only; may be repeated.
    /// @param disputeId the dispute
    /// @param evidenceHash keccak256 of the answer
    /// @param uri where the answer is
    function respond(uint256 disputeId, bytes32 evidenceHash, string calldata uri) external;

    /// @notice Votes with all the votes the caller had a second before the dispute was opened. Once.
    /// @param disputeId the dispute
    /// @param uphold whether the claim is right
    function vote(uint256 disputeId, bool uphold) external;

    /// @notice Ends a dispute after its vote; anybody may call. Upheld by two thirds of the votes cast and the quorum: half of
    /// what is slashed goes to the claimant, half is burned, the dispute bond returns. Rejected: half of the dispute bond goes
    /// to the provider, half is burned. No quorum: 90% of it returns, the rest is burned.
    /// @param disputeId the dispute
    function resolve(uint256 disputeId) external;

    /// @notice Sets how long new disputes are voted on. Governance only.
    /// @param duration seconds, 2 to 14 days unless the devnet's bounds say otherwise
    function setVotingPeriod(uint256 duration) external;

    /// @notice Sets the quorum of new disputes. Governance only.
    /// @param bps part of the total score, 200 to 2,000
    function setQuorumBps(uint256 bps) external;

    /// @notice A dispute.
    /// @param disputeId the dispute
    /// @return dispute the record
    function disputeOf(uint256 disputeId) external view returns (Dispute memory dispute);

    /// @notice Whether an account voted in a dispute.
    /// @param disputeId the dispute
    /// @param voter the account
    function hasVoted(uint256 disputeId, address voter) external view returns (bool);

    /// @notice Whether an account may open a dispute about a plan now.
    /// @param planId the plan
    /// @param account the account
    function mayOpen(uint256 planId, address account) external view returns (bool);

    /// @notice EMP base units a claim puts up: the larger of the minimum and a tenth of it, rounded up.
    /// @param amount EMP base units claimed
    function bondUp(uint256 amount) external view returns (uint256);

    /// @notice Disputes opened so far; ids run from 1 to this.
    function disputeCount() external view returns (uint256);

    /// @notice Seconds new disputes are voted on.
    function votingPeriod() external view returns (uint256);

    /// @notice Part of the total score that must vote in new disputes, in hundredths of a per cent.
    function quorumBps() external view returns (uint256);

    /// @notice Votes that must be cast however small the total score is.
    function minQuorum() external view returns (uint256);
}
