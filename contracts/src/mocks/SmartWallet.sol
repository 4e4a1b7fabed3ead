// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title An account that is a contract (ERC-1271): its owner's signature counts, until it is told to turn difficult
contract SmartWallet is IERC1271, ERC1155Holder, ERC721Holder {
    enum Mood {
        Honest,
        Refuses,
        BurnsAllGas,
        AcceptsAll
    }

    address public owner;
    Mood public mood;

    constructor(address owner_) {
        owner = owner_;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function act(address target, bytes calldata payload) external returns (bytes memory) {
        (bool ok, bytes memory answer) = target.call(payload);
        if (ok) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (mood == Mood.Refuses) return 0xffffffff;
        if (mood == Mood.BurnsAllGas) {
            while (true) {}
        }
        bool valid = mood == Mood.AcceptsAll || ECDSA.recover(hash, signature) == owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
