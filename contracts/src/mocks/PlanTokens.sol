// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {CurrencyTable} from "./CurrencyTable.sol";

/// @title The part of `AccessToken` that the market reads: units, their royalty and the table of currencies
contract PlanTokens is ERC1155, CurrencyTable {
    uint256 public royaltyBps;

    constructor(uint256 royaltyBps_) ERC1155("") {
        royaltyBps = royaltyBps_;
    }

    function mint(address to, uint256 id, uint256 units) external {
        _mint(to, id, units, "");
    }

    function royaltyInfo(uint256, uint256 price) external view returns (address, uint256) {
        return (address(this), price * royaltyBps / 10_000);
    }
}
