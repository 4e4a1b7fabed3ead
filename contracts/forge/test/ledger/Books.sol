// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "../Vm.sol";
import {World} from "../World.sol";

/// @title What the ledgers share: breaches by law, and who took part in a step
abstract contract Books is World {
    uint256 internal _step;
    mapping(address account => uint256 step) internal _partyAt;
    mapping(uint256 law => string) public breaches;

    function _isParty(address account) internal view returns (bool) {
        return _partyAt[account] == _step;
    }

    function _party(address account) internal {
        _partyAt[account] = _step;
    }

    /// @dev Kept until the law is asked; the first breach is the telling one.
    function _hold(bool kept, uint256 law, string memory breach) internal {
        if (!kept && bytes(breaches[law]).length == 0) breaches[law] = breach;
    }

    function _topic(Vm.Log memory log, uint256 place) internal pure returns (uint256) {
        return uint256(log.topics[place]);
    }

    function _account(Vm.Log memory log, uint256 place) internal pure returns (address) {
        return address(uint160(uint256(log.topics[place])));
    }
}
