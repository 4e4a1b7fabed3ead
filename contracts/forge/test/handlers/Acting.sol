// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PlanTerms, Position, Tab} from "../../../src/types/DataTypes.sol";
import {Ledger} from "../ledger/Ledger.sol";

/// @title How an actor acts: chance drawn from one seed, the call, its logs into the books, and a stranger's holdings watched
abstract contract Acting is Ledger {
    uint256 private constant WATCHED = 10;

    mapping(bytes32 action => uint256) public tried;
    mapping(bytes32 action => uint256) public done;
    bytes32 internal _action;
    uint256 private _chance_;

    modifier act(uint256 seed, bytes32 action) {
        _chance_ = uint256(keccak256(abi.encode(seed, action)));
        _action = action;
        ++_step;
        _;
    }

    // ---------------------------------------------------------------------------------------------- what is drawn

    function _draw(uint256 count) internal returns (uint256) {
        _chance_ = uint256(keccak256(abi.encode(_chance_)));
        return _chance_ % count;
    }

    function _oneIn(uint256 count) internal returns (bool) {
        return _draw(count) == 0;
    }

    /// @dev Up to a maximum, with the edges often: nothing, one, all, one too many, everything there is.
    function _amount(uint256 most) internal returns (uint256) {
        uint256 edge = _draw(16);
        if (edge == 0) return 0;
        if (edge == 1) return type(uint256).max;
        if (edge == 2) return most + 1;
        if (edge < 5) return most;
        if (edge == 5) return 1;
        return _draw(most + 1);
    }

    function _anyone() internal returns (address) {
        return actors[_draw(ACTORS)];
    }

    function _anyPlan() internal returns (uint256) {
        return _oneIn(40) ? _draw(type(uint64).max) : plans[_draw(plans.length)];
    }

    function _anyService() internal returns (uint256) {
        return 1 + _draw(registry.serviceCount() + (_oneIn(40) ? 1 : 0));
    }

    /// @dev Who the registry says, or sometimes anybody.
    function _providerOf(uint256 serviceId) internal returns (address) {
        bool known = serviceId != 0 && serviceId <= registry.serviceCount();
        return !known || _oneIn(12) ? _anyone() : registry.ownerOf(serviceId);
    }

    /// @dev Somebody who has units of a plan, where a few draws find one.
    function _holderOf(uint256 planId) internal returns (address holder) {
        for (uint256 i; i < 12; ++i) {
            holder = _anyone();
            if (access.balanceOf(holder, planId) != 0) return holder;
        }
    }

    function _deadline() internal returns (uint256) {
        return _oneIn(24) ? block.timestamp - 1 : block.timestamp + _draw(2);
    }

    // ------------------------------------------------------------------------------------------------ what is done

    function _do(address actor, address target, bytes memory data, uint256 planId)
        internal
        returns (bool succeeded, bytes memory answer)
    {
        ++tried[_action];
        _party(actor);
        address stranger = actors[_draw(SIGNERS)];
        uint256[WATCHED] memory before = _holdings(stranger, planId);
        vm.recordLogs();
        vm.prank(actor);
        (succeeded, answer) = target.call(data);
        if (succeeded) {
            ++done[_action];
            _read(vm.getRecordedLogs());
        } else {
            vm.getRecordedLogs();
        }
        if (!_isParty(stranger)) _holdStranger(stranger, planId, before);
    }

    function _do(address actor, address target, bytes memory data) internal returns (bool succeeded) {
        (succeeded,) = _do(actor, target, data, plans.length == 0 ? 0 : plans[_draw(plans.length)]);
    }

    /// @dev What an account has that nobody else may make less, in one plan and its service.
    function _holdings(address account, uint256 planId) private view returns (uint256[WATCHED] memory held) {
        uint256 serviceId = planId >> 20;
        uint256 currency = _terms[planId].currency;
        held[0] = access.balanceOf(account, planId);
        held[1] = escrow.tabOf(planId, account).balance;
        (held[2],,) = access.accountOf(planId, account);
        held[3] = shares.balanceOf(account, serviceId);
        (uint256 owed, uint256 checkpoint) = shares.accountOf(account, serviceId, currency);
        held[4] = owed + held[3] * (shares.distributed(serviceId, currency) - checkpoint);
        uint256 count = vault.positionCount(account);
        for (uint256 i; i < count && i < 4; ++i) held[5] += vault.positionOf(account, i).amount;
        held[6] = vault.scoreOf(account);
        held[7] = vault.claimable(account, currency);
        held[8] = currencies[USD].balanceOf(account);
        held[9] = currencies[EMP].balanceOf(account);
    }

    function _holdStranger(address account, uint256 planId, uint256[WATCHED] memory before) private {
        uint256[WATCHED] memory held = _holdings(account, planId);
        for (uint256 i; i < WATCHED; ++i) {
            if (held[i] >= before[i]) continue;
            if (i == 6 && _expiredAt[account] == _step) continue; // anybody may expire what has ended
            _hold(false, 12, string.concat("a stranger lost by ", string(abi.encodePacked(_action))));
        }
    }
}
