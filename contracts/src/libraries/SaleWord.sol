// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What every sale and release of a plan reads, packed in one word. From the lowest bit: unitPrice 96, currency 8,
/// feeBps 16, royaltyBps 16, saleStart 40, earlySeconds 32, period 32, refundable 1, saleOpen 1, exists 1.
type Sale is uint256;

using SaleWord for Sale global;

/// @title Fields of a `Sale`, as in `PlanTerms`
/// @dev A word instead of a struct, because a struct in memory costs a purchase 500 gas to unpack and most of it is not
/// asked. Every field is written within its width: the terms have these types, and the fee is at most 1,000.
library SaleWord {
    uint256 private constant REFUNDABLE = 1 << 240;
    uint256 private constant OPEN = 1 << 241;
    uint256 private constant EXISTS = 1 << 242;

    function pack(
        uint96 unitPrice_,
        uint8 currency_,
        uint16 feeBps_,
        uint16 royaltyBps_,
        uint40 saleStart_,
        uint32 earlySeconds_,
        uint32 period_,
        bool refundable_
    ) internal pure returns (Sale) {
        uint256 money = uint256(unitPrice_) | uint256(currency_) << 96 | uint256(feeBps_) << 104;
        uint256 time = uint256(saleStart_) << 136 | uint256(earlySeconds_) << 176 | uint256(period_) << 208;
        money |= uint256(royaltyBps_) << 120;
        return Sale.wrap(money | time | (refundable_ ? REFUNDABLE : 0) | OPEN | EXISTS);
    }

    function unitPrice(Sale sale) internal pure returns (uint256) {
        return uint96(Sale.unwrap(sale));
    }

    function currency(Sale sale) internal pure returns (uint256) {
        return uint8(Sale.unwrap(sale) >> 96);
    }

    function feeBps(Sale sale) internal pure returns (uint256) {
        return uint16(Sale.unwrap(sale) >> 104);
    }

    function royaltyBps(Sale sale) internal pure returns (uint256) {
        return uint16(Sale.unwrap(sale) >> 120);
    }

    function saleStart(Sale sale) internal pure returns (uint256) {
        return uint40(Sale.unwrap(sale) >> 136);
    }

    function earlySeconds(Sale sale) internal pure returns (uint256) {
        return uint32(Sale.unwrap(sale) >> 176);
    }

    function period(Sale sale) internal pure returns (uint256) {
        return uint32(Sale.unwrap(sale) >> 208);
    }

    function refundable(Sale sale) internal pure returns (bool) {
        return Sale.unwrap(sale) & REFUNDABLE != 0;
    }

    function isOpen(Sale sale) internal pure returns (bool) {
        return Sale.unwrap(sale) & OPEN != 0;
    }

    function exists(Sale sale) internal pure returns (bool) {
        return Sale.unwrap(sale) & EXISTS != 0;
    }

    function withOpen(Sale sale, bool open) internal pure returns (Sale) {
        return Sale.wrap(open ? Sale.unwrap(sale) | OPEN : Sale.unwrap(sale) & ~OPEN);
    }
}
