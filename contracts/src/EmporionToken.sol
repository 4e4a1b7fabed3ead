// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IEmporionToken} from "./interfaces/IEmporionToken.sol";
import {Errors} from "./libraries/Errors.sol";

/// @dev See {IEmporionToken}.
contract EmporionToken is ERC20Permit, ERC20Burnable, IEmporionToken {
    /// @dev Amounts of locks and bonds are kept in 96 bits: with this cap their sums need no overflow check.
    uint256 private constant MAX_SUPPLY = type(uint96).max;

    // No owner and no minter: what is minted here is all there will ever be.
    constructor(address distributor, uint256 distributorAmount, address treasury, uint256 treasuryAmount)
        ERC20("Emporion", "EMP")
        ERC20Permit("Emporion")
    {
        if (distributorAmount > MAX_SUPPLY || treasuryAmount > MAX_SUPPLY - distributorAmount) {
            revert Errors.EmporionToken_SupplyTooLarge(distributorAmount, treasuryAmount, MAX_SUPPLY);
        }
        _mint(distributor, distributorAmount);
        _mint(treasury, treasuryAmount);
    }

    /// @inheritdoc IEmporionToken
    function burn(uint256 amount) public override(ERC20Burnable, IEmporionToken) {
        ERC20Burnable.burn(amount);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return ERC20Permit.nonces(owner);
    }
}
