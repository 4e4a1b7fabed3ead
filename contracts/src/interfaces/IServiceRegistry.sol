// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Service, ServiceKind, ServiceStatus, Upstream} from "../types/DataTypes.sol";

/// @title Registry of services: a service is an ERC-721 token, its holder the provider
interface IServiceRegistry is IERC721 {
    /// @notice A service was registered.
    event ServiceRegistered(
        uint256 indexed serviceId,
        address indexed provider,
        address indexed meter,
        ServiceKind kind,
        string uri,
        bytes32 contentHash,
        Upstream[] upstreams,
        uint256 bond
    );
    /// @notice The metadata document was replaced.
    event MetadataSet(uint256 indexed serviceId, address indexed provider, string uri, bytes32 contentHash);
    /// @notice The meter key was replaced; the previous one may settle until `previousMeterUntil`.
    event MeterSet(
        uint256 indexed serviceId, address indexed meter, address indexed previousMeter, uint256 previousMeterUntil
    );
    /// @notice The status changed; `retiredAt` is 0 unless retired.
    event StatusSet(uint256 indexed serviceId, address indexed actor, ServiceStatus status, uint256 retiredAt);
    /// @notice EMP was added to a bond, `bond` is the new total.
    event BondAdded(uint256 indexed serviceId, address indexed from, uint256 amount, uint256 bond);
    /// @notice A part of a bond was asked back; `unbonding` is the new total asked for, 0 when withdrawn.
    event UnbondRequested(uint256 indexed serviceId, address indexed provider, uint256 unbonding, uint256 requestedAt);
    /// @notice A part of a bond left.
    event Unbonded(uint256 indexed serviceId, address indexed to, uint256 amount, uint256 bond);
    /// @notice The court took a part of a bond.
    event Slashed(uint256 indexed serviceId, address indexed to, uint256 amount, uint256 bond, uint256 unbonding);
    /// @notice The bond is below the minimum: anybody may retire the service from `retireableAt`; 0 clears the flag.
    event UnderbondedSet(uint256 indexed serviceId, address indexed actor, uint256 since, uint256 retireableAt);
    /// @notice A sign of life was asked for.
    event Challenged(uint256 indexed serviceId, address indexed challenger, uint256 deposit, uint256 answerBy);
    /// @notice A challenge ended: answered by owner or meter, or not in time (`answered` false); `to` got the deposit.
    event ChallengeEnded(uint256 indexed serviceId, address indexed to, uint256 deposit, bool answered);
    /// @notice The number of unresolved disputes changed.
    event DisputesSet(uint256 indexed serviceId, uint256 openDisputes);
    /// @notice Registrations are paused until `until`.
    event RegistrationsPaused(address indexed guardian, uint256 until);
    /// @notice A parameter was set by governance.
    event ParameterSet(bytes32 indexed name, uint256 value);

    /// @notice Registers a service for the caller, mints its token and its 1,000,000 shares, takes the bond.
    /// @param kind what is offered
    /// @param meter key that may settle its usage; zero for none
    /// @param uri where the metadata document is
    /// @param contentHash keccak256 of the document
    /// @param upstreams up to 4 services this one is derived from, ascending smaller ids, sum of bps <= 5,000; fixed for good
    /// @param bond EMP base units to take from the caller (allowance needed); may be 0
    /// @return serviceId the new id, counting from 1
    function register(
        ServiceKind kind,
        address meter,
        string calldata uri,
        bytes32 contentHash,
        Upstream[] calldata upstreams,
        uint256 bond
    ) external returns (uint256 serviceId);

    /// @notice Sets the status. Owner only; `Retired` is final.
    /// @param serviceId the service
    /// @param status the new status
    function setStatus(uint256 serviceId, ServiceStatus status) external;

    /// @notice Replaces the meter key. Owner only; the old key may settle for the withdrawal delay.
    /// @param serviceId the service
    /// @param meter the new key
    function setMeter(uint256 serviceId, address meter) external;

    /// @notice Replaces the metadata document. Owner only.
    /// @param serviceId the service
    /// @param uri where the document is
    /// @param contentHash keccak256 of the document
    function setMetadata(uint256 serviceId, string calldata uri, bytes32 contentHash) external;

    /// @notice Adds EMP to the bond; anybody may.
    /// @param serviceId the service
    /// @param amount EMP base units
    function bond(uint256 serviceId, uint256 amount) external;

