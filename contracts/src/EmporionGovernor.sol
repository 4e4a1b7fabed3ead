// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IEmporionGovernor} from "./interfaces/IEmporionGovernor.sol";
import {Errors} from "./libraries/Errors.sol";
import {GovernanceSettings} from "./types/DataTypes.sol";

/// @dev See {IEmporionGovernor}. Everything else is OpenZeppelin's; the overrides below its name only choose between parents.
contract EmporionGovernor is
    IEmporionGovernor,
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorTimelockControl
{
    uint256 private constant BPS = 10_000;
    uint256 private constant MIN_QUORUM_BPS = 200;
    uint256 private constant MAX_QUORUM_BPS = 2_000;

    /// @inheritdoc IEmporionGovernor
    uint256 public immutable minQuorum;

    constructor(address vault, address payable governance, GovernanceSettings memory settings)
        Governor("Emporion Governor")
        GovernorSettings(settings.votingDelay, settings.votingPeriod, settings.proposalThreshold)
        GovernorVotes(IVotes(vault))
        GovernorVotesQuorumFraction(settings.quorumBps)
        GovernorTimelockControl(TimelockController(governance))
    {
        if (settings.minQuorum == 0) revert Errors.EmporionGovernor_ZeroMinQuorum();
        minQuorum = settings.minQuorum;
    }

    /// @dev The first to lock in an empty vault has all the votes, and still not enough.
    function quorum(uint256 timepoint)
        public
        view
        override(Governor, GovernorVotesQuorumFraction)
        returns (uint256)
    {
        return Math.max(GovernorVotesQuorumFraction.quorum(timepoint), minQuorum);
    }

    function quorumDenominator() public pure override returns (uint256) {
        return BPS;
    }

    function _updateQuorumNumerator(uint256 quorumBps) internal override {
        if (quorumBps < MIN_QUORUM_BPS || quorumBps > MAX_QUORUM_BPS) {
            revert Errors.EmporionGovernor_QuorumOutOfBounds(quorumBps, MIN_QUORUM_BPS, MAX_QUORUM_BPS);
        }
        GovernorVotesQuorumFraction._updateQuorumNumerator(quorumBps);
    }

    // ------------------------------------------------------------------------------ between parents, as they must be

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return GovernorSettings.proposalThreshold();
    }

    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return GovernorTimelockControl.state(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return GovernorTimelockControl.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return GovernorTimelockControl._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        GovernorTimelockControl._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return GovernorTimelockControl._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return GovernorTimelockControl._executor();
    }
}
