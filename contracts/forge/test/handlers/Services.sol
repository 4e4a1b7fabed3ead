// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IServiceRegistry} from "../../../src/interfaces/IServiceRegistry.sol";
import {ServiceKind, ServiceStatus, Upstream} from "../../../src/types/DataTypes.sol";
import {Owners} from "./Owners.sol";

/// @title Services are registered, bonded, challenged, sold and retired
abstract contract Services is Owners {
    uint256 internal constant MOST_SERVICES = 6;

    function register(uint256 seed) external act(seed, "register") {
        uint256 count = registry.serviceCount();
        if (count >= MOST_SERVICES) return;
        Upstream[] memory upstreams = new Upstream[](_draw(4));
        for (uint256 i; i < upstreams.length; ++i) {
            upstreams[i] = Upstream(uint40(i + 1 + _draw(2)), uint16(1 + _draw(2_000)));
        }
        _register(_anyone(), _anyone(), upstreams, _oneIn(8) ? _amount(MIN_BOND) : MIN_BOND * 2);
    }

    function _register(address provider, address meter, Upstream[] memory upstreams, uint256 bond_) internal {
        bytes memory call = abi.encodeCall(
            IServiceRegistry.register, (ServiceKind.Model, meter, "ipfs://metadata", bytes32(0), upstreams, bond_)
        );
        _do(provider, address(registry), call);
    }

    function setStatus(uint256 seed) external act(seed, "setStatus") {
        uint256 serviceId = _anyService();
        ServiceStatus status = _oneIn(4) ? ServiceStatus.Paused : ServiceStatus.Active;
        if (_oneIn(16)) status = ServiceStatus.Retired;
        _byProvider(serviceId, abi.encodeCall(IServiceRegistry.setStatus, (serviceId, status)));
    }

    function setMeter(uint256 seed) external act(seed, "setMeter") {
        uint256 serviceId = _anyService();
        _byProvider(serviceId, abi.encodeCall(IServiceRegistry.setMeter, (serviceId, _anyone())));
    }

    function setMetadata(uint256 seed) external act(seed, "setMetadata") {
        uint256 serviceId = _anyService();
        _byProvider(serviceId, abi.encodeCall(IServiceRegistry.setMetadata, (serviceId, "ipfs://new", bytes32(seed))));
    }

    function giveService(uint256 seed) external act(seed, "giveService") {
        uint256 serviceId = _anyService();
        address owner = serviceId > registry.serviceCount() ? _anyone() : registry.ownerOf(serviceId);
        _byProvider(serviceId, abi.encodeCall(IERC721.transferFrom, (owner, _anyone(), serviceId)));
    }

    function bond(uint256 seed) external act(seed, "bond") {
        bytes memory call = abi.encodeCall(IServiceRegistry.bond, (_anyService(), _amount(MIN_BOND)));
        _do(_anyone(), address(registry), call);
    }

    function requestUnbond(uint256 seed) external act(seed, "requestUnbond") {
        uint256 serviceId = _anyService();
        uint256 most = serviceId > registry.serviceCount() ? MIN_BOND : registry.serviceOf(serviceId).bond;
        _byProvider(serviceId, abi.encodeCall(IServiceRegistry.requestUnbond, (serviceId, _amount(most))));
    }

    function unbond(uint256 seed) external act(seed, "unbond") {
        uint256 serviceId = _anyService();
        _byProvider(serviceId, abi.encodeCall(IServiceRegistry.unbond, (serviceId, _anyone())));
    }

    function flagUnderbonded(uint256 seed) external act(seed, "flagUnderbonded") {
        _do(_anyone(), address(registry), abi.encodeCall(IServiceRegistry.flagUnderbonded, (_anyService())));
    }

    function retire(uint256 seed) external act(seed, "retire") {
        _do(_anyone(), address(registry), abi.encodeCall(IServiceRegistry.retire, (_anyService())));
    }

    function challenge(uint256 seed) external act(seed, "challenge") {
        _do(_anyone(), address(registry), abi.encodeCall(IServiceRegistry.challenge, (_anyService())));
    }

    function answer(uint256 seed) external act(seed, "answer") {
        uint256 serviceId = _anyService();
        address who = _oneIn(2) ? _meters[serviceId].current : _providerOf(serviceId);
        if (who == address(0)) return;
        _do(who, address(registry), abi.encodeCall(IServiceRegistry.answer, (serviceId)));
    }

    function governServices(uint256 seed) external act(seed, "governServices") {
        address who = _oneIn(3) ? _anyone() : _governance;
        uint256 kind = _draw(6);
        bytes memory call = abi.encodeCall(IServiceRegistry.setUnbondCooldown, (44 days + _draw(48 days)));
        if (kind < 3) call = abi.encodeCall(IServiceRegistry.setMinBond, (_draw(2) * MIN_BOND + _draw(MIN_BOND)));
        if (kind == 5) (who, call) = (_guardian, abi.encodeCall(IServiceRegistry.pauseRegistrations, ()));
        bool succeeded = _do(who, address(registry), call);
        _hold(!succeeded || who == _governance || who == _guardian, 12, "a stranger governed services");
    }

    /// @dev By the provider, or by somebody who must be refused.
    function _byProvider(uint256 serviceId, bytes memory call) private {
        address who = _providerOf(serviceId);
        bool owns = serviceId <= registry.serviceCount() && registry.ownerOf(serviceId) == who;
        bool succeeded = _do(who, address(registry), call);
        _hold(!succeeded || owns, 12, "a stranger acted for a provider");
    }
}
