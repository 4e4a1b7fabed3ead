// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @dev OpenZeppelin's timelock: the governor proposes, anybody executes, nobody administers but itself. Its delay can grow
/// but never falls below the one it was born with: it is longer than any withdrawal delay, so that whoever dislikes a decision
/// can take its credits out before it takes effect.
contract EmporionTimelock is TimelockController {
    uint256 private immutable _leastDelay;

    constructor(uint256 minDelay, address governor)
        TimelockController(minDelay, _only(governor), _only(address(0)), address(0))
    {
        _leastDelay = minDelay;
    }

    /// @inheritdoc TimelockController
    function getMinDelay() public view override returns (uint256) {
        uint256 delay = TimelockController.getMinDelay();
        return delay > _leastDelay ? delay : _leastDelay;
    }

    function _only(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
