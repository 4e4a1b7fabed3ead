// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessToken} from "../../src/AccessToken.sol";
import {RevenueShares} from "../../src/RevenueShares.sol";
import {PlanKind, PlanTerms, Then, Upstream} from "../../src/types/DataTypes.sol";
import {Coin, OpenRegistry} from "./Stubs.sol";

/// @title Money of a purchase, for all amounts within bounds: nothing is made, nothing is lost
/// @dev Halmos numbers new contracts one after the other, so the shares can be told where the units will be.
contract MoneyCheck {
    uint256 private constant MOST = type(uint256).max;

    Coin private _coin;
    RevenueShares private _shares;
    AccessToken private _access;

    function setUp() public {
        _coin = new Coin();
        OpenRegistry registry = new OpenRegistry(address(this));
        address next = address(uint160(address(registry)) + 2);
        _shares = new RevenueShares(address(registry), next, address(this), address(this), address(0x7EA5));
        address[] memory list = new address[](1);
        list[0] = address(_coin);
        _access = new AccessToken(
            address(registry), address(_shares), address(0xE5C), address(this), address(this), address(this), 250, list
        );
        assert(address(_access) == next);
        registry.create(_shares, 1, address(this));
        _coin.mint(address(this), type(uint160).max);
        _coin.approve(address(_access), MOST);
    }

    /// @dev Bought, partly refunded, partly consumed: what was paid is backing, refunded, fee and the service's part.
    function check_BuyRefundConsumeConserve(uint96 price, uint64 bought, uint64 refunded, uint64 consumed) public {
        uint256 planId = _plan(PlanKind.Metered, price);
        uint256 before = _coin.balanceOf(address(this));
        _access.buy(planId, bought, address(this), MOST, MOST, Then.Hold);
        assert(before - _coin.balanceOf(address(this)) == uint256(bought) * price);
        assert(_access.backingOf(planId) == uint256(bought) * price);
        assert(_coin.balanceOf(address(_access)) == uint256(bought) * price);
        _access.refund(planId, refunded, address(this));
        _access.consume(planId, consumed);
        uint256 left = uint256(bought) - refunded - consumed;
        assert(_access.backingOf(planId) == left * price);
        assert(_coin.balanceOf(address(_access)) == left * price);
        uint256 released = _shares.fees(0) + _shares.distributed(1, 0);
        assert(released == uint256(consumed) * price);
        assert(_coin.balanceOf(address(_shares)) == released);
    }

    /// @dev A Pass is consumed by its purchase: nothing stays behind.
    function check_PassReleasesAtOnce(uint96 price, uint64 bought) public {
        uint256 planId = _plan(PlanKind.Pass, price);
        _access.buy(planId, bought, address(this), MOST, MOST, Then.Hold);
        assert(_access.backingOf(planId) == 0 && _coin.balanceOf(address(_access)) == 0);
        assert(_shares.fees(0) + _shares.distributed(1, 0) == uint256(bought) * price);
    }

    /// @dev Nobody gets back more than was bought.
    function check_NoUnitsFromNothing(uint96 price, uint64 bought, uint64 refunded) public {
        uint256 planId = _plan(PlanKind.Metered, price);
        _access.buy(planId, bought, address(this), MOST, MOST, Then.Hold);
        (bool succeeded,) = address(_access).call(
            abi.encodeCall(_access.refund, (planId, refunded, address(this)))
        );
        assert(!succeeded || (refunded != 0 && refunded <= bought));
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function _plan(PlanKind kind, uint96 price) private returns (uint256) {
        PlanTerms memory terms;
        (terms.kind, terms.transferable, terms.refundable) = (kind, true, kind != PlanKind.Pass);
        terms.unitPrice = price;
        return _access.createPlan(1, terms);
    }
}
