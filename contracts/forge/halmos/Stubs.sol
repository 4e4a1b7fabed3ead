// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {Upstream} from "../../src/types/DataTypes.sol";

/// @title A currency with nothing but balances, so that the solver has little to carry
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function totalSupply() external pure returns (uint256) {
        return 2 ** 108;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(allowance[from][msg.sender] >= amount, "allowance");
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @title A registry whose services all sell, and belong to one provider
contract OpenRegistry {
    address private immutable _provider;

    constructor(address provider) {
        _provider = provider;
    }

    function create(IRevenueShares shares, uint256 serviceId, address provider) external {
        shares.create(serviceId, provider, new Upstream[](0));
    }

    function ownerOf(uint256) external view returns (address) {
        return _provider;
    }

    function retiredAtOf(uint256) external pure returns (uint256) {
        return 0;
    }

    function noteSale(uint256) external pure returns (bool) {
        return true;
    }
}
