// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title A load for indexers: real ERC-1155 transfers between made-up holders, many in one transaction
contract BenchUnits is ERC1155 {
    uint256 public constant ID = 1 << 20;
    uint256 public constant HOLDERS = 2_000;

    constructor() ERC1155("") {}

    /// @notice Gives holders first..last - 1 their units.
    /// @param first index of the first holder
    /// @param last index after the last holder
    function fill(uint256 first, uint256 last) external {
        for (uint256 i = first; i < last; ++i) _move(address(0), holderAt(i), 1e9);
    }

    /// @notice Moves one unit between two holders, so many times; `seed` chooses them.
    /// @param count transfers
    /// @param seed of the choice
    function shuffle(uint256 count, uint256 seed) external {
        for (uint256 i; i < count; ++i) {
            uint256 choice = uint256(keccak256(abi.encode(seed, i)));
            _move(holderAt(choice % HOLDERS), holderAt((choice >> 128) % HOLDERS), 1);
        }
    }

    /// @notice The address of a holder; nobody has its key.
    /// @param index of the holder
    function holderAt(uint256 index) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("holder", index)))));
    }

    function _move(address from, address to, uint256 units) private {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (ID, units);
        _update(from, to, ids, values);
    }
}
