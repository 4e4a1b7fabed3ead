// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IAccessToken} from "../../../src/interfaces/IAccessToken.sol";
import {PlanId} from "../../../src/libraries/PlanId.sol";
import {Measure, PlanKind, PlanTerms, Then} from "../../../src/types/DataTypes.sol";
import {Acting} from "./Acting.sol";

/// @title Plans are made, units are bought, used, given and refunded
abstract contract Sales is Acting {
    uint256 internal constant MOST_PLANS = 12;
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function createPlan(uint256 seed) external act(seed, "createPlan") {
        if (plans.length >= MOST_PLANS) return;
        uint256 serviceId = _anyService();
        PlanTerms memory terms = _termsOf(PlanKind(_draw(3)), _draw(CURRENCIES), _draw(3) * 999_999_999_989);
        if (_oneIn(4)) terms.accountCap = uint64(1 + _draw(20));
        if (_oneIn(4)) terms.supplyCap = uint64(1 + _draw(200));
        if (_oneIn(6)) (terms.saleStart, terms.earlySeconds) = (uint40(block.timestamp + 3 days), 2 days);
        if (terms.earlySeconds != 0) terms.earlyScore = uint112(_draw(100_000e18));
        _createPlan(_providerOf(serviceId), serviceId, terms);
    }

    function _createPlan(address provider, uint256 serviceId, PlanTerms memory terms) internal {
        _do(provider, address(access), abi.encodeCall(IAccessToken.createPlan, (serviceId, terms)));
    }

    function _termsOf(PlanKind kind, uint256 currency, uint256 price) internal returns (PlanTerms memory terms) {
        terms.kind = kind;
        terms.transferable = !_oneIn(3);
        terms.refundable = kind != PlanKind.Pass && !_oneIn(4);
        terms.measure = Measure.Tokens;
        terms.currency = uint8(currency);
        terms.royaltyBps = uint16(_draw(2_501));
        terms.unitPrice = uint96(price);
        terms.period = kind == PlanKind.Timed ? uint32(1 hours + _draw(40 days)) : 0;
    }

    function setSaleOpen(uint256 seed) external act(seed, "setSaleOpen") {
        uint256 planId = _anyPlan();
        _do(_providerOf(planId >> 20), address(access), abi.encodeCall(IAccessToken.setSaleOpen, (planId, !_oneIn(6))));
    }

    function buy(uint256 seed) external act(seed, "buy") {
        _buyAny();
    }

    /// @dev More often than the rest: without sales there is nothing to break.
    function buyAgain(uint256 seed) external act(seed, "buy") {
        _buyAny();
    }

    function buyMore(uint256 seed) external act(seed, "buy") {
        _buyAny();
    }

    function buyWithPermit(uint256 seed) external act(seed, "buyWithPermit") {
        uint256 signer = _draw(SIGNERS);
        (uint256 planId, uint256 units, uint256 deadline) = (_anyPlan(), _amount(40), _deadline());
        uint256 value = _maxCost(planId, units);
        (uint8 v, bytes32 r, bytes32 s) = _permit(signer, planId, value, deadline);
        bytes memory call = abi.encodeCall(
            IAccessToken.buyWithPermit,
            (planId, units, actors[signer], value, deadline, _thenFor(planId), v, r, s)
        );
        _do(actors[signer], address(access), call, planId);
        // A permit of less than everything must not starve the next purchase.
        for (uint256 i; i < CURRENCIES; ++i) {
            vm.prank(actors[signer]);
            currencies[i].approve(address(access), type(uint256).max);
        }
    }

    /// @dev Signed by one, sent by another, who sometimes changes the order.
    function buyWithAuthorization(uint256 seed) external act(seed, "buyWithAuthorization") {
        uint256 signer = _draw(SIGNERS);
        (uint256 planId, uint256 units, uint256 deadline) = (_anyPlan(), _amount(40), block.timestamp + 1);
        (uint256 value, Then then, bytes32 salt) = (_maxCost(planId, units), _thenFor(planId), bytes32(_draw(1e9)));
        bytes memory signature = _authorization(signer, _nonce(planId, units, actors[signer], value, deadline, then, salt), value, deadline);
        bool changed = _oneIn(6);
        if (!changed) _party(actors[signer]);
        address recipient = changed ? _anyone() : actors[signer];
        if (recipient == actors[signer]) _party(recipient);
        bytes memory call = abi.encodeCall(
            IAccessToken.buyWithAuthorization,
            (actors[signer], planId, units, recipient, value, deadline, then, salt, signature)
        );
        (bool succeeded,) = _do(_anyone(), address(access), call, planId);
        _hold(!succeeded || recipient == actors[signer], 12, "an authorization was redirected");
    }

    function activate(uint256 seed) external act(seed, "activate") {
        uint256 planId = _planOf(PlanKind.Timed);
        address holder = _holderOf(planId);
        uint256 units = _amount(access.balanceOf(holder, planId));
        address beneficiary = _oneIn(3) ? _anyone() : holder;
        _do(holder, address(access), abi.encodeCall(IAccessToken.activate, (planId, units, beneficiary)), planId);
    }

    function consume(uint256 seed) external act(seed, "consume") {
        uint256 planId = _planOf(PlanKind.Metered);
        address holder = _holderOf(planId);
        uint256 units = _amount(access.balanceOf(holder, planId));
        _do(holder, address(access), abi.encodeCall(IAccessToken.consume, (planId, units)), planId);
    }

    function refund(uint256 seed) external act(seed, "refund") {
        uint256 planId = _anyPlan();
        address holder = _holderOf(planId);
        uint256 units = _amount(access.balanceOf(holder, planId));
        address to = _oneIn(3) ? _anyone() : holder;
        _do(holder, address(access), abi.encodeCall(IAccessToken.refund, (planId, units, to)), planId);
    }

    function give(uint256 seed) external act(seed, "give") {
        (address operator, address to, uint256 planId) = (_anyone(), _anyone(), _anyPlan());
        address from = _holderOf(planId);
        if (!_oneIn(4)) operator = from;
        uint256 units = _amount(access.balanceOf(from, planId));
        _do(operator, address(access), abi.encodeCall(IERC1155.safeTransferFrom, (from, to, planId, units, "")), planId);
    }

    /// @dev Money nobody asked for: it must not become anybody's.
    function donate(uint256 seed) external act(seed, "donate") {
        uint256 currency = _draw(CURRENCIES);
        address to = [address(access), address(shares), address(vault)][_draw(3)];
        uint256 before = currencies[currency].balanceOf(to);
        _do(_anyone(), address(currencies[currency]), abi.encodeCall(currencies[currency].transfer, (to, _draw(1e18))));
        if (to == address(access)) accessGifts[currency] += currencies[currency].balanceOf(to) - before;
    }

    function governSales(uint256 seed) external act(seed, "governSales") {
        address who = _oneIn(3) ? _anyone() : _governance;
        uint256 kind = _draw(12);
        bytes memory call = abi.encodeCall(IAccessToken.setFeeBps, (_draw(1_100)));
        if (kind < 9) call = abi.encodeCall(IAccessToken.setCurrencyOpen, (_draw(CURRENCIES), kind != 0));
        if (kind == 9) (who, call) = (_guardian, abi.encodeCall(IAccessToken.pauseSales, ()));
        bool succeeded = _do(who, address(access), call);
        _hold(!succeeded || who == _governance || who == _guardian, 12, "a stranger governed sales");
    }

    // -------------------------------------------------------------------------------------------------- private

    function _buyAny() private {
        (address payer, uint256 planId, uint256 units) = (_anyone(), _anyPlan(), _amount(40));
        address recipient = _oneIn(8) ? _anyone() : payer;
        bytes memory call = abi.encodeCall(
            IAccessToken.buy,
            (planId, units, recipient, _maxCost(planId, units), _deadline(), _thenFor(planId))
        );
        _do(payer, address(access), call, planId);
    }

    /// @dev A plan of the kind, where the first draws find one.
    function _planOf(PlanKind kind) internal returns (uint256 planId) {
        for (uint256 i; i < 6; ++i) {
            planId = _anyPlan();
            if (PlanId.isKind(planId, kind)) return planId;
        }
    }

    function _thenFor(uint256 planId) private returns (Then) {
        if (_oneIn(16)) return Then(_draw(3));
        if (PlanId.isKind(planId, PlanKind.Pass) || _oneIn(2)) return Then.Hold;
        return PlanId.isKind(planId, PlanKind.Timed) ? Then.Activate : Then.Deposit;
    }

    function _maxCost(uint256 planId, uint256 units) private returns (uint256) {
        uint256 cost = units > 1e6 ? type(uint256).max : units * _terms[planId].unitPrice;
        if (cost > 0 && _oneIn(16)) return cost - 1;
        return cost < 1e30 && _oneIn(4) ? cost + _draw(1e12) : cost;
    }

    function _permit(uint256 signer, uint256 planId, uint256 value, uint256 deadline)
        private
        returns (uint8, bytes32, bytes32)
    {
        IERC20Permit token = IERC20Permit(address(currencies[_terms[planId].currency == EMP ? EMP : USD]));
        uint256 nonce = token.nonces(actors[signer]) + (_oneIn(6) ? 1 : 0);
        bytes32 hash = keccak256(abi.encode(PERMIT, actors[signer], access, value, nonce, deadline));
        return vm.sign(_keyOf(signer), keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash)));
    }

    function _nonce(
        uint256 planId,
        uint256 units,
        address recipient,
        uint256 value,
        uint256 deadline,
        Then then,
        bytes32 salt
    ) private view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, access, planId, units, recipient, then, value, deadline, salt)
        );
    }

    function _authorization(uint256 signer, bytes32 nonce, uint256 value, uint256 deadline)
        private
        view
        returns (bytes memory)
    {
        bytes32 domain = IERC20Permit(address(currencies[USD])).DOMAIN_SEPARATOR();
        bytes32 hash =
            keccak256(abi.encode(RECEIVE, actors[signer], access, value, uint256(0), deadline, nonce));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(_keyOf(signer), keccak256(abi.encodePacked(hex"1901", domain, hash)));
        return abi.encodePacked(r, s, v);
    }
}
