// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The part of `AccessToken` that the staking vault and the shares read
contract CurrencyTable {
    address[] private _tokens;

    function add(address token) external {
        _tokens.push(token);
    }

    function currencyOf(uint256 index) external view returns (address token, bool open) {
        return (index < _tokens.length ? _tokens[index] : address(0), true);
    }

    function isEntered() external pure returns (bool) {
        return false;
    }

    function currencyCount() external view returns (uint256) {
        return _tokens.length;
    }
}
