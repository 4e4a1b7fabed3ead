// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessToken} from "../interfaces/IAccessToken.sol";
import {Errors} from "../libraries/Errors.sol";
import {Currency} from "../types/DataTypes.sol";

/// @dev The part of `AccessToken` that governance and guardian reach: the table of currencies, the fee of new plans,
/// and the pause of sales. Nothing here touches a plan, a unit or money.
abstract contract SaleParameters is IAccessToken {
    uint256 private constant MAX_FEE_BPS = 1_000;
    uint256 private constant MAX_CURRENCIES = 8;
    uint256 private constant MAX_CURRENCY_SUPPLY = 2 ** 108;
    uint256 private constant PAUSE = 30 days;

    address private immutable _governance;
    address private immutable _guardian;

    // One slot, which no sale reads.
    uint16 internal _feeBps;
    uint8 private _currencyCount;
    uint40 private _pausedUntil;

    mapping(uint256 index => Currency) internal _currencies;

    constructor(address governance, address guardian, uint256 initialFeeBps, address[] memory initialCurrencies) {
        _governance = governance;
        _guardian = guardian;
        _setFeeBps(initialFeeBps);
        for (uint256 i; i < initialCurrencies.length; ++i) _addCurrency(initialCurrencies[i]);
    }

    // ---------------------------------------------------------------------------------- governance and guardian

    /// @inheritdoc IAccessToken
    function addCurrency(address token) external returns (uint256 index) {
        _requireGovernance();
        return _addCurrency(token);
    }

    /// @inheritdoc IAccessToken
    function setCurrencyOpen(uint256 index, bool open) external {
        _requireGovernance();
        _requireCurrency(index);
        _currencies[index].open = open;
        emit CurrencyOpenSet(index, open);
    }

    /// @inheritdoc IAccessToken
    function setFeeBps(uint256 bps) external {
        _requireGovernance();
        _setFeeBps(bps);
    }

    /// @inheritdoc IAccessToken
    function pauseSales() external {
        if (msg.sender != _guardian) revert Errors.AccessToken_NotGuardian(msg.sender, _guardian);
        uint256 allowedAt = _pausedUntil == 0 ? 0 : _pausedUntil + PAUSE;
        if (block.timestamp < allowedAt) revert Errors.AccessToken_PauseTooSoon(allowedAt);
        uint40 until = uint40(block.timestamp + PAUSE);
        _pausedUntil = until;
        // At most 8, and a sale then finds the pause where it reads its currency.
        for (uint256 i; i < _currencyCount; ++i) _currencies[i].pausedUntil = until;
        emit SalesPaused(msg.sender, until);
    }

    // ---------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IAccessToken
    function currencyOf(uint256 index) external view returns (address token, bool open) {
        Currency memory currency = _requireCurrency(index);
        return (currency.token, currency.open);
    }

    /// @inheritdoc IAccessToken
    function currencyCount() external view returns (uint256) {
        return _currencyCount;
    }

    /// @inheritdoc IAccessToken
    function feeBps() external view returns (uint256) {
        return _feeBps;
    }

    // ------------------------------------------------------------------------------------------------- internal

    function _requireOpen(uint256 index) internal view returns (Currency memory currency) {
        currency = _requireCurrency(index);
        if (!currency.open) revert Errors.AccessToken_CurrencyClosed(index);
    }

    function _requireCurrency(uint256 index) private view returns (Currency memory currency) {
        currency = _currencies[index];
        if (currency.token == address(0)) revert Errors.AccessToken_UnknownCurrency(index, _currencyCount);
    }

    // -------------------------------------------------------------------------------------------------- private

    function _addCurrency(address token) private returns (uint256 index) {
        // Check.
        index = _currencyCount;
        if (index == MAX_CURRENCIES) revert Errors.AccessToken_CurrencyTableFull(MAX_CURRENCIES);
        if (token.code.length == 0) revert Errors.AccessToken_CurrencyNotToken(token);
        for (uint256 i; i < index; ++i) {
            if (_currencies[i].token == token) revert Errors.AccessToken_CurrencyListed(token);
        }
        uint256 supply = IERC20(token).totalSupply();
        if (supply > MAX_CURRENCY_SUPPLY) {
            revert Errors.AccessToken_CurrencySupplyTooLarge(token, supply, MAX_CURRENCY_SUPPLY);
        }

        // Effect: a running pause holds for the new currency too.
        _currencyCount = uint8(index + 1);
        _currencies[index] = Currency({token: token, open: true, pausedUntil: _pausedUntil});
        emit CurrencyAdded(index, token);
    }

    function _setFeeBps(uint256 bps) private {
        if (bps > MAX_FEE_BPS) revert Errors.AccessToken_FeeTooHigh(bps, MAX_FEE_BPS);
        _feeBps = uint16(bps);
        emit ParameterSet("feeBps", bps);
    }

    function _requireGovernance() private view {
        if (msg.sender != _governance) revert Errors.AccessToken_NotGovernance(msg.sender, _governance);
    }
}
