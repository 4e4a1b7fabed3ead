// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";

/// @title A receiver of ERC-1155 tokens that refuses them, or makes a call in its callback, when told
contract HostileReceiver is ERC1155Holder {
    error HostileReceiver_Refused(address from);

    bool public refuses;
    address public target;
    bytes public payload;
    bool public reached;
    bytes public answer;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    /// @dev The next callback makes this call once; `reached` says whether it went through, `answer` what it said.
    function callOnReceive(address target_, bytes calldata payload_) external {
        (target, payload, reached) = (target_, payload_, false);
    }

    function act(address target_, bytes calldata payload_) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target_.call(payload_);
        if (ok) return result;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }

    function onERC1155Received(address operator, address from, uint256 id, uint256 value, bytes memory data)
        public
        override
        returns (bytes4)
    {
        if (refuses) revert HostileReceiver_Refused(from);
        address called = target;
        if (called != address(0)) {
            target = address(0);
            (reached, answer) = called.call(payload);
        }
        return super.onERC1155Received(operator, from, id, value, data);
    }
}
