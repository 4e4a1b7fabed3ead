// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1155} from "solady/src/tokens/ERC1155.sol";

/// @title A peer for the gas table: Solady's ERC-1155 and nothing else
contract SoladyTokens is ERC1155 {
    function mint(address to, uint256 id, uint256 units) external {
        _mint(to, id, units, "");
    }

    function uri(uint256) public pure override returns (string memory) {
        return "";
    }
}
