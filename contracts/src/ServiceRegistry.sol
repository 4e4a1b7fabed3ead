// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRevenueShares} from "./interfaces/IRevenueShares.sol";
import {IServiceRegistry} from "./interfaces/IServiceRegistry.sol";
import {IUsageEscrow} from "./interfaces/IUsageEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {PlanId} from "./libraries/PlanId.sol";
import {RegistrySettings, Service, ServiceKind, ServiceStatus, Upstream} from "./types/DataTypes.sol";

/// @dev See {IServiceRegistry}. EMP is a plain ERC-20: what is sent arrives, and a transfer calls nobody.
contract ServiceRegistry is IServiceRegistry, ERC721, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant PAUSE = 30 days;
    uint256 private constant MIN_BOND_PERIOD = 30 days;

    IERC20 private immutable _emp;
    IRevenueShares private immutable _shares;
    address private immutable _accessToken;
    IUsageEscrow private immutable _escrow;
    address private immutable _court;
    address private immutable _governance;
    address private immutable _guardian;
    uint256 private immutable _minUnbondCooldown;
    uint256 private immutable _maxUnbondCooldown;
    uint256 private immutable _flagPeriod;
    uint256 private immutable _challengePeriod;
    /// @inheritdoc IServiceRegistry
    uint256 public immutable challengeDeposit;

    // One slot.
    uint96 private _minBond;
    uint40 private _minBondRaisedAt;
    uint40 private _unbondCooldown;
    uint40 private _pausedUntil;
    uint40 private _serviceCount;

    mapping(uint256 serviceId => Service) private _services;
    mapping(uint256 serviceId => string) private _uris;

    constructor(
        address emp,
        address shares,
        address accessToken,
        address escrow,
        address court,
        address governance,
        address guardian,
        RegistrySettings memory settings
    ) ERC721("Emporion Service", "EMPS") {
        _emp = IERC20(emp);
        _shares = IRevenueShares(shares);
        _accessToken = accessToken;
        _escrow = IUsageEscrow(escrow);
        _court = court;
        _governance = governance;
        _guardian = guardian;
        _minUnbondCooldown = settings.minUnbondCooldown;
        _maxUnbondCooldown = settings.maxUnbondCooldown;
        _flagPeriod = settings.flagPeriod;
        _challengePeriod = settings.challengePeriod;
        challengeDeposit = uint256(settings.challengeDeposit.toUint96());
        if (settings.minBond == 0) revert Errors.ServiceRegistry_ZeroAmount();
        _setMinBond(settings.minBond);
        _setUnbondCooldown(settings.unbondCooldown);
    }

    // ------------------------------------------------------------------------------------------------ provider

    /// @inheritdoc IServiceRegistry
    function register(
        ServiceKind kind,
        address meter,
        string calldata uri,
        bytes32 contentHash,
        Upstream[] calldata upstreams,
        uint256 bondAmount
    ) external nonReentrant returns (uint256 serviceId) {
        // Check: upstreams are checked by `RevenueShares`, which keeps them.
        if (block.timestamp < _pausedUntil) revert Errors.ServiceRegistry_RegistrationsPaused(_pausedUntil);
        serviceId = uint256(_serviceCount) + 1;
        if (serviceId > PlanId.MAX_SERVICE_ID) revert Errors.ServiceRegistry_TooManyServices(PlanId.MAX_SERVICE_ID);

        // Effect.
        _serviceCount = uint40(serviceId);
        Service storage service = _services[serviceId];
        service.kind = kind;
        service.meter = meter;
        service.contentHash = contentHash;
        service.bond = bondAmount.toUint96();
        _uris[serviceId] = uri;
        // The provider answers for the shares below, so no second callback asks it to accept this token.
        _mint(msg.sender, serviceId);
        emit ServiceRegistered(serviceId, msg.sender, meter, kind, uri, contentHash, upstreams, bondAmount);

        // Interaction: the mint of shares calls the provider, so it is the last.
        if (bondAmount != 0) _emp.safeTransferFrom(msg.sender, address(this), bondAmount);
        _shares.create(serviceId, msg.sender, upstreams);
    }

    /// @inheritdoc IServiceRegistry
    function setStatus(uint256 serviceId, ServiceStatus status) external nonReentrant {
        // Check.
        _requireProvider(serviceId);
        _requireNotRetired(serviceId);
        if (status == ServiceStatus.Retired) return _retire(serviceId);

        // Effect.
        _services[serviceId].status = status;
        emit StatusSet(serviceId, msg.sender, status, 0);
    }

    /// @inheritdoc IServiceRegistry
    function setMeter(uint256 serviceId, address meter) external {
        _requireProvider(serviceId);
        Service storage service = _services[serviceId];
        address previous = service.meter;
        uint256 until = block.timestamp + _escrow.withdrawalDelay();
        service.meter = meter;
        service.previousMeter = previous;
        service.previousMeterUntil = until.toUint40();
        emit MeterSet(serviceId, meter, previous, until);
    }

    /// @inheritdoc IServiceRegistry
    function setMetadata(uint256 serviceId, string calldata uri, bytes32 contentHash) external {
        _requireProvider(serviceId);
        _services[serviceId].contentHash = contentHash;
        _uris[serviceId] = uri;
        emit MetadataSet(serviceId, msg.sender, uri, contentHash);
    }

    // ---------------------------------------------------------------------------------------------------- bond

    /// @inheritdoc IServiceRegistry
    function bond(uint256 serviceId, uint256 amount) external nonReentrant {
        // Check: a retired service may be given a bond too, it leaves as any other.
        _requireOwned(serviceId);
        if (amount == 0) revert Errors.ServiceRegistry_ZeroAmount();

        // Effect.
        Service storage service = _services[serviceId];
        uint256 total = service.bond + amount;
        service.bond = total.toUint96();
        emit BondAdded(serviceId, msg.sender, amount, total);
        _clearFlagIfBonded(serviceId);

        // Interaction.
        _emp.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IServiceRegistry
    function requestUnbond(uint256 serviceId, uint256 amount) external {
        _requireProvider(serviceId);
        Service storage service = _services[serviceId];
        if (amount > service.bond) revert Errors.ServiceRegistry_UnbondAboveBond(amount, service.bond);
        uint256 requestedAt = amount == 0 ? 0 : block.timestamp;
        service.unbonding = uint96(amount); // at most the bond
        service.unbondRequestedAt = uint40(requestedAt);
        emit UnbondRequested(serviceId, msg.sender, amount, requestedAt);
        _clearFlagIfBonded(serviceId);
    }

    /// @inheritdoc IServiceRegistry
    function unbond(uint256 serviceId, address to) external nonReentrant {
        // Check.
        _requireProvider(serviceId);
        if (to == address(0)) revert Errors.ServiceRegistry_ZeroAddress();
        Service storage service = _services[serviceId];
        uint256 amount = service.unbonding; // never above the bond: `requestUnbond` and `slash` keep it so
        if (amount == 0) revert Errors.ServiceRegistry_NothingUnbonding(serviceId);
        if (service.openDisputes != 0) {
            revert Errors.ServiceRegistry_DisputesOpen(serviceId, service.openDisputes);
        }
        uint256 readyAt = Math.max(service.unbondRequestedAt, service.lastSale) + _unbondCooldown;
        if (block.timestamp < readyAt) revert Errors.ServiceRegistry_CooldownRunning(serviceId, readyAt);

        // Effect.
        uint256 left = service.bond - amount;
        service.bond = uint96(left);
        service.unbonding = 0;
        service.unbondRequestedAt = 0;
        emit Unbonded(serviceId, to, amount, left);

        // Interaction.
        _emp.safeTransfer(to, amount);
    }

    // ------------------------------------------------------------------------------------------- signs of life

    /// @inheritdoc IServiceRegistry
    function flagUnderbonded(uint256 serviceId) external {
        _requireNotRetired(serviceId);
        Service storage service = _services[serviceId];
        uint256 counting = _countingBond(service);
        if (counting >= _minBond) revert Errors.ServiceRegistry_NotUnderbonded(serviceId, counting, _minBond);
        if (service.underbondedSince != 0) {
            revert Errors.ServiceRegistry_AlreadyFlagged(serviceId, service.underbondedSince);
        }
        service.underbondedSince = uint40(block.timestamp);
        emit UnderbondedSet(serviceId, msg.sender, block.timestamp, block.timestamp + _flagPeriod);
    }

    /// @inheritdoc IServiceRegistry
    function retire(uint256 serviceId) external nonReentrant {
        _requireNotRetired(serviceId);
        if (!_isRetireable(_services[serviceId])) revert Errors.ServiceRegistry_NotRetireable(serviceId);
        _retire(serviceId);
    }

    /// @inheritdoc IServiceRegistry
    function challenge(uint256 serviceId) external nonReentrant {
        // Check.
        _requireNotRetired(serviceId);
        Service storage service = _services[serviceId];
        if (service.challengeUntil != 0) {
            revert Errors.ServiceRegistry_ChallengeOpen(serviceId, service.challengeUntil);
        }

        // Effect.
        uint256 answerBy = block.timestamp + _challengePeriod;
        service.challengeUntil = uint40(answerBy);
        service.challenger = msg.sender;
        service.challengeDeposit = uint96(challengeDeposit);
        emit Challenged(serviceId, msg.sender, challengeDeposit, answerBy);

        // Interaction.
        _emp.safeTransferFrom(msg.sender, address(this), challengeDeposit);
    }

    /// @inheritdoc IServiceRegistry
    function answer(uint256 serviceId) external nonReentrant {
        // Check.
        address owner = _requireOwned(serviceId);
        Service storage service = _services[serviceId];
        if (msg.sender != owner && msg.sender != service.meter) {
            revert Errors.ServiceRegistry_NotMeterOrProvider(serviceId, msg.sender);
        }
        uint256 answerBy = service.challengeUntil;
        if (answerBy == 0) revert Errors.ServiceRegistry_NoChallenge(serviceId);
        if (block.timestamp > answerBy) revert Errors.ServiceRegistry_AnswerTooLate(serviceId, answerBy);

        _endChallenge(serviceId, msg.sender, true);
    }

    // ------------------------------------------------------------------------------------------ sales and court

    /// @inheritdoc IServiceRegistry
    function noteSale(uint256 serviceId) external returns (bool selling) {
        if (msg.sender != _accessToken) revert Errors.ServiceRegistry_NotAccessToken(msg.sender, _accessToken);
        Service storage service = _services[serviceId];
        selling = _isSelling(service);
        if (selling) service.lastSale = uint40(block.timestamp);
    }

    /// @inheritdoc IServiceRegistry
    function slash(uint256 serviceId, uint256 amount, address to) external nonReentrant returns (uint256 taken) {
        // Check.
        if (msg.sender != _court) revert Errors.ServiceRegistry_NotCourt(msg.sender, _court);

        // Effect: what was on its way out is taken last, and never counts more than the bond.
        Service storage service = _services[serviceId];
        taken = Math.min(amount, service.bond);
        if (taken == 0) return 0;
        uint256 left = service.bond - taken;
        uint256 unbonding = Math.min(service.unbonding, left);
        service.bond = uint96(left);
        service.unbonding = uint96(unbonding);
        emit Slashed(serviceId, to, taken, left, unbonding);

        // Interaction.
        _emp.safeTransfer(to, taken);
    }

    /// @inheritdoc IServiceRegistry
    function countDispute(uint256 serviceId, bool opened) external {
        if (msg.sender != _court) revert Errors.ServiceRegistry_NotCourt(msg.sender, _court);
        Service storage service = _services[serviceId];
        if (opened) service.openDisputes += 1;
        else service.openDisputes -= 1;
        emit DisputesSet(serviceId, service.openDisputes);
    }

    // ---------------------------------------------------------------------------------- guardian and governance

    /// @inheritdoc IServiceRegistry
    function pauseRegistrations() external {
        if (msg.sender != _guardian) revert Errors.ServiceRegistry_NotGuardian(msg.sender, _guardian);
        uint256 allowedAt = _pausedUntil == 0 ? 0 : _pausedUntil + PAUSE;
        if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_PauseTooSoon(allowedAt);
        uint256 until = block.timestamp + PAUSE;
        _pausedUntil = uint40(until);
        emit RegistrationsPaused(msg.sender, until);
    }

    /// @inheritdoc IServiceRegistry
    function setMinBond(uint256 amount) external {
        _requireGovernance();
        uint256 current = _minBond;
        if (amount == 0 || amount > 2 * current) {
            revert Errors.ServiceRegistry_MinBondOutOfBounds(amount, 2 * current);
        }
        if (amount > current) {
            uint256 allowedAt = _minBondRaisedAt == 0 ? 0 : _minBondRaisedAt + MIN_BOND_PERIOD;
            if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_MinBondTooSoon(allowedAt);
            _minBondRaisedAt = uint40(block.timestamp);
        }
        _setMinBond(amount);
    }

    /// @inheritdoc IServiceRegistry
    function setUnbondCooldown(uint256 duration) external {
        _requireGovernance();
        _setUnbondCooldown(duration);
    }

    // --------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IServiceRegistry
    function serviceOf(uint256 serviceId) external view returns (Service memory service) {
        _requireOwned(serviceId);
        return _services[serviceId];
    }

    /// @inheritdoc IServiceRegistry
    function saleState(uint256 serviceId) external view returns (address owner, bool selling) {
        return (_requireOwned(serviceId), _isSelling(_services[serviceId]));
    }

    /// @inheritdoc IServiceRegistry
    function retiredAtOf(uint256 serviceId) external view returns (uint256) {
        return _services[serviceId].retiredAt;
    }

    /// @inheritdoc IServiceRegistry
    function statusOf(uint256 serviceId) external view returns (ServiceStatus status, uint256 retiredAt) {
        _requireOwned(serviceId);
        return (_services[serviceId].status, _services[serviceId].retiredAt);
    }

    /// @inheritdoc IServiceRegistry
    function isMeter(uint256 serviceId, address key) external view returns (bool allowed) {
        return _isMeter(_services[serviceId], key);
    }

    /// @inheritdoc IServiceRegistry
    function settlementState(uint256 serviceId, address key)
        external
        view
        returns (bool allowed, uint256 retiredAt)
    {
        Service storage service = _services[serviceId];
        return (_isMeter(service, key), service.retiredAt);
    }

    /// @inheritdoc IServiceRegistry
    function lastSaleOf(uint256 serviceId) external view returns (uint256) {
        return _services[serviceId].lastSale;
    }

    /// @inheritdoc IServiceRegistry
    function serviceCount() external view returns (uint256) {
        return _serviceCount;
    }

    /// @inheritdoc IServiceRegistry
    function minBond() external view returns (uint256) {
        return _minBond;
    }

    /// @inheritdoc IServiceRegistry
    function unbondCooldown() external view returns (uint256) {
        return _unbondCooldown;
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256 serviceId) public view override returns (string memory) {
        _requireOwned(serviceId);
        return _uris[serviceId];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == type(IServiceRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------------------------------------- private

    function _retire(uint256 serviceId) private {
        Service storage service = _services[serviceId];
        service.status = ServiceStatus.Retired;
        service.retiredAt = uint40(block.timestamp);
        emit StatusSet(serviceId, msg.sender, ServiceStatus.Retired, block.timestamp);
        if (service.challengeUntil != 0) _endChallenge(serviceId, service.challenger, false);
    }

    function _endChallenge(uint256 serviceId, address to, bool answered) private {
        // Effect.
        Service storage service = _services[serviceId];
        uint256 deposit = service.challengeDeposit;
        service.challengeUntil = 0;
        service.challenger = address(0);
        service.challengeDeposit = 0;
        emit ChallengeEnded(serviceId, to, deposit, answered);

        // Interaction.
        _emp.safeTransfer(to, deposit);
    }

    function _clearFlagIfBonded(uint256 serviceId) private {
        Service storage service = _services[serviceId];
        if (service.underbondedSince == 0 || _countingBond(service) < _minBond) return;
        service.underbondedSince = 0;
        emit UnderbondedSet(serviceId, msg.sender, 0, 0);
    }

    function _setMinBond(uint256 amount) private {
        _minBond = amount.toUint96();
        emit ParameterSet("minBond", amount);
    }

    function _setUnbondCooldown(uint256 duration) private {
        if (duration < _minUnbondCooldown || duration > _maxUnbondCooldown) {
            revert Errors.ServiceRegistry_CooldownOutOfBounds(duration, _minUnbondCooldown, _maxUnbondCooldown);
        }
        _unbondCooldown = duration.toUint40();
        emit ParameterSet("unbondCooldown", duration);
    }

    function _isRetireable(Service storage service) private view returns (bool) {
        uint256 since = service.underbondedSince;
        if (since != 0 && block.timestamp >= since + _flagPeriod && _countingBond(service) < _minBond) return true;
        return service.challengeUntil != 0 && block.timestamp > service.challengeUntil;
    }

    function _isMeter(Service storage service, address key) private view returns (bool) {
        if (key == address(0)) return false;
        if (key == service.meter) return true;
        return block.timestamp <= service.previousMeterUntil && key == service.previousMeter;
    }

    /// @dev An unknown service has no bond, and `minBond` is above 0.
    function _isSelling(Service storage service) private view returns (bool) {
        return service.status == ServiceStatus.Active && _countingBond(service) >= _minBond;
    }

    function _countingBond(Service storage service) private view returns (uint256) {
        return service.bond - service.unbonding;
    }

    function _requireProvider(uint256 serviceId) private view {
        address owner = _requireOwned(serviceId);
        if (msg.sender != owner) revert Errors.ServiceRegistry_NotProvider(serviceId, msg.sender, owner);
    }

    function _requireNotRetired(uint256 serviceId) private view {
        _requireOwned(serviceId);
        if (_services[serviceId].retiredAt != 0) revert Errors.ServiceRegistry_Retired(serviceId);
    }

    function _requireGovernance() private view {
        if (msg.sender != _governance) revert Errors.ServiceRegistry_NotGovernance(msg.sender, _governance);
    }
}
