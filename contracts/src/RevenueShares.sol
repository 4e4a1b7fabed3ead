// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IRevenueShares} from "./interfaces/IRevenueShares.sol";
import {IStakingVault} from "./interfaces/IStakingVault.sol";
import {Errors} from "./libraries/Errors.sol";
import {PlanId} from "./libraries/PlanId.sol";
import {ShareAccount, Upstream} from "./types/DataTypes.sol";

/// @dev See {IRevenueShares}. What a holder is owed is kept in millionths of a base unit: a service has 1,000,000
/// shares, so the total distributed is the accumulator, nothing is divided on the way in and nothing is left over.
contract RevenueShares is IRevenueShares, ERC1155, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant SHARES = 1_000_000;
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_UPSTREAMS = 4;
    uint256 private constant MAX_UPSTREAM_BPS = 5_000;
    uint256 private constant MAX_CURRENCIES = 8;
    // Times 1,000,000 shares it still fits 128 bits; a currency's whole supply may pass through once a block for ages.
    uint256 private constant MAX_TOTAL = 2 ** 108 - 1;

    // A service's links, one slot: 4 upstreams of 56 bits (bps 16, id 40) from the lowest, then a bit for every
    // currency it ever received (8), then the mark of existence.
    uint256 private constant UPSTREAM_BITS = 56;
    uint256 private constant UPSTREAMS_MASK = 2 ** (UPSTREAM_BITS * MAX_UPSTREAMS) - 1;
    uint256 private constant LIVE_SHIFT = UPSTREAM_BITS * MAX_UPSTREAMS;
    uint256 private constant EXISTS = 1 << 255;

    address private immutable _registry;
    IAccessToken private immutable _accessToken;
    IStakingVault private immutable _vault;
    address private immutable _governance;

    address private _treasury;
    /// @inheritdoc IRevenueShares
    mapping(uint256 currency => uint256) public fees;
    /// @inheritdoc IRevenueShares
    mapping(uint256 serviceId => mapping(uint256 currency => uint256)) public distributed;

    mapping(uint256 serviceId => uint256) private _links;
    mapping(uint256 currency => address) private _tokens;
    mapping(address account => mapping(uint256 serviceId => mapping(uint256 currency => ShareAccount))) private
        _accounts;

    constructor(address registry, address accessToken, address vault, address governance, address treasury)
        ERC1155("")
    {
        _registry = registry;
        _accessToken = IAccessToken(accessToken);
        _vault = IStakingVault(vault);
        _governance = governance;
        _setTreasury(treasury);
    }

    // ---------------------------------------------------------------------------------------------------- write

    /// @inheritdoc IRevenueShares
    function create(uint256 serviceId, address provider, Upstream[] calldata upstreams) external {
        // Check: the registry counts ids, so none comes twice.
        if (msg.sender != _registry) revert Errors.RevenueShares_NotRegistry(msg.sender, _registry);

        // Effect.
        _links[serviceId] = EXISTS | _packUpstreams(serviceId, upstreams);
        if (upstreams.length != 0) emit UpstreamsSet(serviceId, upstreams);

        // Interaction: the mint calls the provider.
        _mint(provider, serviceId, SHARES, "");
    }

    /// @inheritdoc IRevenueShares
    function release(uint256 planId, uint256 currency, uint256 gross, uint256 feeBps) external {
        // Check: nothing is called from here, the money has come before; but not in the middle of a distribution, which
        // would count it too.
        if (msg.sender != address(_accessToken)) {
            revert Errors.RevenueShares_NotAccessToken(msg.sender, address(_accessToken));
        }
        if (_reentrancyGuardEntered()) revert ReentrancyGuardReentrantCall();

        // Effect: parts are floors of the gross, so their sum is at most the gross; the service gets the rest.
        uint256 serviceId = PlanId.serviceOf(planId);
        uint256 fee = _partDown(gross, feeBps);
        uint256 feeTotal = fees[currency] + fee;
        if (fee != 0) fees[currency] = feeTotal;
        uint256 amount = gross - fee - _payUpstreams(serviceId, currency, gross);
        uint256 total = _credit(serviceId, currency, amount);
        emit Released(serviceId, planId, currency, gross, fee, amount, total, feeTotal);
    }

    /// @inheritdoc IRevenueShares
    function distribute(uint256 serviceId, uint256 currency, uint256 amount) external nonReentrant {
        // Check.
        if (_links[serviceId] == 0) revert Errors.RevenueShares_UnknownService(serviceId);
        if (amount == 0) revert Errors.RevenueShares_ZeroAmount();
        IERC20 token = _tokenOf(currency);
        // A currency that calls its users may come here while `AccessToken` counts what arrives: it would count this too,
        // and what the currency charged would be owed to somebody.
        if (_accessToken.isEntered()) revert ReentrancyGuardReentrantCall();

        // Interaction: first, because what counts is what arrives. `claim` cannot run meanwhile.
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = Math.min(token.balanceOf(address(this)) - before, amount);

        // Effect.
        uint256 total = _credit(serviceId, currency, received);
        emit Distributed(serviceId, msg.sender, currency, received, total);
    }

    /// @inheritdoc IRevenueShares
    function claim(uint256[] calldata serviceIds, uint256[] calldata currencies, address to) external nonReentrant {
        // Check.
        if (serviceIds.length != currencies.length) {
            revert Errors.RevenueShares_LengthMismatch(serviceIds.length, currencies.length);
        }
        if (to == address(0)) revert Errors.RevenueShares_ZeroAddress();

        // Effect.
        uint256[MAX_CURRENCIES] memory due;
        for (uint256 i; i < serviceIds.length; ++i) {
            uint256 currency = currencies[i];
            if (currency >= MAX_CURRENCIES) revert Errors.RevenueShares_UnknownCurrency(currency, MAX_CURRENCIES);
            due[currency] += _takeDown(msg.sender, serviceIds[i], currency);
        }

        // Interaction: one transfer a currency; zero amounts move nothing.
        for (uint256 i; i < currencies.length; ++i) {
            uint256 amount = due[currencies[i]];
            if (amount == 0) continue;
            due[currencies[i]] = 0;
            _tokenOf(currencies[i]).safeTransfer(to, amount);
        }
    }

    /// @inheritdoc IRevenueShares
    function flushFees(uint256 currency) external nonReentrant {
        // Check.
        uint256 amount = fees[currency];
        if (amount == 0) revert Errors.RevenueShares_NoFees(currency);
        bool staked = _vault.totalScore() != 0;
        address to = staked ? address(_vault) : _treasury;
        IERC20 token = _tokenOf(currency);

        // Effect.
        fees[currency] = 0;
        emit FeesFlushed(currency, to, amount);

        // Interaction: the vault refuses while a stream of the currency runs, and all is as before.
        uint256 before = token.balanceOf(to);
        token.safeTransfer(to, amount);
        if (staked) _vault.stream(currency, Math.min(token.balanceOf(to) - before, amount));
    }

    /// @inheritdoc IRevenueShares
    function setTreasury(address account) external {
        if (msg.sender != _governance) revert Errors.RevenueShares_NotGovernance(msg.sender, _governance);
        _setTreasury(account);
    }

    // ---------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IRevenueShares
    function claimable(address account, uint256 serviceId, uint256 currency) external view returns (uint256) {
        ShareAccount storage record = _accounts[account][serviceId][currency];
        uint256 fresh = distributed[serviceId][currency] - record.checkpoint;
        return (record.owed + balanceOf(account, serviceId) * fresh) / SHARES;
    }

    /// @inheritdoc IRevenueShares
    function accountOf(address account, uint256 serviceId, uint256 currency)
        external
        view
        returns (uint256 owed, uint256 checkpoint)
    {
        ShareAccount storage record = _accounts[account][serviceId][currency];
        return (record.owed, record.checkpoint);
    }

    /// @inheritdoc IRevenueShares
    function upstreamsOf(uint256 serviceId) external view returns (Upstream[] memory upstreams) {
        uint256 packed = _links[serviceId] & UPSTREAMS_MASK;
        uint256 count;
        for (uint256 rest = packed; rest != 0; rest >>= UPSTREAM_BITS) ++count;
        upstreams = new Upstream[](count);
        for (uint256 i; i < count; ++i) {
            upstreams[i] = Upstream({serviceId: uint40(packed >> 16), bps: uint16(packed)});
            packed >>= UPSTREAM_BITS;
        }
    }

    /// @inheritdoc IRevenueShares
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @notice Metadata of the service the shares are of.
    /// @param serviceId the service
    function uri(uint256 serviceId) public view override returns (string memory) {
        return IERC721Metadata(_registry).tokenURI(serviceId);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, IERC165) returns (bool) {
        return interfaceId == type(IRevenueShares).interfaceId || super.supportsInterface(interfaceId);
    }

    // -------------------------------------------------------------------------------------------------- private

    /// @dev What accrued before shares move stays with whoever held them: both sides are brought up to date first, in
    /// every currency the service ever received. A mint finds nothing received, and shares are never burnt.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0)) {
            for (uint256 i; i < ids.length; ++i) _accrueBoth(from, to, ids[i]);
        }
        super._update(from, to, ids, values);
    }

    function _accrueBoth(address from, address to, uint256 serviceId) private {
        uint256 live = uint8(_links[serviceId] >> LIVE_SHIFT);
        for (uint256 currency; live != 0; (++currency, live >>= 1)) {
            if (live & 1 == 0) continue;
            uint256 total = distributed[serviceId][currency];
            _accrue(from, serviceId, currency, total);
            _accrue(to, serviceId, currency, total);
        }
    }

    /// @dev `owed` fits 128 bits: it is at most 1,000,000 times the total.
    function _accrue(address account, uint256 serviceId, uint256 currency, uint256 total) private {
        ShareAccount storage record = _accounts[account][serviceId][currency];
        uint256 checkpoint = record.checkpoint;
        if (checkpoint == total) return;
        uint256 owed = record.owed + balanceOf(account, serviceId) * (total - checkpoint);
        _accounts[account][serviceId][currency] = ShareAccount(uint128(owed), uint128(total));
    }

    /// @dev Whole base units an account is owed leave the books; the fraction stays owed.
    function _takeDown(address account, uint256 serviceId, uint256 currency) private returns (uint256 amount) {
        ShareAccount storage record = _accounts[account][serviceId][currency];
        uint256 total = distributed[serviceId][currency];
        uint256 owed = record.owed + balanceOf(account, serviceId) * (total - record.checkpoint);
        amount = owed / SHARES;
        if (amount == 0) return 0;
        owed -= amount * SHARES;
        _accounts[account][serviceId][currency] = ShareAccount(uint128(owed), uint128(total));
        emit Claimed(account, serviceId, currency, amount, owed);
    }

    function _credit(uint256 serviceId, uint256 currency, uint256 amount) private returns (uint256 total) {
        total = distributed[serviceId][currency] + amount;
        if (amount == 0) return total;
        if (total > MAX_TOTAL) revert Errors.RevenueShares_TotalTooLarge(serviceId, currency, total, MAX_TOTAL);
        distributed[serviceId][currency] = total;
        // Read here, not by the caller: a currency that calls out may have brought another one to life meanwhile.
        uint256 links = _links[serviceId];
        uint256 live = 1 << (LIVE_SHIFT + currency);
        if (links & live == 0) _links[serviceId] = links | live;
    }

    function _payUpstreams(uint256 serviceId, uint256 currency, uint256 gross) private returns (uint256 paid) {
        for (uint256 rest = _links[serviceId] & UPSTREAMS_MASK; rest != 0; rest >>= UPSTREAM_BITS) {
            uint256 amount = _partDown(gross, uint16(rest));
            if (amount == 0) continue;
            uint256 upstreamId = uint40(rest >> 16);
            // Its holder may pass the same money through until the total is full: that must not stop those who name it, so
            // that the part stays with the service.
            if (distributed[upstreamId][currency] + amount > MAX_TOTAL) continue;
            paid += amount;
            uint256 total = _credit(upstreamId, currency, amount);
            emit UpstreamPaid(upstreamId, serviceId, currency, amount, total);
        }
    }

    function _setTreasury(address account) private {
        if (account == address(0)) revert Errors.RevenueShares_ZeroAddress();
        _treasury = account;
        emit TreasurySet(account);
    }

    /// @dev Copied at first use: the table is append-only, and a claim then reads one slot instead of calling.
    function _tokenOf(uint256 currency) private returns (IERC20) {
        address token = _tokens[currency];
        if (token != address(0)) return IERC20(token);
        (token,) = _accessToken.currencyOf(currency);
        _tokens[currency] = token;
        return IERC20(token);
    }

    function _packUpstreams(uint256 serviceId, Upstream[] calldata upstreams) private pure returns (uint256 packed) {
        uint256 count = upstreams.length;
        if (count > MAX_UPSTREAMS) revert Errors.RevenueShares_TooManyUpstreams(count, MAX_UPSTREAMS);
        uint256 last;
        uint256 sum;
        for (uint256 i; i < count; ++i) {
            uint256 id = upstreams[i].serviceId;
            uint256 bps = upstreams[i].bps;
            // Ascending and below the new id: no duplicates, no cycles, and all of them exist.
            if (id <= last || id >= serviceId) revert Errors.RevenueShares_UpstreamOrder(id, last, serviceId);
            if (bps == 0) revert Errors.RevenueShares_ZeroUpstream(id);
            sum += bps;
            last = id;
            packed |= (id << 16 | bps) << (UPSTREAM_BITS * i);
        }
        if (sum > MAX_UPSTREAM_BPS) revert Errors.RevenueShares_UpstreamsTooHigh(sum, MAX_UPSTREAM_BPS);
    }

    function _partDown(uint256 amount, uint256 bps) private pure returns (uint256) {
        return amount * bps / BPS;
    }
}
