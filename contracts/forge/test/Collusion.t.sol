// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessToken} from "../../src/interfaces/IAccessToken.sol";
import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {IServiceRegistry} from "../../src/interfaces/IServiceRegistry.sol";
import {PlanKind, PlanTerms, ServiceKind, Then, Upstream} from "../../src/types/DataTypes.sol";
import {IHostileCurrency} from "./Handler.sol";
import {HostileActor} from "./HostileActor.sol";
import {World} from "./World.sol";

/// @title A currency that charges and calls a shareholder in the same transfer: what it takes must not be credited
contract Collusion is World {
    uint256 private constant PRICE = 1e18;

    address private _provider;
    uint256 private _planId;

    function setUp() public {
        _provider = actors[SIGNERS];
        vm.prank(_provider);
        registry.register(ServiceKind.Model, _provider, "", 0, new Upstream[](0), MIN_BOND);
        PlanTerms memory terms;
        (terms.kind, terms.currency, terms.unitPrice) = (PlanKind.Metered, uint8(HOSTILE), uint96(PRICE));
        vm.prank(_provider);
        _planId = access.createPlan(1, terms);
        vm.prank(actors[0]);
        access.buy(_planId, 100, actors[0], type(uint256).max, type(uint256).max, Then.Hold);
    }

    function test_DistributionInsideARelease() public {
        bytes memory gift = abi.encodeCall(IRevenueShares.distribute, (1, HOSTILE, 100 * PRICE));
        _turn(address(shares), gift, 1_000);
        vm.prank(actors[0]);
        access.consume(_planId, 100);
        _requireSolvent();
    }

    /// @dev The other way round: units are consumed while a distribution is counted.
    function test_ReleaseInsideADistribution() public {
        vm.prank(_provider);
        access.buy(_planId, 100, _provider, type(uint256).max, type(uint256).max, Then.Hold);
        _turn(address(access), abi.encodeCall(IAccessToken.consume, (_planId, 100)), 1_000);
        vm.prank(actors[1]);
        shares.distribute(1, HOSTILE, 100 * PRICE);
        _requireSolvent();
    }

    /// @dev What is claimed in between looks like a charge: nobody is credited with it, and nobody else pays.
    function test_ClaimInsideARelease() public {
        vm.prank(actors[1]);
        shares.distribute(1, HOSTILE, 50 * PRICE);
        (uint256[] memory ids, uint256[] memory indices) = (new uint256[](1), new uint256[](1));
        (ids[0], indices[0]) = (1, HOSTILE);
        _turn(address(shares), abi.encodeCall(IRevenueShares.claim, (ids, indices, _provider)), 0);
        vm.prank(actors[0]);
        access.consume(_planId, 100);
        require(shares.distributed(1, HOSTILE) + shares.fees(HOSTILE) == 100 * PRICE, "another amount was credited");
        _requireSolvent();
    }

    /// @dev The same with fees: what is flushed in between reaches the vault, and is missing from what is split.
    function test_FlushInsideARelease() public {
        vm.prank(actors[0]);
        vault.lock(1e18, 30 days);
        vm.prank(actors[0]);
        access.consume(_planId, 40);
        uint256 fees = shares.fees(HOSTILE);
        _turn(address(shares), abi.encodeCall(IRevenueShares.flushFees, (HOSTILE)), 0);
        vm.prank(actors[0]);
        access.consume(_planId, 60);
        require(currencies[HOSTILE].balanceOf(address(vault)) == fees, "the fees were not flushed");
        uint256 credited = shares.distributed(1, HOSTILE) + shares.fees(HOSTILE);
        require(credited == 100 * PRICE - 2 * fees, "another amount was credited");
        _requireSolvent();
    }

    function _turn(address target, bytes memory payload, uint256 feeBps) private {
        IHostileCurrency currency = IHostileCurrency(address(currencies[HOSTILE]));
        currency.setFee(feeBps);
        currency.callOnTransfer(_provider, abi.encodeCall(HostileActor.attempt, (target, payload)));
    }

    function _requireSolvent() private view {
        uint256 due = shares.claimable(_provider, 1, HOSTILE) + shares.fees(HOSTILE);
        require(currencies[HOSTILE].balanceOf(address(shares)) >= due, "claimable beyond what is held");
    }
}
