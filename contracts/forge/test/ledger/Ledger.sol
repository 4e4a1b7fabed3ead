// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {HostileActor} from "../HostileActor.sol";
import {Vm} from "../Vm.sol";
import {StakeBook} from "./StakeBook.sol";
import {TabBook} from "./TabBook.sol";

/// @title All books, and the reader of a transaction's logs
abstract contract Ledger is StakeBook, TabBook {
    /// @dev Logs that last: those of attempts that failed inside a transaction are left out.
    function _read(Vm.Log[] memory logs) internal {
        uint256 kept = _dropFailed(logs);
        _openMoney();
        for (uint256 i; i < kept; ++i) _readOne(logs[i]);
    }

    function _readOne(Vm.Log memory log) private {
        address emitter = log.emitter;
        if (log.topics.length == 0) return;
        if (emitter == address(access)) return _readAccess(log);
        if (emitter == address(shares)) return _readShares(log);
        if (emitter == address(escrow)) return _readEscrow(log);
        if (emitter == address(vault)) return _readVault(log);
        if (emitter == address(court)) return _readCourt(log);
        if (emitter == address(market)) return _readMarket(log);
        if (emitter == address(registry)) {
            _readRegistry(log);
            return _readMeters(log);
        }
        for (uint256 i; i < CURRENCIES; ++i) {
            if (emitter == address(currencies[i])) _readCurrency(log, i);
        }
    }

    function _dropFailed(Vm.Log[] memory logs) private pure returns (uint256 kept) {
        uint256[] memory begun = new uint256[](logs.length);
        uint256 open;
        for (uint256 i; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics.length == 0 ? bytes32(0) : logs[i].topics[0];
            if (topic == HostileActor.AttemptBegun.selector) {
                begun[open++] = kept;
            } else if (topic == HostileActor.AttemptEnded.selector) {
                --open;
                if (!abi.decode(logs[i].data, (bool))) kept = begun[open];
            } else {
                logs[kept++] = logs[i];
            }
        }
    }
}
