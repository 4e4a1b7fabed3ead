// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IRevenueShares} from "./interfaces/IRevenueShares.sol";
import {ITokenMarket} from "./interfaces/ITokenMarket.sol";
import {Errors} from "./libraries/Errors.sol";
import {Listing} from "./types/DataTypes.sol";

/// @dev See {ITokenMarket}.
contract TokenMarket is ITokenMarket, ERC165, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    IAccessToken private immutable _accessToken;
    IRevenueShares private immutable _shares;

    /// @inheritdoc ITokenMarket
    uint256 public listingCount;

    mapping(uint256 listingId => Listing) private _listings;

    constructor(address accessToken, address shares) {
        _accessToken = IAccessToken(accessToken);
        _shares = IRevenueShares(shares);
    }

    /// @inheritdoc ITokenMarket
    function list(address token, uint256 id, uint256 units, uint256 unitPrice, uint256 currency, uint256 expiry)
        external
        returns (uint256 listingId)
    {
        // Check: neither balance nor approval of the seller. Both can change until the fill, which fails without them.
        _requireTradable(token, id);
        if (units == 0) revert Errors.TokenMarket_ZeroUnits();
        if (unitPrice == 0) revert Errors.TokenMarket_ZeroPrice();
        if (expiry <= block.timestamp) revert Errors.TokenMarket_Expired(expiry, block.timestamp);
        uint256 count = _accessToken.currencyCount();
        if (currency >= count) revert Errors.TokenMarket_UnknownCurrency(currency, count);

        // Effect: a new record.
        listingId = ++listingCount;
        _listings[listingId] = Listing({
            seller: msg.sender,
            expiry: expiry.toUint40(),
            currency: uint8(currency), // below the table's 8 places
            token: token,
            unitPrice: unitPrice.toUint96(),
            id: id,
            units: units
        });
        emit Listed(listingId, msg.sender, token, id, units, unitPrice, currency, expiry);
    }

    /// @inheritdoc ITokenMarket
    function cancel(uint256 listingId) external {
        // Check: the caller made the offer. A listing that is gone has no seller, and nobody is the zero address.
        address seller = _listings[listingId].seller;
        if (seller != msg.sender) revert Errors.TokenMarket_NotSeller(listingId, msg.sender, seller);

        // Effect.
        delete _listings[listingId];
        emit Cancelled(listingId, msg.sender);
    }

    /// @inheritdoc ITokenMarket
    function fill(uint256 listingId, uint256 units, uint256 maxCost, uint256 deadline) external nonReentrant {
        // Check: the offer stands and the price is the one the buyer saw.
        Listing memory listing = _listings[listingId];
        uint256 cost = _requireFillable(listingId, listing, units, maxCost, deadline);
        (address currency,) = _accessToken.currencyOf(listing.currency);
        uint256 royalty = _royaltyDown(listing.token, listing.id, cost);

        // Effect: the offer shrinks before anybody is called.
        uint256 remaining = _reduce(listingId, listing.units, units);
        emit Filled(
            listingId, msg.sender, listing.seller, listing.token, listing.id, units, cost, royalty, remaining
        );

        // Interaction: money first; the receiver's callback of the token transfer is the last thing that happens.
        _payExactly(IERC20(currency), listing.seller, cost - royalty);
        if (royalty > 0) _payRoyalty(IERC20(currency), listing, royalty);
        IERC1155(listing.token).safeTransferFrom(listing.seller, msg.sender, listing.id, units, "");
    }

    /// @inheritdoc ITokenMarket
    function listingOf(uint256 listingId) external view returns (Listing memory listing) {
        return _listings[listingId];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(ITokenMarket).interfaceId || super.supportsInterface(interfaceId);
    }

    function _requireTradable(address token, uint256 id) private view {
        if (token == address(_shares)) return;
        if (token != address(_accessToken)) revert Errors.TokenMarket_UnknownToken(token);
        // Bit 2 of a plan id says whether its units move; an offer of soulbound units could never be filled.
        if (id & 4 == 0) revert Errors.TokenMarket_Soulbound(id);
    }

    function _requireFillable(
        uint256 listingId,
        Listing memory listing,
        uint256 units,
        uint256 maxCost,
        uint256 deadline
    ) private view returns (uint256 cost) {
        if (listing.seller == address(0)) revert Errors.TokenMarket_NoListing(listingId);
        if (listing.seller == msg.sender) revert Errors.TokenMarket_OwnListing(listingId, msg.sender);
        if (block.timestamp > deadline) revert Errors.TokenMarket_Expired(deadline, block.timestamp);
        if (block.timestamp > listing.expiry) revert Errors.TokenMarket_Expired(listing.expiry, block.timestamp);
        if (units == 0) revert Errors.TokenMarket_ZeroUnits();
        if (units > listing.units) revert Errors.TokenMarket_TooManyUnits(units, listing.units);
        cost = units * listing.unitPrice;
        if (cost > maxCost) revert Errors.TokenMarket_CostAboveMaximum(cost, maxCost);
    }

    /// @dev Shares pay no royalty: what they earn goes to whoever holds them.
    function _royaltyDown(address token, uint256 id, uint256 cost) private view returns (uint256 royalty) {
        if (token == address(_shares)) return 0;
        // The receiver it names is `RevenueShares`, where it is paid as a distribution.
        (, royalty) = IERC2981(token).royaltyInfo(id, cost);
    }

    function _reduce(uint256 listingId, uint256 offered, uint256 units) private returns (uint256 remaining) {
        remaining = offered - units;
        if (remaining == 0) delete _listings[listingId];
        else _listings[listingId].units = remaining;
    }

    /// @dev Through this contract, as `distribute` pulls from its caller; it ends with the balance it began with.
    function _payRoyalty(IERC20 currency, Listing memory listing, uint256 royalty) private {
        _payExactly(currency, address(this), royalty);
        currency.forceApprove(address(_shares), royalty);
        _shares.distribute(listing.id >> 20, listing.currency, royalty);
    }

    /// @dev Takes money of the buyer. A currency that began to charge on transfer is refused here: the seller would get
    /// less than it asked for, or the royalty would be paid from somebody else's money.
    function _payExactly(IERC20 currency, address to, uint256 amount) private {
        if (amount == 0) return;
        uint256 before = currency.balanceOf(to);
        currency.safeTransferFrom(msg.sender, to, amount);
        uint256 received = currency.balanceOf(to) - before;
        if (received != amount) revert Errors.TokenMarket_ShortPayment(to, received, amount);
    }
}
