// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title EMP: ERC-20 with permit and a fixed supply, staked and bonded, never needed to buy
interface IEmporionToken is IERC20, IERC20Permit {
    /// @notice Burns tokens of the caller for good.
    /// @param amount base units
    function burn(uint256 amount) external;
}
