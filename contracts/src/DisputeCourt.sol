// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IDisputeCourt} from "./interfaces/IDisputeCourt.sol";
import {IEmporionToken} from "./interfaces/IEmporionToken.sol";
import {IServiceRegistry} from "./interfaces/IServiceRegistry.sol";
import {IUsageEscrow} from "./interfaces/IUsageEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {PaidUse} from "./libraries/PaidUse.sol";
import {PlanId} from "./libraries/PlanId.sol";
import {CourtSettings, Dispute, DisputeOutcome} from "./types/DataTypes.sol";

/// @dev See {IDisputeCourt}. No reentrancy guard: it calls only EMP, which has no hooks, and the registry and the vault, which
/// call nobody on its way. No check that claimant and provider differ: a provider that disputes itself wins at most half of its
/// own bond back, and shields nothing, as a dispute reserves nothing and only keeps the bond from leaving.
contract DisputeCourt is IDisputeCourt, ERC165 {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant BPS = 10_000;
    uint256 private constant MIN_QUORUM_BPS = 200;
    uint256 private constant MAX_QUORUM_BPS = 2_000;

    IEmporionToken private immutable _emp;
    IServiceRegistry private immutable _registry;
    IAccessToken private immutable _accessToken;
    IUsageEscrow private immutable _escrow;
    IVotes private immutable _vault;
    address private immutable _governance;
    uint256 private immutable _minBond;
    uint256 private immutable _minVotingPeriod;
    uint256 private immutable _maxVotingPeriod;
    uint256 private immutable _usePeriod;
    /// @inheritdoc IDisputeCourt
    uint256 public immutable minQuorum;

    /// @inheritdoc IDisputeCourt
    uint256 public votingPeriod;
    /// @inheritdoc IDisputeCourt
    uint256 public quorumBps;
    /// @inheritdoc IDisputeCourt
    uint256 public disputeCount;
    /// @inheritdoc IDisputeCourt
    mapping(uint256 disputeId => mapping(address voter => bool)) public hasVoted;

    mapping(uint256 disputeId => Dispute) private _disputes;

    modifier onlyGovernance() {
        if (msg.sender != _governance) revert Errors.DisputeCourt_NotGovernance(msg.sender, _governance);
        _;
    }

    constructor(
        address emp,
        address registry,
        address accessToken,
        address escrow,
        address vault,
        address governance,
        CourtSettings memory settings
    ) {
        if (settings.minBond == 0 || settings.minQuorum == 0) revert Errors.DisputeCourt_ZeroAmount();
        _emp = IEmporionToken(emp);
        _registry = IServiceRegistry(registry);
        _accessToken = IAccessToken(accessToken);
        _escrow = IUsageEscrow(escrow);
        _vault = IVotes(vault);
        _governance = governance;
        _minBond = settings.minBond;
        _minVotingPeriod = settings.minVotingPeriod;
        _maxVotingPeriod = settings.maxVotingPeriod;
        _usePeriod = settings.usePeriod;
        minQuorum = settings.minQuorum;
        _setVotingPeriod(settings.votingPeriod);
        _setQuorumBps(settings.quorumBps);
    }

    /// @inheritdoc IDisputeCourt
    function open(uint256 planId, uint256 amount, bytes32 evidenceHash, string calldata uri)
        external
        returns (uint256 disputeId)
    {
        // Check.
        uint256 serviceId = PlanId.serviceOf(planId);
        if (amount == 0) revert Errors.DisputeCourt_ZeroAmount();
        if (!mayOpen(planId, msg.sender)) revert Errors.DisputeCourt_NoPaidUse(planId, msg.sender);
        uint256 serviceBond = _registry.serviceOf(serviceId).bond;
        if (amount > serviceBond) revert Errors.DisputeCourt_AmountAboveBond(amount, serviceBond);

        // Effect.
        disputeId = ++disputeCount;
        Dispute memory dispute = _newDispute(serviceId, amount);
        _disputes[disputeId] = dispute;
        _emitOpened(disputeId, planId, dispute, evidenceHash, uri);

        // Interaction.
        _registry.countDispute(serviceId, true);
        IERC20(_emp).safeTransferFrom(msg.sender, address(this), dispute.bond);
    }

    /// @inheritdoc IDisputeCourt
    function respond(uint256 disputeId, bytes32 evidenceHash, string calldata uri) external {
        Dispute memory dispute = _requireVoting(disputeId);
        address provider = _registry.ownerOf(dispute.serviceId);
        if (msg.sender != provider) {
            revert Errors.DisputeCourt_NotProvider(dispute.serviceId, msg.sender, provider);
        }
        emit DisputeAnswered(disputeId, dispute.serviceId, provider, evidenceHash, uri);
    }

    /// @inheritdoc IDisputeCourt
    function vote(uint256 disputeId, bool uphold) external {
        // Check.
        Dispute memory dispute = _requireVoting(disputeId);
        if (hasVoted[disputeId][msg.sender]) revert Errors.DisputeCourt_AlreadyVoted(disputeId, msg.sender);
        uint256 weight = _vault.getPastVotes(msg.sender, dispute.opened - 1);
        if (weight == 0) revert Errors.DisputeCourt_NoVotes(disputeId, msg.sender);

        // Effect: the weights sum to the total score at most, which fits.
        hasVoted[disputeId][msg.sender] = true;
        if (uphold) dispute.votesFor += uint112(weight);
        else dispute.votesAgainst += uint112(weight);
        _disputes[disputeId] = dispute;
        emit VoteCast(disputeId, msg.sender, uphold, weight, dispute.votesFor, dispute.votesAgainst);
    }

    /// @inheritdoc IDisputeCourt
    function resolve(uint256 disputeId) external {
        // Check.
        Dispute memory dispute = _requireOpen(disputeId);
        if (block.timestamp < dispute.votingEnds) {
            revert Errors.DisputeCourt_VotingRuns(disputeId, dispute.votingEnds);
        }

        // Effect: it is closed before anybody is called, so that it slashes once.
        DisputeOutcome outcome = _outcomeOf(dispute);
        _disputes[disputeId].outcome = outcome;

        // Interaction.
        _registry.countDispute(dispute.serviceId, false);
        if (outcome == DisputeOutcome.Upheld) _uphold(disputeId, dispute);
        else if (outcome == DisputeOutcome.Rejected) _reject(disputeId, dispute);
        else _return(disputeId, dispute);
    }

    /// @inheritdoc IDisputeCourt
    function setVotingPeriod(uint256 duration) external onlyGovernance {
        _setVotingPeriod(duration);
    }

    /// @inheritdoc IDisputeCourt
    function setQuorumBps(uint256 bps) external onlyGovernance {
        _setQuorumBps(bps);
    }

    /// @inheritdoc IDisputeCourt
    function disputeOf(uint256 disputeId) external view returns (Dispute memory dispute) {
        return _disputes[disputeId];
    }

    /// @inheritdoc IDisputeCourt
    function mayOpen(uint256 planId, address account) public view returns (bool) {
        if (!PaidUse.isPaid(_accessToken, planId)) return false;
        if (_accessToken.balanceOf(account, planId) > 0) return true;
        if (_escrow.tabOf(planId, account).balance > 0) return true;
        return PaidUse.usedSince(_accessToken, _escrow, planId, account, block.timestamp - _usePeriod);
    }

    /// @inheritdoc IDisputeCourt
    function bondUp(uint256 amount) public view returns (uint256) {
        return Math.max(_minBond, Math.ceilDiv(amount, 10));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IDisputeCourt).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev The quorum is fixed now, by the scores that will vote; later parameters do not reach a dispute that runs.
    function _newDispute(uint256 serviceId, uint256 amount) private view returns (Dispute memory dispute) {
        uint256 total = _vault.getPastTotalSupply(block.timestamp - 1);
        dispute.claimant = msg.sender;
        dispute.opened = block.timestamp.toUint40();
        dispute.votingEnds = (block.timestamp + votingPeriod).toUint40();
        dispute.serviceId = uint40(serviceId);
        dispute.bond = bondUp(amount).toUint96();
        dispute.amount = amount.toUint96();
        dispute.quorum = Math.max(Math.ceilDiv(total * quorumBps, BPS), minQuorum).toUint112();
    }

    function _emitOpened(
        uint256 disputeId,
        uint256 planId,
        Dispute memory dispute,
        bytes32 evidenceHash,
        string calldata uri
    ) private {
        emit DisputeOpened(
            disputeId,
            dispute.serviceId,
            dispute.claimant,
            planId,
            dispute.amount,
            dispute.bond,
            dispute.opened - 1,
            dispute.votingEnds,
            dispute.quorum,
            evidenceHash,
            uri
        );
    }

    function _outcomeOf(Dispute memory dispute) private pure returns (DisputeOutcome) {
        uint256 cast = uint256(dispute.votesFor) + dispute.votesAgainst;
        if (cast < dispute.quorum) return DisputeOutcome.NoQuorum;
        return uint256(dispute.votesFor) * 3 >= cast * 2 ? DisputeOutcome.Upheld : DisputeOutcome.Rejected;
    }

    /// @dev The registry pays what is left of the bond, up to the amount. An odd base unit is burned.
    function _uphold(uint256 disputeId, Dispute memory dispute) private {
        uint256 slashed = _registry.slash(dispute.serviceId, dispute.amount, address(this));
        uint256 toClaimant = slashed / 2 + dispute.bond;
        _settle(disputeId, dispute, DisputeOutcome.Upheld, slashed, toClaimant, 0, slashed - slashed / 2);
    }

    function _reject(uint256 disputeId, Dispute memory dispute) private {
        uint256 toProvider = dispute.bond / 2;
        _settle(disputeId, dispute, DisputeOutcome.Rejected, 0, 0, toProvider, dispute.bond - toProvider);
    }

    /// @dev A tenth is the price of asking: it is what stands between a bond and being frozen for nothing.
    function _return(uint256 disputeId, Dispute memory dispute) private {
        uint256 toClaimant = uint256(dispute.bond) * 9 / 10;
        _settle(disputeId, dispute, DisputeOutcome.NoQuorum, 0, toClaimant, 0, dispute.bond - toClaimant);
    }

    function _settle(
        uint256 disputeId,
        Dispute memory dispute,
        DisputeOutcome outcome,
        uint256 slashed,
        uint256 toClaimant,
        uint256 toProvider,
        uint256 burned
    ) private {
        emit DisputeResolved(disputeId, dispute.serviceId, outcome, slashed, toClaimant, toProvider, burned);
        if (toClaimant > 0) IERC20(_emp).safeTransfer(dispute.claimant, toClaimant);
        if (toProvider > 0) IERC20(_emp).safeTransfer(_registry.ownerOf(dispute.serviceId), toProvider);
        _emp.burn(burned);
    }

    function _setVotingPeriod(uint256 duration) private {
        if (duration < _minVotingPeriod || duration > _maxVotingPeriod) {
            revert Errors.DisputeCourt_OutOfBounds(duration, _minVotingPeriod, _maxVotingPeriod);
        }
        votingPeriod = duration;
        emit ParameterSet("votingPeriod", duration);
    }

    function _setQuorumBps(uint256 bps) private {
        if (bps < MIN_QUORUM_BPS || bps > MAX_QUORUM_BPS) {
            revert Errors.DisputeCourt_OutOfBounds(bps, MIN_QUORUM_BPS, MAX_QUORUM_BPS);
        }
        quorumBps = bps;
        emit ParameterSet("quorumBps", bps);
    }

    function _requireOpen(uint256 disputeId) private view returns (Dispute memory dispute) {
        dispute = _disputes[disputeId];
        if (dispute.claimant == address(0) || dispute.outcome != DisputeOutcome.Open) {
            revert Errors.DisputeCourt_NotOpen(disputeId);
        }
    }

    function _requireVoting(uint256 disputeId) private view returns (Dispute memory dispute) {
        dispute = _requireOpen(disputeId);
        if (block.timestamp >= dispute.votingEnds) {
            revert Errors.DisputeCourt_VotingEnded(disputeId, dispute.votingEnds);
        }
    }
}