    /// @notice Asks for a part of the bond back, replacing an earlier request. Owner only.
    /// @param serviceId the service
    /// @param amount EMP base units in total; 0 withdraws the request
    function requestUnbond(uint256 serviceId, uint256 amount) external;

    /// @notice Takes the asked part out, after the cooldown counted from the later of the request and the last sale, and
    /// with no dispute open. Owner only.
    /// @param serviceId the service
    /// @param to who gets it
    function unbond(uint256 serviceId, address to) external;

    /// @notice Marks a service whose counting bond is below the minimum; anybody may.
    /// @param serviceId the service
    function flagUnderbonded(uint256 serviceId) external;

    /// @notice Retires a service flagged for 30 days and still below the minimum, or one that left a challenge unanswered;
    /// anybody may.
    /// @param serviceId the service
    function retire(uint256 serviceId) external;

    /// @notice Asks for a sign of life, with a deposit of `challengeDeposit()` EMP.
    /// @param serviceId the service
    function challenge(uint256 serviceId) external;

    /// @notice Answers a challenge and takes its deposit. Owner or meter only.
    /// @param serviceId the service
    function answer(uint256 serviceId) external;

    /// @notice Notes the time of a sale, where the service may sell. `AccessToken` only.
    /// @param serviceId the service
    /// @return selling as in `saleState`; where false, nothing was noted
    function noteSale(uint256 serviceId) external returns (bool selling);

    /// @notice Takes up to `amount` of the bond. The court only.
    /// @param serviceId the service
    /// @param amount EMP base units asked for
    /// @param to who gets it
    /// @return taken EMP base units sent: min(amount, bond)
    function slash(uint256 serviceId, uint256 amount, address to) external returns (uint256 taken);

    /// @notice Counts an opened or resolved dispute. The court only.
    /// @param serviceId the service
    /// @param opened true where one was opened
    function countDispute(uint256 serviceId, bool opened) external;

    /// @notice Pauses registrations for 30 days; not again for 30 days after. Guardian only.
    function pauseRegistrations() external;

    /// @notice Sets `minBond`; at most doubles in 30 days. Governance only.
    /// @param amount EMP base units
    function setMinBond(uint256 amount) external;

    /// @notice Sets the cooldown of bonds. Governance only.
    /// @param duration seconds, 45 to 90 days unless the devnet's bounds say otherwise
    function setUnbondCooldown(uint256 duration) external;

    /// @notice A service in full.
    /// @param serviceId the service
    /// @return service the record
    function serviceOf(uint256 serviceId) external view returns (Service memory service);

    /// @notice Whether a service may sell: Active and bond less unbonding at least `minBond`.
    /// @param serviceId the service
    /// @return owner its provider
    /// @return selling whether it may sell
    function saleState(uint256 serviceId) external view returns (address owner, bool selling);

    /// @notice Unix time of retirement, 0 while not retired or unknown; what activation and refund ask.
    /// @param serviceId the service
    function retiredAtOf(uint256 serviceId) external view returns (uint256);

    /// @notice Both things a settlement asks, in one call.
    /// @param serviceId the service
    /// @param key meter key
    /// @return allowed as `isMeter`
    /// @return retiredAt as `retiredAtOf`
    function settlementState(uint256 serviceId, address key) external view returns (bool allowed, uint256 retiredAt);

    /// @notice Unix time of the last sale of any plan of a service; the cooldown of its bond counts from it.
    /// @param serviceId the service
    function lastSaleOf(uint256 serviceId) external view returns (uint256);

    /// @notice Status and the time of retirement.
    /// @param serviceId the service
    /// @return status the status
    /// @return retiredAt unix time, 0 while not retired
    function statusOf(uint256 serviceId) external view returns (ServiceStatus status, uint256 retiredAt);

    /// @notice Whether a key may settle usage of a service now.
    /// @param serviceId the service
    /// @param key meter key, current or replaced less than the withdrawal delay ago
    /// @return allowed whether it may
    function isMeter(uint256 serviceId, address key) external view returns (bool allowed);

    /// @notice Services registered so far; ids run from 1 to this.
    function serviceCount() external view returns (uint256);

    /// @notice EMP base units a service must have bonded to sell.
    function minBond() external view returns (uint256);

    /// @notice Seconds a bond waits after its request and the last sale.
    function unbondCooldown() external view returns (uint256);

    /// @notice EMP base units a challenge deposits.
    function challengeDeposit() external view returns (uint256);
}
