// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDisputeCourt} from "../../../src/interfaces/IDisputeCourt.sol";
import {IServiceRegistry} from "../../../src/interfaces/IServiceRegistry.sol";
import {IStakingVault} from "../../../src/interfaces/IStakingVault.sol";
import {ITokenMarket} from "../../../src/interfaces/ITokenMarket.sol";
import {Vm} from "../Vm.sol";
import {MoneyBook} from "./MoneyBook.sol";

/// @title Locks, bonds, disputes and fills, counted from the logs
abstract contract StakeBook is MoneyBook {
    struct BondLine {
        uint256 bond;
        uint256 requestedAt;
        uint256 openDisputes;
        uint256 challenge;
    }

    uint256 internal constant COOLDOWN = 45 days; // the shortest there is

    mapping(uint256 serviceId => BondLine) internal _bonds;
    mapping(address owner => mapping(uint256 index => uint256)) public lockEnd;
    mapping(address owner => mapping(uint256 index => uint256)) public lockAmount;
    mapping(address owner => uint256 step) internal _expiredAt;
    uint256 public locked;
    uint256[CURRENCIES] public streamed;
    uint256[CURRENCIES] public rewardsPaid;
    uint256 public disputesHeld; // EMP the court holds for disputes

    function bondLineOf(uint256 serviceId) external view returns (BondLine memory) {
        return _bonds[serviceId];
    }

    function _readVault(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        if (topic == IStakingVault.Locked.selector) {
            (uint256 amount,, uint256 end,) = abi.decode(log.data, (uint256, uint256, uint256, uint256));
            _setLock(log, amount, end);
        } else if (topic == IStakingVault.Increased.selector) {
            (,, uint256 amount,, uint256 end,) =
                abi.decode(log.data, (uint256, bool, uint256, uint256, uint256, uint256));
            _setLock(log, amount, end);
        } else if (topic == IStakingVault.Extended.selector) {
            (uint256 amount,, uint256 end,) = abi.decode(log.data, (uint256, uint256, uint256, uint256));
            _setLock(log, amount, end);
        } else if (topic == IStakingVault.Unlocked.selector) {
            _hold(block.timestamp >= lockEnd[_account(log, 1)][_topic(log, 2)], 9, "a lock left before its end");
            _hold(_isParty(_account(log, 1)), 12, "a lock was taken by somebody else");
            (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
            _hold(amount == lockAmount[_account(log, 1)][_topic(log, 2)], 9, "an unlock is not its lock");
            _setLock(log, 0, 0);
        } else if (topic == IStakingVault.Expired.selector) {
            _expiredAt[_account(log, 1)] = _step;
            _hold(block.timestamp >= lockEnd[_account(log, 1)][_topic(log, 2)], 9, "a score expired before its end");
        } else if (topic == IStakingVault.RewardsStreamed.selector) {
            (uint256 amount,,) = abi.decode(log.data, (uint256, uint256, uint256));
            streamed[_topic(log, 1)] += amount;
        } else if (topic == IStakingVault.RewardsClaimed.selector) {
            (uint256 amount,) = abi.decode(log.data, (uint256, bool));
            rewardsPaid[_topic(log, 3)] += amount;
            _hold(_isParty(_account(log, 1)), 12, "rewards were taken by somebody else");
        }
    }

    function _setLock(Vm.Log memory log, uint256 amount, uint256 end) private {
        (address owner, uint256 index) = (_account(log, 1), _topic(log, 2));
        _hold(end >= lockEnd[owner][index] || amount == 0, 9, "an end moved back");
        _hold(amount >= lockAmount[owner][index] || amount == 0, 9, "a lock shrank");
        locked = locked + amount - lockAmount[owner][index];
        (lockAmount[owner][index], lockEnd[owner][index]) = (amount, end);
    }

    function _readRegistry(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        if (log.topics.length < 2) return;
        BondLine storage line = _bonds[_topic(log, 1)];
        if (topic == IServiceRegistry.ServiceRegistered.selector) {
            line.bond = _wordAt(log.data, 128);
        } else if (topic == IServiceRegistry.BondAdded.selector) {
            (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
            line.bond += amount;
        } else if (topic == IServiceRegistry.UnbondRequested.selector) {
            (, line.requestedAt) = abi.decode(log.data, (uint256, uint256));
        } else if (topic == IServiceRegistry.Slashed.selector) {
            (uint256 amount,,) = abi.decode(log.data, (uint256, uint256, uint256));
            _hold(_account(log, 2) == address(court), 9, "a bond was slashed for a stranger");
            line.bond -= amount;
        } else if (topic == IServiceRegistry.Unbonded.selector) {
            _onUnbonded(log, line);
        } else if (topic == IServiceRegistry.Challenged.selector) {
            (line.challenge,) = abi.decode(log.data, (uint256, uint256));
        } else if (topic == IServiceRegistry.ChallengeEnded.selector) {
            (uint256 deposit,) = abi.decode(log.data, (uint256, bool));
            _hold(deposit == line.challenge, 9, "a challenge did not return its deposit");
            line.challenge = 0;
        }
    }

    function _onUnbonded(Vm.Log memory log, BondLine storage line) private {
        (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
        uint256 sold = lastSale[_topic(log, 1)];
        uint256 from = sold > line.requestedAt ? sold : line.requestedAt;
        _hold(line.requestedAt != 0 && block.timestamp >= from + COOLDOWN, 9, "a bond left in its cooldown");
        _hold(line.openDisputes == 0, 9, "a bond left while a dispute is open");
        line.bond -= amount;
        line.requestedAt = 0;
    }

    function _readCourt(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        if (topic == IDisputeCourt.DisputeOpened.selector) {
            disputesHeld += _wordAt(log.data, 64);
            ++_bonds[_topic(log, 2)].openDisputes;
        } else if (topic == IDisputeCourt.DisputeResolved.selector) {
            (uint256 slashed, uint256 toClaimant, uint256 toProvider, uint256 burned) =
                abi.decode(log.data, (uint256, uint256, uint256, uint256));
            disputesHeld = disputesHeld + slashed - toClaimant - toProvider - burned;
            --_bonds[_topic(log, 2)].openDisputes;
        }
    }

    function _readMarket(Vm.Log memory log) internal {
        if (log.topics[0] == ITokenMarket.Filled.selector) _party(_account(log, 3));
    }

    /// @dev The word at a place of event data whose other parts are of no interest.
    function _wordAt(bytes memory data, uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), place))
        }
    }
}
