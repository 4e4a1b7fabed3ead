// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";

/// @title A receiver that remembers what it was told and what it held then, and answers as it is set to
contract ReceiverProbe {
    enum Answer {
        Accept,
        WrongWord,
        Revert,
        RevertWithReason
    }

    Answer public answer;
    uint256 public calls;
    /// @notice keccak256(abi.encode(operator, from, ids, values, data)) of the last callback, a single one as lists of one.
    bytes32 public told;
    /// @notice What this contract held of the first id when it was called.
    uint256 public held;

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function onERC1155Received(address operator, address from, uint256 id, uint256 value, bytes calldata data)
        external
        returns (bytes4)
    {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (id, value);
        return _note(operator, from, ids, values, data, IERC1155Receiver.onERC1155Received.selector);
    }

    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external returns (bytes4) {
        return _note(operator, from, ids, values, data, IERC1155Receiver.onERC1155BatchReceived.selector);
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == type(IERC1155Receiver).interfaceId;
    }

    function _note(
        address operator,
        address from,
        uint256[] memory ids,
        uint256[] memory values,
        bytes calldata data,
        bytes4 right
    ) private returns (bytes4) {
        if (answer == Answer.Revert) {
            assembly ("memory-safe") {
                revert(0, 0)
            }
        }
        require(answer != Answer.RevertWithReason, "refused");
        ++calls;
        told = keccak256(abi.encode(operator, from, ids, values, data));
        if (ids.length != 0) held = IERC1155(msg.sender).balanceOf(address(this), ids[0]);
        return answer == Answer.WrongWord ? bytes4(0xdeadbeef) : right;
    }
}
