// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title A peer for the gas table: the least a sale can be, money in and a token out, with a fee to one account
/// @dev No terms, no caps, no backing, no refund, no bond, no status, no early access.
contract PlainShop is ERC1155 {
    using SafeERC20 for IERC20;

    IERC20 private immutable _token;
    address private immutable _owner;
    uint256 private immutable _price;

    constructor(address token, address owner, uint256 price) ERC1155("") {
        (_token, _owner, _price) = (IERC20(token), owner, price);
    }

    function buy(uint256 id, uint256 units) external {
        _token.safeTransferFrom(msg.sender, _owner, units * _price);
        _mint(msg.sender, id, units, "");
    }
}
