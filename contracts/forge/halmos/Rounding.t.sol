// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DisputeCourt} from "../../src/DisputeCourt.sol";
import {RevenueShares} from "../../src/RevenueShares.sol";
import {CourtSettings, Upstream} from "../../src/types/DataTypes.sol";

/// @title Which way fees and bonds round, and that no part of a release is lost
/// @dev Scores and claims divide a product of two unknowns: the solver has no answer in minutes, the campaigns and the model have.
contract RoundingCheck {
    uint256 private constant PLAN = 3 << 20;

    RevenueShares private _shares;
    DisputeCourt private _court;

    function setUp() public {
        // This contract plays registry, units, vault and governance.
        _shares = new RevenueShares(address(this), address(this), address(this), address(this), address(1));
        _shares.create(1, address(this), new Upstream[](0));
        _shares.create(2, address(0xA), new Upstream[](0));
        Upstream[] memory upstreams = new Upstream[](2);
        (upstreams[0], upstreams[1]) = (Upstream(1, 1_234), Upstream(2, 3_765));
        _shares.create(3, address(0xA), upstreams);
        CourtSettings memory rules = CourtSettings(50e18, 5 days, 2 days, 14 days, 30 days, 400, 1);
        _court = new DisputeCourt(
            address(this), address(this), address(this), address(this), address(this), address(this), rules
        );
    }

    /// @dev Fee, two upstream parts and the service's part are the gross, to the base unit, for every gross and fee there is.
    function check_ReleasePartsAreTheGross(uint96 gross, uint16 feeBps) public {
        _shares.release(PLAN, 0, gross, feeBps);
        uint256 upstream = _shares.distributed(1, 0) + _shares.distributed(2, 0);
        assert(_shares.fees(0) + upstream + _shares.distributed(3, 0) == gross);
    }

    /// @dev A fee is rounded down, by less than one base unit.
    function check_FeeRoundsDown(uint8 gross) public {
        _shares.release(1 << 20, 0, gross, 250);
        uint256 fee = _shares.fees(0);
        assert(fee * 10_000 <= uint256(gross) * 250 && (fee + 1) * 10_000 > uint256(gross) * 250);
    }

    /// @dev A dispute's bond is rounded up, by less than one base unit.
    function check_BondRoundsUp(uint32 amount) public view {
        uint256 claimed = 500e18 + uint256(amount);
        uint256 bond = _court.bondUp(claimed);
        assert(bond >= 50e18 && bond * 10 >= claimed && bond * 10 < claimed + 10);
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    fallback() external {
        assembly ("memory-safe") {
            mstore(0, 0)
            return(0, 32)
        }
    }
}
