// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IDisputeCourt} from "../../../src/interfaces/IDisputeCourt.sol";
import {IEmporionDistributor} from "../../../src/interfaces/IEmporionDistributor.sol";
import {IServiceReviews} from "../../../src/interfaces/IServiceReviews.sol";
import {IStakingVault} from "../../../src/interfaces/IStakingVault.sol";
import {Services} from "./Services.sol";

/// @title EMP is locked, earns, votes and is slashed for
abstract contract Stakers is Services {
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function lock(uint256 seed) external act(seed, "lock") {
        address owner = _anyone();
        if (vault.positionCount(owner) >= 4) return;
        _do(owner, address(vault), abi.encodeCall(IStakingVault.lock, (_amount(90_000e18), _duration())));
    }

    function lockWithPermit(uint256 seed) external act(seed, "lockWithPermit") {
        uint256 signer = _draw(SIGNERS);
        if (vault.positionCount(actors[signer]) >= 4) return;
        (uint256 amount, uint256 duration, IERC20Permit emp) =
            (1e18 + _draw(1e22), _duration(), IERC20Permit(address(currencies[EMP])));
        bytes32 hash = keccak256(
            abi.encode(PERMIT, actors[signer], vault, amount, emp.nonces(actors[signer]), block.timestamp)
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(_keyOf(signer), keccak256(abi.encodePacked(hex"1901", emp.DOMAIN_SEPARATOR(), hash)));
        bytes memory call = abi.encodeCall(IStakingVault.lockWithPermit, (amount, duration, block.timestamp, v, r, s));
        _do(actors[signer], address(vault), call);
        vm.prank(actors[signer]);
        currencies[EMP].approve(address(vault), type(uint256).max);
    }

    function increase(uint256 seed) external act(seed, "increase") {
        address owner = _anyone();
        _do(owner, address(vault), abi.encodeCall(IStakingVault.increase, (_index(owner), _amount(10_000e18))));
    }

    function extend(uint256 seed) external act(seed, "extend") {
        address owner = _anyone();
        _do(owner, address(vault), abi.encodeCall(IStakingVault.extend, (_index(owner), _duration())));
    }

    function compound(uint256 seed) external act(seed, "compound") {
        address owner = _anyone();
        _do(owner, address(vault), abi.encodeCall(IStakingVault.compound, (_index(owner))));
    }

    function expire(uint256 seed) external act(seed, "expire") {
        (address[] memory owners, uint256[] memory indices) = (new address[](3), new uint256[](3));
        for (uint256 i; i < 3; ++i) {
            owners[i] = _anyone();
            indices[i] = _index(owners[i]);
        }
        _do(_anyone(), address(vault), abi.encodeCall(IStakingVault.expire, (owners, indices)));
    }

    function unlock(uint256 seed) external act(seed, "unlock") {
        (address owner, address to) = (_anyone(), _anyone());
        _do(owner, address(vault), abi.encodeCall(IStakingVault.unlock, (_index(owner), to)));
    }

    function claimRewards(uint256 seed) external act(seed, "claimRewards") {
        uint256[] memory indices = new uint256[](1 + _draw(4));
        for (uint256 i; i < indices.length; ++i) indices[i] = _draw(CURRENCIES + 1);
        (address owner, address to) = (_anyone(), _anyone());
        _do(owner, address(vault), abi.encodeCall(IStakingVault.claim, (indices, to)));
    }

    function delegate(uint256 seed) external act(seed, "delegate") {
        address to = _oneIn(5) ? address(0) : _anyone();
        _do(_anyone(), address(vault), abi.encodeCall(IVotes.delegate, (to)));
    }

    // ------------------------------------------------------------------------------------------ court and reviews

    function openDispute(uint256 seed) external act(seed, "openDispute") {
        (address claimant, uint256 planId) = (_anyone(), _anyPlan());
        bytes memory call = abi.encodeCall(IDisputeCourt.open, (planId, _amount(MIN_BOND), bytes32(0), ""));
        _do(claimant, address(court), call, planId);
    }

    function respond(uint256 seed) external act(seed, "respond") {
        uint256 disputeId = 1 + _draw(court.disputeCount() + 1);
        address provider = _providerOf(court.disputeOf(disputeId).serviceId);
        if (provider == address(0)) return;
        _do(provider, address(court), abi.encodeCall(IDisputeCourt.respond, (disputeId, bytes32(0), "")));
    }

    function vote(uint256 seed) external act(seed, "vote") {
        uint256 disputeId = 1 + _draw(court.disputeCount() + 1);
        _do(_anyone(), address(court), abi.encodeCall(IDisputeCourt.vote, (disputeId, !_oneIn(3))));
    }

    function resolve(uint256 seed) external act(seed, "resolve") {
        uint256 disputeId = 1 + _draw(court.disputeCount() + 1);
        _do(_anyone(), address(court), abi.encodeCall(IDisputeCourt.resolve, (disputeId)));
    }

    function governCourt(uint256 seed) external act(seed, "governCourt") {
        address who = _oneIn(3) ? _anyone() : _governance;
        bytes memory call = abi.encodeCall(IDisputeCourt.setVotingPeriod, (_draw(15 days)));
        if (_oneIn(2)) call = abi.encodeCall(IDisputeCourt.setQuorumBps, (_draw(2_100)));
        bool succeeded = _do(who, address(court), call);
        _hold(!succeeded || who == _governance, 12, "a stranger governed the court");
    }

    function review(uint256 seed) external act(seed, "review") {
        bytes memory call = abi.encodeCall(IServiceReviews.review, (_anyPlan(), _draw(7), bytes32(seed)));
        _do(_anyone(), address(reviews), call);
    }

    function drawEmp(uint256 seed) external act(seed, "drawEmp") {
        uint256 kind = _draw(3);
        bytes memory call = abi.encodeCall(IEmporionDistributor.release, (_draw(2)));
        if (kind == 1) call = abi.encodeCall(IEmporionDistributor.sweep, ());
        if (kind == 2) {
            call = abi.encodeCall(
                IEmporionDistributor.claim, (0, _oneIn(2) ? actors[0] : _anyone(), 1_000e18, new bytes32[](0))
            );
        }
        _do(_anyone(), address(distributor), call);
    }

    // -------------------------------------------------------------------------------------------------- private

    function _duration() private returns (uint256) {
        uint256 edge = _draw(10);
        if (edge == 0) return 7 days;
        if (edge == 1) return 365 days;
        if (edge == 2) return 7 days - 1 + 2 * _draw(2) * 179 days;
        return 7 days + _draw(edge < 7 ? 30 days : 358 days);
    }

    function _index(address owner) private returns (uint256) {
        return _draw(vault.positionCount(owner) + (_oneIn(10) ? 2 : 0) + 1) % 5;
    }
}
