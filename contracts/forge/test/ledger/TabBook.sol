// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IServiceRegistry} from "../../../src/interfaces/IServiceRegistry.sol";
import {IUsageEscrow} from "../../../src/interfaces/IUsageEscrow.sol";
import {Vm} from "../Vm.sol";
import {Books} from "./Books.sol";

/// @title Tabs and who may settle them, counted from the logs
abstract contract TabBook is Books {
    struct TabLine {
        uint256 deposited;
        uint256 withdrawn;
        uint256 settled;
        uint256 dailyLimit;
        bool vouchers;
    }

    struct Meters {
        address current;
        address previous;
        uint256 previousUntil;
    }

    mapping(uint256 planId => mapping(address payer => TabLine)) internal _lines;
    mapping(uint256 planId => mapping(address payer => mapping(uint256 day => uint256))) private _settledOn;
    /// @dev Largest total of a tab its payer signed for.
    mapping(uint256 planId => mapping(address payer => uint256)) internal _signed;
    mapping(uint256 serviceId => Meters) internal _meters;
    uint256 public settledByVoucher;
    uint256 public settledUnderLimit;

    function tabLineOf(uint256 planId, address payer) external view returns (TabLine memory) {
        return _lines[planId][payer];
    }

    function _readEscrow(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        if (log.topics.length < 3) return;
        TabLine storage line = _lines[_topic(log, 1)][_account(log, 2)];
        if (topic == IUsageEscrow.Settled.selector) return _onSettled(log, line);
        if (topic == IUsageEscrow.Deposited.selector) {
            (uint256 units,) = abi.decode(log.data, (uint256, uint256));
            line.deposited += units;
        } else if (topic == IUsageEscrow.Withdrawn.selector) {
            (uint256 units,) = abi.decode(log.data, (uint256, uint256));
            line.withdrawn += units;
            _hold(_isParty(_account(log, 2)), 12, "a tab was withdrawn by somebody else");
        } else if (topic == IUsageEscrow.TabOptionsSet.selector) {
            (line.vouchers, line.dailyLimit) = abi.decode(log.data, (bool, uint256));
            _hold(line.deposited == line.withdrawn + line.settled, 4, "options changed on a tab with a balance");
        }
    }

    function _onSettled(Vm.Log memory log, TabLine storage line) private {
        (uint256 units,, uint256 settled,,,) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256, bytes32));
        (uint256 planId, address payer) = (_topic(log, 1), _account(log, 2));
        _party(payer);
        _hold(_mayMeter(planId >> 20, _account(log, 3)), 12, "a tab was settled by a stranger");
        _hold(settled == line.settled + units && units != 0, 4, "the settled total is not the sum of settlements");
        line.settled = settled;
        if (line.vouchers) ++settledByVoucher;
        if (line.dailyLimit != 0) ++settledUnderLimit;
        _hold(!line.vouchers || settled <= _signed[planId][payer], 4, "settled beyond the largest voucher");
        uint256 today = _settledOn[planId][payer][block.timestamp / 1 days] += units;
        _hold(line.dailyLimit == 0 || today <= line.dailyLimit, 4, "settled beyond the daily limit");
    }

    function _mayMeter(uint256 serviceId, address key) private view returns (bool) {
        Meters storage meters = _meters[serviceId];
        return key == meters.current || (key == meters.previous && block.timestamp <= meters.previousUntil);
    }

    function _readMeters(Vm.Log memory log) internal {
        if (log.topics[0] == IServiceRegistry.ServiceRegistered.selector) {
            _meters[_topic(log, 1)].current = _account(log, 3);
        } else if (log.topics[0] == IServiceRegistry.MeterSet.selector) {
            _meters[_topic(log, 1)] =
                Meters(_account(log, 2), _account(log, 3), abi.decode(log.data, (uint256)));
        }
    }
}
