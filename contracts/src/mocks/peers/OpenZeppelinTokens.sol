// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title A peer for the gas table: OpenZeppelin's ERC-1155 and nothing else
contract OpenZeppelinTokens is ERC1155 {
    constructor() ERC1155("") {}

    function mint(address to, uint256 id, uint256 units) external {
        _mint(to, id, units, "");
    }
}
