// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IRevenueShares} from "../../../src/interfaces/IRevenueShares.sol";
import {ITokenMarket} from "../../../src/interfaces/ITokenMarket.sol";
import {Listing} from "../../../src/types/DataTypes.sol";
import {Tabs} from "./Tabs.sol";

/// @title Shares earn and move; units and shares are listed and filled
abstract contract Owners is Tabs {
    function distribute(uint256 seed) external act(seed, "distribute") {
        bytes memory call =
            abi.encodeCall(IRevenueShares.distribute, (_anyService(), _draw(CURRENCIES + 1), _amount(1e15)));
        _do(_anyone(), address(shares), call);
    }

    function claimShares(uint256 seed) external act(seed, "claimShares") {
        uint256 count = 1 + _draw(6);
        (uint256[] memory services, uint256[] memory indices) = (new uint256[](count), new uint256[](count));
        for (uint256 i; i < count; ++i) (services[i], indices[i]) = (_anyService(), _draw(CURRENCIES));
        (address holder, address to) = (_anyone(), _anyone());
        _do(holder, address(shares), abi.encodeCall(IRevenueShares.claim, (services, indices, to)));
    }

    function giveShares(uint256 seed) external act(seed, "giveShares") {
        (address operator, address from, address to, uint256 id) = (_anyone(), _anyone(), _anyone(), _anyService());
        if (!_oneIn(4)) operator = from;
        uint256 amount = _amount(shares.balanceOf(from, id));
        _do(operator, address(shares), abi.encodeCall(IERC1155.safeTransferFrom, (from, to, id, amount, "")));
    }

    function flushFees(uint256 seed) external act(seed, "flushFees") {
        _do(_anyone(), address(shares), abi.encodeCall(IRevenueShares.flushFees, (_draw(CURRENCIES))));
    }

    function setTreasury(uint256 seed) external act(seed, "setTreasury") {
        address who = _oneIn(3) ? _anyone() : _governance;
        bool succeeded = _do(who, address(shares), abi.encodeCall(IRevenueShares.setTreasury, (_treasury)));
        _hold(!succeeded || who == _governance, 12, "a stranger set the treasury");
    }

    /// @dev What only another contract may do.
    function intrude(uint256 seed) external act(seed, "intrude") {
        uint256 planId = _anyPlan();
        bytes memory call = abi.encodeCall(IRevenueShares.release, (planId, _draw(CURRENCIES), _draw(1e18), 0));
        if (_oneIn(2)) {
            call = abi.encodeWithSelector(IRevenueShares.create.selector, _anyService(), _anyone(), new uint256[](0));
        }
        (bool succeeded,) = _do(_anyone(), address(shares), call, planId);
        _hold(!succeeded, 12, "a stranger released revenue");
        call = abi.encodeCall(vault.stream, (_draw(CURRENCIES), _draw(1e18)));
        (succeeded,) = _do(_anyone(), address(vault), call, planId);
        _hold(!succeeded, 12, "a stranger streamed");
        call = abi.encodeCall(registry.slash, (_anyService(), _draw(1e24), _anyone()));
        if (_oneIn(2)) call = abi.encodeCall(registry.countDispute, (_anyService(), _oneIn(2)));
        (succeeded,) = _do(_anyone(), address(registry), call, planId);
        _hold(!succeeded, 12, "a stranger slashed");
        call = abi.encodeCall(registry.noteSale, (_anyService()));
        (succeeded,) = _do(_anyone(), address(registry), call, planId);
        _hold(!succeeded, 12, "a stranger noted a sale");
    }

    function list(uint256 seed) external act(seed, "list") {
        address seller = _anyone();
        bool ofShares = _oneIn(3);
        uint256 id = ofShares ? _anyService() : _anyPlan();
        uint256 held = ofShares ? shares.balanceOf(seller, id) : access.balanceOf(seller, id);
        uint256 units = 1 + _draw(held + 3);
        bytes memory call = abi.encodeCall(
            ITokenMarket.list,
            (
                ofShares ? address(shares) : address(access),
                id,
                units,
                _draw(1e12),
                _draw(CURRENCIES),
                block.timestamp + _draw(20 days)
            )
        );
        _do(seller, address(market), call);
    }

    function cancel(uint256 seed) external act(seed, "cancel") {
        uint256 listingId = 1 + _draw(market.listingCount() + 1);
        address seller = market.listingOf(listingId).seller;
        address who = _oneIn(4) || seller == address(0) ? _anyone() : seller;
        bool succeeded = _do(who, address(market), abi.encodeCall(ITokenMarket.cancel, (listingId)));
        _hold(!succeeded || who == seller, 12, "a stranger cancelled a listing");
    }

    function fill(uint256 seed) external act(seed, "fill") {
        uint256 listingId = 1 + _draw(market.listingCount() + 1);
        Listing memory listing = market.listingOf(listingId);
        uint256 units = _amount(listing.units);
        uint256 most = units > listing.units ? type(uint256).max : units * listing.unitPrice;
        address buyer = _anyone();
        uint256 before = listing.currency == EMP ? currencies[EMP].balanceOf(buyer) : 0;
        bytes memory call = abi.encodeCall(ITokenMarket.fill, (listingId, units, most, _deadline()));
        (bool succeeded,) = _do(buyer, address(market), call, listing.token == address(access) ? listing.id : plans[0]);
        if (!succeeded || listing.currency != EMP) return;
        _hold(before - currencies[EMP].balanceOf(buyer) == most, 12, "a buyer paid another price");
    }
}
