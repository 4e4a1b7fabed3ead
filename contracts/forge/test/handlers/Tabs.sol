// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IUsageEscrow} from "../../../src/interfaces/IUsageEscrow.sol";
import {Entry, PlanKind, Tab} from "../../../src/types/DataTypes.sol";
import {HostileActor} from "../HostileActor.sol";
import {Sales} from "./Sales.sol";

/// @title Credits are deposited, settled and withdrawn
abstract contract Tabs is Sales {
    function deposit(uint256 seed) external act(seed, "deposit") {
        uint256 planId = _planOf(PlanKind.Metered);
        address payer = _holderOf(planId);
        uint256 units = _amount(access.balanceOf(payer, planId));
        if (_oneIn(2)) {
            _do(payer, address(escrow), abi.encodeCall(IUsageEscrow.deposit, (planId, units)), planId);
            return;
        }
        bytes memory data = _oneIn(4) ? abi.encode(_anyone()) : bytes("");
        bytes memory call =
            abi.encodeCall(IERC1155.safeTransferFrom, (payer, address(escrow), planId, units, data));
        _do(payer, address(access), call, planId);
    }

    function depositBatch(uint256 seed) external act(seed, "depositBatch") {
        address payer = _anyone();
        address to = _oneIn(3) ? _anyone() : address(escrow);
        (uint256[] memory ids, uint256[] memory units) = (new uint256[](2), new uint256[](2));
        for (uint256 i; i < 2; ++i) {
            ids[i] = _planOf(PlanKind.Metered);
            units[i] = access.balanceOf(payer, ids[i]) / 2;
        }
        bytes memory call = abi.encodeCall(IERC1155.safeBatchTransferFrom, (payer, to, ids, units, ""));
        _do(payer, address(access), call, ids[0]);
    }

    function settle(uint256 seed) external act(seed, "settle") {
        _settleAny();
    }

    function settleAgain(uint256 seed) external act(seed, "settle") {
        _settleAny();
    }

    function requestWithdrawal(uint256 seed) external act(seed, "requestWithdrawal") {
        uint256 planId = _planOf(PlanKind.Metered);
        address payer = _payerWhere(planId, false);
        _do(payer, address(escrow), abi.encodeCall(IUsageEscrow.requestWithdrawal, (planId)), planId);
    }

    function cancelWithdrawal(uint256 seed) external act(seed, "cancelWithdrawal") {
        uint256 planId = _planOf(PlanKind.Metered);
        address payer = _payerWhere(planId, true);
        _do(payer, address(escrow), abi.encodeCall(IUsageEscrow.cancelWithdrawal, (planId)), planId);
    }

    function close(uint256 seed) external act(seed, "close") {
        uint256 planId = _planOf(PlanKind.Metered);
        bytes memory call = abi.encodeCall(IUsageEscrow.close, (planId, _payerWhere(planId, true)));
        _do(_meterOf(planId), address(escrow), call, planId);
    }

    function withdraw(uint256 seed) external act(seed, "withdraw") {
        uint256 planId = _planOf(PlanKind.Metered);
        address payer = _payerWhere(planId, true);
        address to = _oneIn(5) ? _anyone() : payer;
        if (_oneIn(20)) to = address(escrow);
        _do(payer, address(escrow), abi.encodeCall(IUsageEscrow.withdraw, (planId, to)), planId);
    }

    function setTabOptions(uint256 seed) external act(seed, "setTabOptions") {
        uint256 planId = _planOf(PlanKind.Metered);
        bytes memory call =
            abi.encodeCall(IUsageEscrow.setTabOptions, (planId, _oneIn(2), _oneIn(2) ? 0 : _amount(30)));
        _do(_anyone(), address(escrow), call, planId);
    }

    function setWithdrawalDelay(uint256 seed) external act(seed, "setWithdrawalDelay") {
        address who = _oneIn(3) ? _anyone() : _governance;
        bool succeeded = _do(who, address(escrow), abi.encodeCall(IUsageEscrow.setWithdrawalDelay, (_draw(8 days))));
        _hold(!succeeded || who == _governance, 12, "a stranger set the delay");
    }

    // -------------------------------------------------------------------------------------------------- private

    function _settleAny() private {
        uint256 planId = _planOf(PlanKind.Metered);
        Entry[] memory entries = new Entry[](1 + _draw(3));
        for (uint256 i; i < entries.length; ++i) entries[i] = _entry(planId);
        _do(_meterOf(planId), address(escrow), abi.encodeCall(IUsageEscrow.settle, (planId, entries)), planId);
    }

    function _meterOf(uint256 planId) private returns (address) {
        address meter = _meters[planId >> 20].current;
        return _oneIn(10) || meter == address(0) ? _anyone() : meter;
    }

    /// @dev A payer that has a tab with a balance, and where asked one on its way out, if a few draws find one.
    function _payerWhere(uint256 planId, bool leaving) private returns (address payer) {
        for (uint256 i; i < 12; ++i) {
            payer = _anyone();
            Tab memory tab = escrow.tabOf(planId, payer);
            if (tab.balance != 0 && (!leaving || tab.withdrawAt != 0)) return payer;
        }
    }

    function _entry(uint256 planId) private returns (Entry memory entry) {
        entry.payer = _payerWhere(planId, false);
        Tab memory tab = escrow.tabOf(planId, entry.payer);
        uint256 units = _amount(tab.balance);
        entry.cumulativeUnits = units > type(uint64).max ? units : tab.settled + units;
        entry.receiptsRoot = bytes32(_draw(type(uint256).max));
        if (tab.flags != 0 && !_oneIn(8)) entry.voucher = _voucher(planId, entry.payer, entry.cumulativeUnits);
    }

    /// @dev Mostly as it must be; else for less, for another plan, by another key, or with its other `s`.
    function _voucher(uint256 planId, address payer, uint256 units) private returns (bytes memory) {
        uint256 flaw = _draw(10);
        uint256 covered = flaw == 0 && units > 0 ? units - 1 : units;
        uint256 signer = _signerOf(payer);
        bool genuine = flaw != 1 && flaw != 2 && signer < SIGNERS;
        if (signer >= SIGNERS) {
            bool accepts = HostileActor(payer).mood() == HostileActor.Mood.AcceptsAll;
            if (accepts) _sign(planId, payer, type(uint256).max);
            return abi.encodePacked(covered, "anything");
        }
        if (genuine) _sign(planId, payer, covered);
        bytes32 digest = escrow.voucherDigest(payer, flaw == 1 ? planId + 16 : planId, covered);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keyOf(flaw == 2 ? (signer + 1) % SIGNERS : signer), digest);
        return abi.encodePacked(covered, r, s, v);
    }

    function _sign(uint256 planId, address payer, uint256 units) private {
        if (units > _signed[planId][payer]) _signed[planId][payer] = units;
    }

    function _signerOf(address payer) private view returns (uint256 i) {
        while (i < ACTORS && actors[i] != payer) ++i;
    }
}
