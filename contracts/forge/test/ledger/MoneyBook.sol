// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessToken} from "../../../src/interfaces/IAccessToken.sol";
import {IRevenueShares} from "../../../src/interfaces/IRevenueShares.sol";
import {PlanKind, PlanTerms, Then} from "../../../src/types/DataTypes.sol";
import {Vm} from "../Vm.sol";
import {Books} from "./Books.sol";

/// @title Money of plans and shares, counted from the logs
abstract contract MoneyBook is Books {
    /// @dev All in base units of the plan's currency. `charged`: what releases lost to the currency on their way.
    struct Flow {
        uint256 paid;
        uint256 refunded;
        uint256 consumed;
        uint256 charged;
        uint256 released;
        uint256 fees;
        uint256 upstream;
        uint256 service;
    }

    uint256[] public plans;
    mapping(uint256 planId => PlanTerms) internal _terms;
    mapping(uint256 planId => Flow) internal _flows;
    mapping(uint256 planId => mapping(address account => uint256)) public accessUntil;
    mapping(uint256 planId => uint256) public unitsBooked;
    mapping(uint256 serviceId => mapping(uint256 currency => uint256)) public claimed;
    mapping(uint256 serviceId => mapping(uint256 currency => uint256)) public credited;
    mapping(uint256 serviceId => uint256) public lastSale;
    uint256[CURRENCIES] public feesTaken;
    uint256[CURRENCIES] public feesFlushed;
    uint256[CURRENCIES] public claimsPaid;
    uint256[CURRENCIES] public sharesOut; // what left RevenueShares, as the currency says
    uint256[CURRENCIES] public accessGifts;
    uint256 private _chargedNow;
    uint256 private _releasing; // the currency on its way to RevenueShares, plus 1
    uint256 private _upstreamNow;

    function planCount() public view returns (uint256) {
        return plans.length;
    }

    function flowOf(uint256 planId) external view returns (Flow memory) {
        return _flows[planId];
    }

    function termsOf(uint256 planId) public view returns (PlanTerms memory) {
        return _terms[planId];
    }

    function _openMoney() internal {
        (_chargedNow, _upstreamNow, _releasing) = (0, 0, 0);
    }

    function _readCurrency(Vm.Log memory log, uint256 currency) internal {
        if (log.topics[0] != IERC20.Transfer.selector) return;
        (address from, address to) = (_account(log, 1), _account(log, 2));
        uint256 amount = abi.decode(log.data, (uint256));
        if (from == address(shares)) sharesOut[currency] += amount;
        // What a currency charges follows the transfer it charges for; a refund's is the receiver's loss.
        bool charge = from == address(access) && to == DEAD;
        if (from == address(access) && !charge) _releasing = to == address(shares) ? currency + 1 : 0;
        // What is claimed or flushed while a release is counted is missing from it, and cannot be told from a charge.
        if (_releasing == currency + 1 && (charge || from == address(shares))) _chargedNow += amount;
    }

    function _readAccess(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        uint256 planId = log.topics.length > 1 ? _topic(log, 1) : 0;
        if (topic == IAccessToken.Bought.selector) return _onBought(log, planId);
        if (topic == IAccessToken.Activated.selector) return _onActivated(log, planId);
        if (topic == IAccessToken.Consumed.selector) {
            (uint256 units,) = abi.decode(log.data, (uint256, uint256));
            _flows[planId].consumed += units * _terms[planId].unitPrice;
            unitsBooked[planId] -= units;
        } else if (topic == IAccessToken.Refunded.selector) {
            (uint256 units, uint256 amount,,) = abi.decode(log.data, (uint256, uint256, uint256, uint256));
            _hold(amount == units * _terms[planId].unitPrice, 11, "a refund is not its price");
            _flows[planId].refunded += amount;
            unitsBooked[planId] -= units;
        } else if (topic == IAccessToken.PlanCreated.selector) {
            (PlanTerms memory terms,) = abi.decode(log.data, (PlanTerms, uint256));
            _terms[planId] = terms;
            plans.push(planId);
        }
    }

    function _onBought(Vm.Log memory log, uint256 planId) private {
        (uint256 units, uint256 cost,,,,) =
            abi.decode(log.data, (uint256, uint256, Then, uint256, uint256, uint256));
        _party(_account(log, 2));
        _hold(cost == units * _terms[planId].unitPrice, 11, "a purchase is not its price");
        _flows[planId].paid += cost;
        lastSale[planId >> 20] = block.timestamp;
        if (_terms[planId].kind == PlanKind.Pass) _flows[planId].consumed += cost;
        // `Activated` follows, and takes them out again.
        unitsBooked[planId] += units;
    }

    function _onActivated(Vm.Log memory log, uint256 planId) private {
        (uint256 units, uint256 until,) = abi.decode(log.data, (uint256, uint256, uint256));
        address beneficiary = _account(log, 3);
        uint256 before = accessUntil[planId][beneficiary];
        uint256 from = before > block.timestamp ? before : block.timestamp;
        _hold(until == from + units * _terms[planId].period, 10, "access is not what its units last");
        accessUntil[planId][beneficiary] = until;
        _flows[planId].consumed += units * _terms[planId].unitPrice;
        unitsBooked[planId] -= units;
    }

    function _readShares(Vm.Log memory log) internal {
        bytes32 topic = log.topics[0];
        if (topic == IRevenueShares.Released.selector) return _onReleased(log);
        if (topic == IRevenueShares.UpstreamPaid.selector) {
            (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
            credited[_topic(log, 1)][_topic(log, 3)] += amount;
            _upstreamNow += amount;
        } else if (topic == IRevenueShares.Distributed.selector) {
            (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
            credited[_topic(log, 1)][_topic(log, 3)] += amount;
        } else if (topic == IRevenueShares.Claimed.selector) {
            (uint256 amount,) = abi.decode(log.data, (uint256, uint256));
            claimed[_topic(log, 2)][_topic(log, 3)] += amount;
            claimsPaid[_topic(log, 3)] += amount;
        } else if (topic == IRevenueShares.FeesFlushed.selector) {
            feesFlushed[_topic(log, 1)] += abi.decode(log.data, (uint256));
        }
    }

    /// @dev The upstream parts of a release come before it.
    function _onReleased(Vm.Log memory log) private {
        (uint256 gross, uint256 fee, uint256 amount,,) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256));
        uint256 currency = _topic(log, 3);
        Flow storage flow = _flows[_topic(log, 2)];
        flow.released += gross;
        flow.charged += _chargedNow;
        flow.fees += fee;
        flow.service += amount;
        flow.upstream += _upstreamNow;
        credited[_topic(log, 1)][currency] += amount;
        feesTaken[currency] += fee;
        _openMoney();
    }
}
