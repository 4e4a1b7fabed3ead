// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IAccessToken} from "../../src/interfaces/IAccessToken.sol";
import {IDisputeCourt} from "../../src/interfaces/IDisputeCourt.sol";
import {IEmporionDistributor} from "../../src/interfaces/IEmporionDistributor.sol";
import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {IServiceRegistry} from "../../src/interfaces/IServiceRegistry.sol";
import {IServiceReviews} from "../../src/interfaces/IServiceReviews.sol";
import {IStakingVault} from "../../src/interfaces/IStakingVault.sol";
import {ITokenMarket} from "../../src/interfaces/ITokenMarket.sol";
import {IUsageEscrow} from "../../src/interfaces/IUsageEscrow.sol";
import {CourtSettings, RegistrySettings, VaultSettings, Vesting} from "../../src/types/DataTypes.sol";
import {HostileActor} from "./HostileActor.sol";
import {Vm} from "./Vm.sol";

interface IMintable {
    function mint(address to, uint256 amount) external;
}

/// @title Every contract from its committed artifact, and a dozen funded actors: eight with keys, four hostile contracts
abstract contract World {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    uint256 internal constant ACTORS = 12;
    uint256 internal constant SIGNERS = 8;
    uint256 internal constant USD = 0;
    uint256 internal constant HOSTILE = 1;
    uint256 internal constant EMP = 2;
    uint256 internal constant CURRENCIES = 3;
    uint256 internal constant FUNDS = 1_000_000e18;
    uint256 internal constant MIN_BOND = 1_000e18;
    address internal constant DEAD = address(0xdead);

    IAccessToken public access;
    IRevenueShares public shares;
    IServiceRegistry public registry;
    IUsageEscrow public escrow;
    IStakingVault public vault;
    ITokenMarket public market;
    IDisputeCourt public court;
    IServiceReviews public reviews;
    IEmporionDistributor public distributor;
    IERC20[CURRENCIES] public currencies;
    address[ACTORS] public actors;
    address internal _governance = address(0xA11CE);
    address internal _guardian = address(0xB0B);
    address internal _treasury = address(0x7EA5);

    constructor() {
        _deployMoney();
        _deployCore(vm.getNonce(address(this)));
        for (uint256 i; i < ACTORS; ++i) {
            actors[i] = i < SIGNERS ? vm.addr(_keyOf(i)) : address(new HostileActor());
            _fund(actors[i]);
        }
    }

    function votes() public view returns (IVotes) {
        return IVotes(address(vault));
    }

    function _keyOf(uint256 actor) internal pure returns (uint256) {
        return 1_000 + actor;
    }

    function _deployMoney() private {
        currencies[USD] = IERC20(_create("mocks/TestDollar", ""));
        currencies[HOSTILE] = IERC20(_create("mocks/HostileCurrency", ""));
        currencies[EMP] = IERC20(_create("EmporionToken", abi.encode(address(this), 80_000_000e18, _treasury, 1e18)));
    }

    /// @dev In the order of their nonces, because each is told the addresses of the others.
    function _deployCore(uint256 nonce) private {
        address emp = address(currencies[EMP]);
        address[9] memory site;
        for (uint256 i; i < site.length; ++i) site[i] = vm.computeCreateAddress(address(this), nonce + i);
        shares = IRevenueShares(site[0]);
        registry = IServiceRegistry(site[1]);
        access = IAccessToken(site[2]);
        escrow = IUsageEscrow(site[3]);
        vault = IStakingVault(site[4]);
        market = ITokenMarket(site[5]);
        court = IDisputeCourt(site[6]);
        reviews = IServiceReviews(site[7]);
        distributor = IEmporionDistributor(site[8]);
        _create("RevenueShares", abi.encode(registry, access, vault, _governance, _treasury));
        RegistrySettings memory bonds = RegistrySettings(MIN_BOND, 45 days, 45 days, 90 days, 30 days, 30 days, 100e18);
        _create(
            "ServiceRegistry", abi.encode(emp, shares, access, escrow, court, _governance, _guardian, bonds)
        );
        _create(
            "AccessToken",
            abi.encode(registry, shares, escrow, vault, _governance, _guardian, uint256(250), _currencyList())
        );
        _create("UsageEscrow", abi.encode(access, registry, _governance, 1 days, 1 hours, 7 days));
        _create("StakingVault", abi.encode(emp, access, shares, VaultSettings(7 days, 365 days, 7 days)));
        _create("TokenMarket", abi.encode(access, shares));
        CourtSettings memory rules = CourtSettings(50e18, 5 days, 2 days, 14 days, 30 days, 400, 800_000e18);
        _create("DisputeCourt", abi.encode(emp, registry, access, escrow, vault, _governance, rules));
        _create("ServiceReviews", abi.encode(access, escrow));
        _deployDistributor(emp);
    }

    function _deployDistributor(address emp) private {
        Vesting[] memory vestings = new Vesting[](1);
        vestings[0] = Vesting(_treasury, 1_000_000e18, uint40(block.timestamp), 730 days);
        uint256 deadline = block.timestamp + 180 days;
        // A tree of one leaf: the first actor's.
        bytes32 root =
            keccak256(bytes.concat(keccak256(abi.encode(uint256(0), vm.addr(_keyOf(0)), uint256(1_000e18)))));
        _create("EmporionDistributor", abi.encode(emp, _treasury, root, 1_500e18, deadline, vestings));
        currencies[EMP].transfer(address(distributor), 1_001_500e18);
    }

    function _currencyList() private view returns (address[] memory list) {
        list = new address[](CURRENCIES);
        for (uint256 i; i < CURRENCIES; ++i) list[i] = address(currencies[i]);
    }

    /// @dev Creates what the reviewed artifact says, byte by byte; or one broken on purpose, to see a law bite.
    function _create(string memory name, bytes memory arguments) private returns (address created) {
        string memory folder = vm.envOr("CAMPAIGN_ARTIFACTS", string("artifacts"));
        string memory json = vm.readFile(string.concat(folder, "/", name, ".json"));
        bytes memory creation = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), arguments);
        assembly ("memory-safe") {
            created := create(0, add(creation, 32), mload(creation))
        }
        require(created != address(0), name);
    }

    function _fund(address actor) private {
        IMintable(address(currencies[USD])).mint(actor, FUNDS);
        IMintable(address(currencies[HOSTILE])).mint(actor, FUNDS);
        currencies[EMP].transfer(actor, FUNDS);
        address[6] memory spenders =
            [address(access), address(shares), address(registry), address(vault), address(market), address(court)];
        for (uint256 i; i < CURRENCIES * spenders.length; ++i) {
            vm.prank(actor);
            currencies[i / spenders.length].approve(spenders[i % spenders.length], type(uint256).max);
        }
        for (uint256 i; i < 2; ++i) {
            vm.prank(actor);
            access.setApprovalForAll(i == 0 ? address(escrow) : address(market), true);
        }
        vm.prank(actor);
        shares.setApprovalForAll(address(market), true);
    }
}
