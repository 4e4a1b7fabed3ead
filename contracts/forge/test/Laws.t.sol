// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IAccessToken} from "../../src/interfaces/IAccessToken.sol";
import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {IServiceRegistry} from "../../src/interfaces/IServiceRegistry.sol";
import {IStakingVault} from "../../src/interfaces/IStakingVault.sol";
import {IUsageEscrow} from "../../src/interfaces/IUsageEscrow.sol";
import {PlanKind, PlanTerms, Position, Tab} from "../../src/types/DataTypes.sol";
import {Handler} from "./Handler.sol";
import {MoneyBook} from "./ledger/MoneyBook.sol";
import {StakeBook} from "./ledger/StakeBook.sol";
import {TabBook} from "./ledger/TabBook.sol";
import {Vm} from "./Vm.sol";

/// @title The numbered laws, asked after every call of a campaign
contract Laws {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    uint256 private constant ACTORS = 12;
    uint256 private constant CURRENCIES = 3;
    uint256 private constant HOSTILE = 1;
    uint256 private constant EMP = 2;
    uint256 private constant SHARES = 1_000_000;

    Handler private _world;
    IAccessToken private _access;
    IRevenueShares private _shares;
    IUsageEscrow private _escrow;
    IStakingVault private _vault;
    IServiceRegistry private _registry;
    address[ACTORS] private _actors;

    function setUp() public {
        _world = new Handler();
        (_access, _shares, _escrow) = (_world.access(), _world.shares(), _world.escrow());
        (_vault, _registry) = (_world.vault(), _world.registry());
        for (uint256 i; i < ACTORS; ++i) _actors[i] = _world.actors(i);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_world);
    }

    struct Selectors {
        address target;
        bytes4[] selectors;
    }

    /// @dev Their turn comes through `rarely`.
    function excludeSelectors() public view returns (Selectors[] memory excluded) {
        bytes4[12] memory rare = _world.rare();
        bytes4[] memory list = new bytes4[](rare.length);
        for (uint256 i; i < rare.length; ++i) list[i] = rare[i];
        excluded = new Selectors[](1);
        excluded[0] = Selectors(address(_world), list);
    }

    /// @dev Supply counted is the sum of balances, and the backing is supply times price.
    function invariant_Law01_BackingIsSupplyTimesPrice() public view {
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            uint256 held = _access.balanceOf(address(_escrow), planId);
            for (uint256 j; j < ACTORS; ++j) held += _access.balanceOf(_actors[j], planId);
            (uint256 supply,,,) = _access.planState(planId);
            PlanTerms memory terms = _world.termsOf(planId);
            require(held == supply, "balances do not sum to the supply");
            require(supply == _world.unitsBooked(planId), "the supply is not what was booked");
            uint256 backing = terms.kind == PlanKind.Pass ? 0 : supply * terms.unitPrice;
            require(_access.backingOf(planId) == backing, "the backing is not supply times price");
        }
        _kept(1);
    }

    /// @dev To the unit: what is there beside the backings was given.
    function invariant_Law02_BackingsAreHeld() public view {
        uint256[CURRENCIES] memory backing;
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            backing[_world.termsOf(planId).currency] += _access.backingOf(planId);
        }
        for (uint256 i; i < CURRENCIES; ++i) {
            uint256 held = _world.currencies(i).balanceOf(address(_access));
            require(held == backing[i] + _world.accessGifts(i), "AccessToken does not hold the backings");
        }
        _kept(2);
    }

    function invariant_Law03_EscrowHoldsItsTabs() public view {
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            uint256 sum;
            for (uint256 j; j < ACTORS; ++j) sum += _escrow.tabOf(planId, _actors[j]).balance;
            require(sum == _access.balanceOf(address(_escrow), planId), "tabs do not sum to the balance");
        }
        _kept(3);
    }

    /// @dev Vouchers and daily limits are held at every settlement, by the ledger.
    function invariant_Law04_TabsSettleWithinDeposits() public view {
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            for (uint256 j; j < ACTORS; ++j) {
                TabBook.TabLine memory line = _world.tabLineOf(planId, _actors[j]);
                Tab memory tab = _escrow.tabOf(planId, _actors[j]);
                require(tab.settled == line.settled, "the settled total is not what was settled");
                require(tab.settled <= line.deposited, "settled beyond what was deposited");
                require(
                    tab.balance + line.settled + line.withdrawn == line.deposited, "a tab is not its deposits"
                );
            }
        }
        _kept(4);
    }

    function invariant_Law05_SharesSumToAMillion() public view {
        for (uint256 id = 1; id <= _registry.serviceCount(); ++id) {
            uint256 sum;
            for (uint256 j; j < ACTORS; ++j) sum += _shares.balanceOf(_actors[j], id);
            require(sum == SHARES, "shares do not sum to a million");
        }
        _kept(5);
    }

    function invariant_Law06_DistributedIsOwedAndClaimed() public view {
        for (uint256 id = 1; id <= _registry.serviceCount(); ++id) {
            for (uint256 i; i < CURRENCIES; ++i) {
                uint256 distributed = _shares.distributed(id, i);
                uint256 owed = _world.claimed(id, i) * SHARES;
                for (uint256 j; j < ACTORS; ++j) owed += _owed(_actors[j], id, i, distributed);
                require(owed == distributed * SHARES, "owed and claimed are not what was distributed");
                require(distributed == _world.credited(id, i), "distributed is not what was credited");
            }
        }
        _kept(6);
    }

    function invariant_Law07_SharesHoldWhatIsClaimable() public view {
        for (uint256 i; i < CURRENCIES; ++i) {
            uint256 due = _shares.fees(i);
            require(due + _world.feesFlushed(i) == _world.feesTaken(i), "fees are not what was taken");
            for (uint256 id = 1; id <= _registry.serviceCount(); ++id) {
                for (uint256 j; j < ACTORS; ++j) due += _shares.claimable(_actors[j], id, i);
            }
            require(_world.currencies(i).balanceOf(address(_shares)) >= due, "claimable beyond what is held");
            require(_world.sharesOut(i) == _world.claimsPaid(i) + _world.feesFlushed(i), "money left unbooked");
        }
        _kept(7);
    }

    /// @dev Rewards are held in every currency, not in EMP only.
    function invariant_Law08_VaultIsSolventAndScoresAreVotes() public {
        uint256 score;
        uint256 locked;
        uint256 delegated;
        for (uint256 j; j < ACTORS; ++j) {
            uint256 own;
            for (uint256 k; k < _vault.positionCount(_actors[j]); ++k) {
                Position memory position = _vault.positionOf(_actors[j], k);
                own += position.score;
                locked += position.amount;
            }
            require(own == _vault.scoreOf(_actors[j]), "a score is not the sum of its positions");
            score += own;
            delegated += IVotes(address(_vault)).getVotes(_actors[j]);
        }
        require(score == _vault.totalScore(), "the total score is not the sum of scores");
        require(locked == _vault.totalLocked() && locked == _world.locked(), "locked is not the sum of locks");
        require(delegated <= score, "delegates have more votes than there are scores");
        vm.warp(block.timestamp + 1);
        require(IVotes(address(_vault)).getPastTotalSupply(block.timestamp - 1) == score, "votes are not scores");
        vm.warp(block.timestamp - 1);
        for (uint256 i; i < CURRENCIES; ++i) _requireRewards(i, i == EMP ? locked : 0);
        _kept(8);
    }

    /// @dev When locks and bonds leave is held at every step, by the ledger; here that they are there.
    function invariant_Law09_LocksAndBondsStay() public view {
        uint256 bonds;
        for (uint256 id = 1; id <= _registry.serviceCount(); ++id) {
            StakeBook.BondLine memory line = _world.bondLineOf(id);
            require(_registry.serviceOf(id).bond == line.bond, "a bond is not what was bonded");
            bonds += line.bond + line.challenge;
        }
        require(_world.currencies(EMP).balanceOf(address(_registry)) == bonds, "bonds are not held");
        for (uint256 j; j < ACTORS; ++j) {
            for (uint256 k; k < _vault.positionCount(_actors[j]); ++k) {
                require(
                    _vault.positionOf(_actors[j], k).amount == _world.lockAmount(_actors[j], k), "a lock changed"
                );
                require(_vault.positionOf(_actors[j], k).end == _world.lockEnd(_actors[j], k), "an end changed");
            }
        }
        uint256 disputed = _world.currencies(EMP).balanceOf(address(_world.court()));
        require(disputed == _world.disputesHeld(), "the court does not hold its bonds");
        _kept(9);
    }

    /// @dev The ledger's times only grow, and are those of the contract.
    function invariant_Law10_AccessNeverMovesBack() public view {
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            for (uint256 j; j < ACTORS; ++j) {
                (uint256 until,,) = _access.accountOf(planId, _actors[j]);
                require(until == _world.accessUntil(planId, _actors[j]), "access is not what was activated");
            }
        }
        _kept(10);
    }

    function invariant_Law11_MoneyInIsAccountedFor() public view {
        for (uint256 i; i < _world.planCount(); ++i) {
            uint256 planId = _world.plans(i);
            MoneyBook.Flow memory flow = _world.flowOf(planId);
            uint256 rest = _access.backingOf(planId) + flow.refunded;
            require(flow.paid == rest + flow.consumed, "money in is not backing, refunded and consumed");
            require(flow.consumed == flow.released + flow.charged, "what was consumed was not released");
            bool charges = _world.termsOf(planId).currency == HOSTILE;
            require(charges || flow.charged == 0, "a currency charged that never does");
            require(flow.released == flow.fees + flow.upstream + flow.service, "a release is not its parts");
        }
        _kept(11);
    }

    /// @dev A stranger's holdings are compared around every call, by the handler.
    function invariant_Law12_StrangersLoseNothing() public view {
        _kept(12);
    }

    function invariant_Law13_MarketHoldsNothing() public view {
        address market = address(_world.market());
        for (uint256 i; i < CURRENCIES; ++i) {
            require(_world.currencies(i).balanceOf(market) == 0, "the market holds money");
        }
        for (uint256 i; i < _world.planCount(); ++i) {
            require(_access.balanceOf(market, _world.plans(i)) == 0, "the market holds units");
        }
        for (uint256 id = 1; id <= _registry.serviceCount(); ++id) {
            require(_shares.balanceOf(market, id) == 0, "the market holds shares");
        }
        _kept(13);
    }

    // -------------------------------------------------------------------------------------------------- private

    function _kept(uint256 law) private view {
        string memory breach = _world.breaches(law);
        require(bytes(breach).length == 0, breach);
    }

    function _owed(address account, uint256 id, uint256 currency, uint256 total) private view returns (uint256) {
        (uint256 owed, uint256 checkpoint) = _shares.accountOf(account, id, currency);
        return owed + _shares.balanceOf(account, id) * (total - checkpoint);
    }

    function _requireRewards(uint256 currency, uint256 locked) private view {
        uint256 due;
        for (uint256 j; j < ACTORS; ++j) due += _vault.claimable(_actors[j], currency);
        uint256 held = _world.currencies(currency).balanceOf(address(_vault));
        require(held >= locked + due, "the vault does not hold its locks and rewards");
        require(due + _world.rewardsPaid(currency) <= _world.streamed(currency), "rewards beyond what was streamed");
    }
}
