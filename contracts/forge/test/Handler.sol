// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessToken} from "../../src/interfaces/IAccessToken.sol";
import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {ITokenMarket} from "../../src/interfaces/ITokenMarket.sol";
import {IStakingVault} from "../../src/interfaces/IStakingVault.sol";
import {IUsageEscrow} from "../../src/interfaces/IUsageEscrow.sol";
import {PlanKind, PlanTerms, Then, Upstream} from "../../src/types/DataTypes.sol";
import {HostileActor} from "./HostileActor.sol";
import {Stakers} from "./handlers/Stakers.sol";

interface IHostileCurrency {
    function setFee(uint256 bps) external;
    function refuse(address receiver) external;
    function callOnTransfer(address target, bytes calldata payload) external;
}

/// @title Everything that can be done, by anybody, at any time; and what turns hostile
contract Handler is Stakers {
    uint256 private constant PRICE = 1_000_003; // odd, so that every part of it rounds

    constructor() {
        Upstream[] memory none = new Upstream[](0);
        _register(actors[0], actors[2], none, MIN_BOND * 3);
        Upstream[] memory one = new Upstream[](1);
        one[0] = Upstream(1, 1_000);
        _register(actors[1], actors[2], one, MIN_BOND * 3);
        Upstream[] memory two = new Upstream[](2);
        (two[0], two[1]) = (Upstream(1, 2_501), Upstream(2, 2_499));
        _register(actors[SIGNERS], actors[3], two, MIN_BOND * 3);
        for (uint256 i; i < 9; ++i) {
            uint256 serviceId = 1 + i % 3;
            PlanTerms memory terms = _termsOf(PlanKind(i % 3 == 0 ? 2 : (i + i / 3) % 3), (i + i / 3) % 3, PRICE);
            _createPlan(registry.ownerOf(serviceId), serviceId, terms);
        }
        for (uint256 i; i < ACTORS; ++i) _prepare(actors[i], plans[i % plans.length], plans[(i + 3) % plans.length]);
    }

    /// @dev An actor with units, some deposited where they are credits, a lock, and offers standing.
    function _prepare(address actor, uint256 held, uint256 used) private {
        uint256 most = type(uint256).max;
        _do(actor, address(access), abi.encodeCall(IAccessToken.buy, (held, 30, actor, most, most, Then.Hold)));
        if (used & 3 == uint256(PlanKind.Metered)) {
            _do(actor, address(escrow), abi.encodeCall(IUsageEscrow.setTabOptions, (used, _oneIn(3), _draw(2) * 12)));
            _do(actor, address(access), abi.encodeCall(IAccessToken.buy, (used, 30, actor, most, most, Then.Deposit)));
        } else {
            _do(actor, address(access), abi.encodeCall(IAccessToken.buy, (used, 5, actor, most, most, Then.Hold)));
        }
        _do(actor, address(vault), abi.encodeCall(IStakingVault.lock, (20_000e18 + _draw(1e22), 10 days + _draw(90 days))));
        bytes memory offer = abi.encodeCall(
            ITokenMarket.list, (address(access), held, 10, PRICE, _draw(CURRENCIES), block.timestamp + 30 days)
        );
        if (held & 4 != 0) _do(actor, address(market), offer);
    }

    /// @dev Time passes; most often a little.
    function wait(uint256 seed) external act(seed, "wait") {
        uint256 most = [uint256(60), 1 hours, 1 days, 8 days, 50 days, 400 days][_draw(5) + (_oneIn(12) ? 1 : 0)];
        vm.warp(block.timestamp + 1 + _draw(most));
        ++tried[_action];
        ++done[_action];
    }

    /// @dev What would end a campaign's economy, or says little, happens seldom.
    function rarely(uint256 seed) external {
        uint256 kind = seed % 12;
        if (kind == 0) this.setTreasury(seed);
        if (kind == 1) this.setWithdrawalDelay(seed);
        if (kind == 2) this.governSales(seed);
        if (kind == 3) this.governCourt(seed);
        if (kind == 4) this.governServices(seed);
        if (kind == 5) this.donate(seed);
        if (kind == 6) this.setMetadata(seed);
        if (kind == 7) this.review(seed);
        if (kind == 8) this.drawEmp(seed);
        if (kind == 9) this.intrude(seed);
        if (kind == 10) this.giveService(seed);
        if (kind == 11) this.setMeter(seed);
    }

    function rare() external pure returns (bytes4[12] memory) {
        return [
            this.setTreasury.selector, this.setWithdrawalDelay.selector, this.governSales.selector,
            this.governCourt.selector, this.governServices.selector, this.donate.selector, this.setMetadata.selector,
            this.review.selector, this.drawEmp.selector, this.intrude.selector, this.giveService.selector,
            this.setMeter.selector
        ];
    }

    /// @dev A contract among the actors changes its mood.
    function turn(uint256 seed) external act(seed, "turn") {
        HostileActor actor = HostileActor(actors[SIGNERS + _draw(ACTORS - SIGNERS)]);
        actor.setMood(HostileActor.Mood(_draw(4)));
        ++tried[_action];
        ++done[_action];
    }

    /// @dev A contract among the actors will act in the middle of the next thing it is given.
    function armReceiver(uint256 seed) external act(seed, "armReceiver") {
        HostileActor actor = HostileActor(actors[SIGNERS + _draw(ACTORS - SIGNERS)]);
        (address target, bytes memory payload) = _ambush(address(actor));
        actor.setMood(HostileActor.Mood.Honest);
        actor.arm(target, payload);
        ++tried[_action];
        ++done[_action];
    }

    /// @dev The currency calls out in its next transfer, charges, or refuses a receiver.
    function armCurrency(uint256 seed) external act(seed, "armCurrency") {
        IHostileCurrency currency = IHostileCurrency(address(currencies[HOSTILE]));
        uint256 kind = _draw(8);
        if (kind < 4) {
            address actor = actors[SIGNERS + _draw(ACTORS - SIGNERS)];
            (address target, bytes memory payload) = _oneIn(3) ? _gift() : _ambush(actor);
            if (_oneIn(3)) currency.setFee(1 + _draw(2_000));
            currency.callOnTransfer(actor, abi.encodeCall(HostileActor.attempt, (target, payload)));
        } else if (kind == 4) {
            currency.setFee(_draw(2_000));
        } else if (kind == 5) {
            currency.refuse(_anyone());
        } else {
            currency.setFee(0);
            currency.refuse(address(0));
        }
        ++tried[_action];
        ++done[_action];
    }

    /// @dev Something a hostile contract may do as itself while somebody else is in the middle of something.
    function _ambush(address self) private returns (address, bytes memory) {
        (uint256 planId, uint256 kind, uint256 units) = (_anyPlan(), _draw(12), 1 + _draw(4));
        uint256 most = type(uint256).max;
        if (kind == 0) return (address(access), abi.encodeCall(IAccessToken.buy, (planId, units, self, most, most, Then.Hold)));
        if (kind == 1) return (address(access), abi.encodeCall(IAccessToken.refund, (planId, units, self)));
        if (kind == 2) return (address(access), abi.encodeCall(IAccessToken.consume, (planId, units)));
        if (kind == 3) return (address(access), abi.encodeCall(IAccessToken.activate, (planId, units, self)));
        if (kind == 4) return (address(escrow), abi.encodeCall(IUsageEscrow.deposit, (planId, units)));
        if (kind == 5) return (address(escrow), abi.encodeCall(IUsageEscrow.withdraw, (planId, self)));
        if (kind == 6) {
            return (address(market), abi.encodeCall(ITokenMarket.fill, (1 + _draw(market.listingCount() + 1), units, most, most)));
        }
        if (kind == 7) {
            uint256[] memory one = new uint256[](1);
            uint256[] memory services = new uint256[](1);
            (services[0], one[0]) = (_anyService(), HOSTILE);
            return (address(shares), abi.encodeCall(IRevenueShares.claim, (services, one, self)));
        }
        if (kind == 8) return _gift();
        if (kind == 9) {
            return (
                address(shares),
                abi.encodeCall(IERC1155.safeTransferFrom, (self, actors[_draw(SIGNERS)], _anyService(), units, ""))
            );
        }
        if (kind == 10) return (address(shares), abi.encodeCall(IRevenueShares.flushFees, (HOSTILE)));
        return (
            address(access), abi.encodeCall(IERC1155.safeTransferFrom, (self, actors[_draw(ACTORS)], planId, units, ""))
        );
    }

    /// @dev Money for the shares while they count other money that arrives.
    function _gift() private returns (address, bytes memory) {
        uint256 amount = _draw(40 * PRICE);
        return (address(shares), abi.encodeCall(IRevenueShares.distribute, (_anyService(), HOSTILE, amount)));
    }
}
