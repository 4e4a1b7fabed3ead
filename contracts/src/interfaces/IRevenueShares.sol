// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Upstream} from "../types/DataTypes.sol";

/// @title Fractional ownership of services: id = service id, 1,000,000 shares each, revenue accrues to their holders
interface IRevenueShares is IERC1155 {
    /// @notice Money of consumed units arrived: `gross` = `fee` + upstream parts + `amount`; `total` is all ever distributed
    /// to this service in this currency, `fees` the fees of the currency waiting to be flushed.
    event Released(
        uint256 indexed serviceId,
        uint256 indexed planId,
        uint256 indexed currency,
        uint256 gross,
        uint256 fee,
        uint256 amount,
        uint256 total,
        uint256 fees
    );
    /// @notice An upstream's part of a release; `total` as in `Released`, for the upstream. One whose total can hold no more
    /// (2^108 - 1 base units) gets none: its part is in `amount` of `Released`.
    event UpstreamPaid(
        uint256 indexed upstreamId, uint256 indexed serviceId, uint256 indexed currency, uint256 amount, uint256 total
    );
    /// @notice Money that is not revenue (royalties, gifts) was shared out.
    event Distributed(
        uint256 indexed serviceId, address indexed from, uint256 indexed currency, uint256 amount, uint256 total
    );
    /// @notice An account was paid; `owed` is what stays owed, in millionths of a base unit.
    event Claimed(
        address indexed account, uint256 indexed serviceId, uint256 indexed currency, uint256 amount, uint256 owed
    );
    /// @notice Protocol fees left for the staking vault, or the treasury where nobody stakes.
    event FeesFlushed(uint256 indexed currency, address indexed to, uint256 amount);
    /// @notice The upstreams of a service, fixed at registration.
    event UpstreamsSet(uint256 indexed serviceId, Upstream[] upstreams);
    /// @notice The treasury was set by governance.
    event TreasurySet(address indexed treasury);

    /// @notice Mints the shares of a new service and keeps its upstreams. Registry only.
    /// @param serviceId the new service
    /// @param provider who gets the shares
    /// @param upstreams checked here: at most 4, ascending smaller ids, sum of bps <= 5,000
    function create(uint256 serviceId, address provider, Upstream[] calldata upstreams) external;

    /// @notice Splits money that just arrived for consumed units. `AccessToken` only, in one call after its transfer.
    /// @param planId the plan whose units were consumed
    /// @param currency index in the table
    /// @param gross base units that arrived
    /// @param feeBps the plan's protocol fee
    function release(uint256 planId, uint256 currency, uint256 gross, uint256 feeBps) external;

    /// @notice Shares out money of the caller (allowance needed); anybody may, but not in the middle of a sale or a release.
    /// @param serviceId the service
    /// @param currency index in the table
    /// @param amount base units
    function distribute(uint256 serviceId, uint256 currency, uint256 amount) external;

    /// @notice Pays the caller what its shares earned, for any set of (service, currency) pairs.
    /// @param serviceIds the services
    /// @param currencies one index for each of them
    /// @param to who gets the money
    function claim(uint256[] calldata serviceIds, uint256[] calldata currencies, address to) external;

    /// @notice Moves gathered fees to the vault as a stream, or to the treasury while nobody stakes; anybody may.
    /// @param currency index in the table
    function flushFees(uint256 currency) external;

    /// @notice Sets the treasury. Governance only.
    /// @param treasury who gets fees while nobody stakes
    function setTreasury(address treasury) external;

    /// @notice Base units an account can claim now.
    /// @param account the holder
    /// @param serviceId the service
    /// @param currency index in the table
    function claimable(address account, uint256 serviceId, uint256 currency) external view returns (uint256);

    /// @notice Base units ever distributed to a service in a currency.
    /// @param serviceId the service
    /// @param currency index in the table
    function distributed(uint256 serviceId, uint256 currency) external view returns (uint256);

    /// @notice What an account is owed up to its last touch, in millionths of a base unit, and the total it was touched at.
    /// @param account the holder
    /// @param serviceId the service
    /// @param currency index in the table
    /// @return owed millionths of a base unit
    /// @return checkpoint `distributed` at that touch
    function accountOf(address account, uint256 serviceId, uint256 currency)
        external
        view
        returns (uint256 owed, uint256 checkpoint);

    /// @notice Fees of a currency waiting to be flushed.
    /// @param currency index in the table
    function fees(uint256 currency) external view returns (uint256);

    /// @notice The upstreams of a service.
    /// @param serviceId the service
    function upstreamsOf(uint256 serviceId) external view returns (Upstream[] memory);

    /// @notice Who gets fees while nobody stakes.
    function treasury() external view returns (address);
}
