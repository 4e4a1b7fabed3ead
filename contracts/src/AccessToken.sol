// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SaleParameters} from "./abstracts/SaleParameters.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IRevenueShares} from "./interfaces/IRevenueShares.sol";
import {IServiceRegistry} from "./interfaces/IServiceRegistry.sol";
import {IStakingVault} from "./interfaces/IStakingVault.sol";
import {IUsageEscrow} from "./interfaces/IUsageEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {PlanId} from "./libraries/PlanId.sol";
import {Sale, SaleWord} from "./libraries/SaleWord.sol";
import {
    Currency,
    Order,
    Plan,
    PlanAccount,
    PlanCount,
    PlanKind,
    PlanTerms,
    Then
} from "./types/DataTypes.sol";

/// @dev See {IAccessToken}. The money behind units is not stored: it is supply * price, because `supply` rises only
/// where a unit is paid in, and falls only where its price goes out. No unit counter passes 2**63 - 1, no price 2**96, so no
/// product of them overflows.
contract AccessToken is SaleParameters, IERC2981, ERC1155, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using PlanId for uint256;

    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_ROYALTY_BPS = 2_500;
    uint256 private constant MAX_UNITS = 2 ** 63 - 1;
    uint256 private constant MIN_PERIOD = 1 hours;
    uint256 private constant MAX_PERIOD = 3_650 days;

    IServiceRegistry private immutable _registry;
    IRevenueShares private immutable _shares;
    IUsageEscrow private immutable _escrow;
    IStakingVault private immutable _vault;

    mapping(uint256 serviceId => uint256) private _planCounts;
    mapping(uint256 planId => Plan) private _plans;
    mapping(uint256 planId => mapping(address account => PlanAccount)) private _planAccounts;

    constructor(
        address registry,
        address shares,
        address escrow,
        address vault,
        address governance,
        address guardian,
        uint256 initialFeeBps,
        address[] memory initialCurrencies
    ) ERC1155("") SaleParameters(governance, guardian, initialFeeBps, initialCurrencies) {
        _registry = IServiceRegistry(registry);
        _shares = IRevenueShares(shares);
        _escrow = IUsageEscrow(escrow);
        _vault = IStakingVault(vault);
    }

    // ------------------------------------------------------------------------------------------------- provider

    /// @inheritdoc IAccessToken
    function createPlan(uint256 serviceId, PlanTerms calldata terms) external returns (uint256 planId) {
        // Check.
        address provider = _requireProvider(serviceId);
        if (_registry.retiredAtOf(serviceId) != 0) revert Errors.AccessToken_ServiceRetired(serviceId);
        _requireOpen(terms.currency);
        _requireValid(terms);
        uint256 index = _planCounts[serviceId];
        if (index == PlanId.MAX_PLANS) revert Errors.AccessToken_TooManyPlans(serviceId, PlanId.MAX_PLANS);

        // Effect.
        _planCounts[serviceId] = index + 1;
        planId = PlanId.pack(serviceId, index, terms.transferable, terms.kind);
        _storePlan(_plans[planId], terms);
        emit PlanCreated(planId, serviceId, provider, terms, _feeBps);
    }

    /// @inheritdoc IAccessToken
    function setSaleOpen(uint256 planId, bool open) external {
        address provider = _requireProvider(planId.serviceOf());
        Sale sale = _plans[planId].sale;
        if (!sale.exists()) revert Errors.AccessToken_UnknownPlan(planId);
        _plans[planId].sale = sale.withOpen(open);
        emit SaleOpenSet(planId, provider, open);
    }

    // ------------------------------------------------------------------------------------------------- purchase

    /// @inheritdoc IAccessToken
    function buy(uint256 planId, uint256 units, address recipient, uint256 maxCost, uint256 deadline, Then then)
        external
        nonReentrant
    {
        _buy(Order(planId, units, msg.sender, recipient, maxCost, deadline, then));
    }

    /// @inheritdoc IAccessToken
    function buyWithPermit(
        uint256 planId,
        uint256 units,
        address recipient,
        uint256 maxCost,
        uint256 deadline,
        Then then,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        address token = _currencies[_plans[planId].sale.currency()].token;
        // Whoever sees the permit may use it first; then the allowance is there, and without one the transfer reverts.
        try IERC20Permit(token).permit(msg.sender, address(this), maxCost, deadline, v, r, s) {} catch {}
        _buy(Order(planId, units, msg.sender, recipient, maxCost, deadline, then));
    }

    /// @inheritdoc IAccessToken
    function buyWithAuthorization(
        address payer,
        uint256 planId,
        uint256 units,
        address recipient,
        uint256 maxCost,
        uint256 deadline,
        Then then,
        bytes32 salt,
        bytes calldata signature
    ) external nonReentrant {
        Order memory order = Order(planId, units, payer, recipient, maxCost, deadline, then);

        // Check, Effect.
        (Sale sale, uint256 cost, bool immediate) = _place(order);

        // Interaction: even where nothing is to pay, because the authorization is also the payer's word.
        IERC20 token = _tokenOf(sale);
        _collectAuthorized(token, order, salt, signature);
        if (cost != maxCost) token.safeTransfer(payer, maxCost - cost);
        if (immediate) _release(planId, sale, cost);
        if (then != Then.Activate) _deliver(order);
    }

    // ------------------------------------------------------------------------------------------------------ use

    /// @inheritdoc IAccessToken
    function activate(uint256 planId, uint256 units, address beneficiary) external nonReentrant {
        // Check.
        if (units == 0) revert Errors.AccessToken_ZeroUnits();
        if (beneficiary == address(0)) revert Errors.AccessToken_ZeroAddress();
        if (!planId.isKind(PlanKind.Timed)) revert Errors.AccessToken_WrongKind(planId);
        if (planId.isSoulbound() && beneficiary != msg.sender) revert Errors.AccessToken_Soulbound(planId);
        uint256 serviceId = planId.serviceOf();
        if (_registry.retiredAtOf(serviceId) != 0) revert Errors.AccessToken_ServiceRetired(serviceId);

        // Effect.
        Sale sale = _plans[planId].sale;
        uint256 supply = _burnUnits(planId, units);
        if (sale.unitPrice() != 0) _notePaidUse(planId, msg.sender);
        uint256 until = _extendAccess(planId, units * sale.period(), beneficiary);
        emit Activated(planId, msg.sender, beneficiary, units, until, supply);

        // Interaction.
        _release(planId, sale, units * sale.unitPrice());
    }

    /// @inheritdoc IAccessToken
    function consume(uint256 planId, uint256 units) external nonReentrant {
        // Check.
        if (units == 0) revert Errors.AccessToken_ZeroUnits();
        if (!planId.isKind(PlanKind.Metered)) revert Errors.AccessToken_WrongKind(planId);

        // Effect.
        Sale sale = _plans[planId].sale;
        uint256 supply = _burnUnits(planId, units);
        // What the escrow consumes was used by its payers, and it keeps when.
        if (msg.sender != address(_escrow) && sale.unitPrice() != 0) _notePaidUse(planId, msg.sender);
        emit Consumed(planId, msg.sender, units, supply);

        // Interaction.
        _release(planId, sale, units * sale.unitPrice());
    }

    /// @inheritdoc IAccessToken
    function refund(uint256 planId, uint256 units, address to) external nonReentrant {
        // Check.
        if (units == 0) revert Errors.AccessToken_ZeroUnits();
        if (to == address(0)) revert Errors.AccessToken_ZeroAddress();
        if (planId.isKind(PlanKind.Pass)) revert Errors.AccessToken_WrongKind(planId);
        Sale sale = _plans[planId].sale;
        if (!sale.refundable() && _registry.retiredAtOf(planId.serviceOf()) == 0) {
            revert Errors.AccessToken_NotRefundable(planId);
        }

        // Effect.
        uint256 supply = _burnUnits(planId, units);
        PlanCount storage count = _plans[planId].count;
        uint256 sold = count.sold - units; // whoever has units bought them: they are counted
        count.sold = uint64(sold);
        uint256 amount = units * sale.unitPrice();
        emit Refunded(planId, msg.sender, to, units, amount, supply, sold);

        // Interaction.
        if (amount != 0) _tokenOf(sale).safeTransfer(to, amount);
    }

    // ---------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IAccessToken
    function accessOf(uint256 planId, address account) external view returns (uint256 units, uint256 until) {
        if (planId.isKind(PlanKind.Timed)) return (0, _planAccounts[planId][account].accessUntil);
        if (planId.isKind(PlanKind.Metered)) return (_escrow.spendableOf(planId, account), 0);
        return (balanceOf(account, planId), 0);
    }

    /// @inheritdoc IAccessToken
    function termsOf(uint256 planId) external view returns (PlanTerms memory terms) {
        Plan storage plan = _plans[planId];
        Sale sale = _plans[planId].sale;
        if (!sale.exists()) revert Errors.AccessToken_UnknownPlan(planId);
        PlanCount storage count = plan.count;
        terms.kind = PlanKind(planId & 3);
        terms.transferable = !planId.isSoulbound();
        terms.refundable = sale.refundable();
        terms.measure = plan.measure;
        terms.currency = uint8(sale.currency());
        terms.royaltyBps = uint16(sale.royaltyBps());
        terms.unitPrice = uint96(sale.unitPrice());
        terms.period = uint32(sale.period());
        terms.supplyCap = count.supplyCap == MAX_UNITS ? 0 : count.supplyCap;
        terms.accountCap = count.accountCap;
        terms.saleStart = uint40(sale.saleStart());
        terms.earlySeconds = uint32(sale.earlySeconds());
        terms.earlyScore = plan.earlyScore;
        terms.limitsHash = plan.limitsHash;
        terms.perRequest = plan.perRequest;
        terms.perUnitIn = plan.perUnitIn;
        terms.perUnitOut = plan.perUnitOut;
    }

    /// @inheritdoc IAccessToken
    function planState(uint256 planId)
        external
        view
        returns (uint256 supply, uint256 sold, bool saleOpen, uint256 planFeeBps)
    {
        Plan storage plan = _plans[planId];
        return (plan.count.supply, plan.count.sold, plan.sale.isOpen(), plan.sale.feeBps());
    }

    /// @inheritdoc IAccessToken
    function accountOf(uint256 planId, address account)
        external
        view
        returns (uint256 accessUntil, uint256 lastPaidUse, uint256 bought)
    {
        PlanAccount storage record = _planAccounts[planId][account];
        return (record.accessUntil, record.lastPaidUse, record.bought);
    }

    /// @inheritdoc IAccessToken
    function backingOf(uint256 planId) external view returns (uint256 amount) {
        if (planId.isKind(PlanKind.Pass)) return 0;
        Plan storage plan = _plans[planId];
        return uint256(plan.count.supply) * plan.sale.unitPrice();
    }

    /// @inheritdoc IAccessToken
    function isEntered() external view returns (bool) {
        return _reentrancyGuardEntered();
    }

    /// @inheritdoc IERC2981
    function royaltyInfo(uint256 planId, uint256 price) external view returns (address receiver, uint256 amount) {
        // The market pays it there as a distribution, so that it reaches whoever holds the shares.
        return (address(_shares), Math.mulDiv(price, _plans[planId].sale.royaltyBps(), BPS));
    }

    /// @notice Metadata of the service a plan belongs to.
    /// @param planId the plan
    function uri(uint256 planId) public view override returns (string memory) {
        return IERC721Metadata(address(_registry)).tokenURI(planId.serviceOf());
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, IERC165) returns (bool) {
        return interfaceId == type(IAccessToken).interfaceId || interfaceId == type(IERC2981).interfaceId
            || super.supportsInterface(interfaceId);
    }

    // ---------------------------------------------------------------------------------------- private: purchase

    function _buy(Order memory order) private {
        // Check, Effect.
        (Sale sale, uint256 cost, bool immediate) = _place(order);

        // Interaction: what is consumed at once goes straight to the shares; the mint calls the recipient, so it is
        // last.
        if (cost != 0) _collect(order, sale, cost, immediate);
        if (order.then != Then.Activate) _deliver(order);
    }

    /// @dev Checks an order and books it. `immediate`: its units are consumed by the purchase itself.
    function _place(Order memory order) private returns (Sale sale, uint256 cost, bool immediate) {
        // Check.
        Plan storage plan = _plans[order.planId];
        sale = plan.sale;
        _requireSale(sale, order);
        if (block.timestamp < sale.saleStart()) _requireEarly(sale, order);
        cost = order.units * sale.unitPrice();
        if (cost > order.maxCost) revert Errors.AccessToken_CostAboveMaximum(cost, order.maxCost);

        // Effect: the caps are checked where they are counted.
        immediate = order.then == Then.Activate || order.planId.isKind(PlanKind.Pass);
        if (immediate && cost != 0) _notePaidUse(order.planId, order.payer);
        _book(order, plan, sale, cost);
    }

    function _requireSale(Sale sale, Order memory order) private {
        if (block.timestamp > order.deadline) revert Errors.AccessToken_Expired(order.deadline, block.timestamp);
        // Not more than MAX_UNITS either, so that no product of units overflows before the caps are checked.
        if (order.units == 0) revert Errors.AccessToken_ZeroUnits();
        if (order.units > MAX_UNITS) revert Errors.AccessToken_CapTooHigh(order.units, MAX_UNITS);
        if (!sale.isOpen()) revert Errors.AccessToken_SaleClosed(order.planId); // unknown plans are never open
        Currency memory currency = _requireOpen(sale.currency());
        if (block.timestamp < currency.pausedUntil) revert Errors.AccessToken_SalesPaused(currency.pausedUntil);
        uint256 serviceId = order.planId.serviceOf();
        if (!_registry.noteSale(serviceId)) revert Errors.AccessToken_ServiceNotSelling(serviceId);
        bool fits = order.then == Then.Hold
            || order.planId.isKind(order.then == Then.Activate ? PlanKind.Timed : PlanKind.Metered);
        if (!fits) revert Errors.AccessToken_WrongThen(order.planId, uint256(order.then));
        if (order.then != Then.Hold) _requirePayer(order);
    }

    function _requireEarly(Sale sale, Order memory order) private view {
        // `createPlan` saw that earlySeconds is at most saleStart.
        if (block.timestamp < sale.saleStart() - sale.earlySeconds()) {
            revert Errors.AccessToken_SaleNotStarted(order.planId, sale.saleStart());
        }
        uint256 earlyScore = _plans[order.planId].earlyScore;
        uint256 score = _vault.scoreOf(order.payer);
        if (score < earlyScore) revert Errors.AccessToken_ScoreTooLow(score, earlyScore);
    }

    /// @dev Nobody's cap or access is used up by a stranger's purchase.
    function _requirePayer(Order memory order) private pure {
        if (order.recipient != order.payer) {
            revert Errors.AccessToken_RecipientNotPayer(order.recipient, order.payer);
        }
    }

    function _book(Order memory order, Plan storage plan, Sale sale, uint256 cost) private {
        bool activates = order.then == Then.Activate;
        PlanCount memory count = plan.count;
        uint256 left = count.supplyCap - count.sold;
        if (order.units > left) revert Errors.AccessToken_SupplyCapReached(order.planId, order.units, left);
        count.sold += uint64(order.units); // at most the cap, and the supply at most that
        if (!activates) count.supply += uint64(order.units);
        plan.count = count;
        uint256 bought = count.accountCap == 0 ? 0 : _countBought(order, count.accountCap);
        emit Bought(
            order.planId,
            order.payer,
            order.recipient,
            order.units,
            cost,
            order.then,
            count.supply,
            count.sold,
            bought
        );
        if (!activates) return;
        uint256 until = _extendAccess(order.planId, order.units * sale.period(), order.payer);
        emit Activated(order.planId, order.payer, order.payer, order.units, until, count.supply);
    }

    function _countBought(Order memory order, uint256 cap) private returns (uint256 bought) {
        _requirePayer(order);
        PlanAccount storage record = _planAccounts[order.planId][order.payer];
        uint256 left = cap - record.bought;
        if (order.units > left) {
            revert Errors.AccessToken_AccountCapReached(order.planId, order.payer, order.units, left);
        }
        bought = record.bought + order.units;
        record.bought = uint64(bought);
    }

    function _notePaidUse(uint256 planId, address account) private {
        _planAccounts[planId][account].lastPaidUse = uint40(block.timestamp);
    }

    function _extendAccess(uint256 planId, uint256 duration, address beneficiary) private returns (uint256 until) {
        PlanAccount storage record = _planAccounts[planId][beneficiary];
        until = Math.max(block.timestamp, record.accessUntil) + duration;
        record.accessUntil = until.toUint40();
    }

    /// @dev Takes the cost from the payer: into the backing, or straight to the shares and released.
    function _collect(Order memory order, Sale sale, uint256 cost, bool immediate) private {
        IERC20 token = _tokenOf(sale);
        address sink = immediate ? address(_shares) : address(this);
        uint256 before = token.balanceOf(sink);
        token.safeTransferFrom(order.payer, sink, cost);
        uint256 received = token.balanceOf(sink) - before;
        // A unit is backed by its whole price, or it is not sold.
        if (received < cost) revert Errors.AccessToken_ShortPayment(received, cost);
        if (immediate) _shares.release(order.planId, sale.currency(), cost, sale.feeBps());
    }

    function _collectAuthorized(IERC20 token, Order memory order, bytes32 salt, bytes calldata signature) private {
        uint256 before = token.balanceOf(address(this));
        _receive(IERC3009(address(token)), order, _orderNonce(order, salt), signature);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received < order.maxCost) revert Errors.AccessToken_ShortPayment(received, order.maxCost);
    }

    /// @dev 65 bytes go the way every EIP-3009 token has; others are for tokens that ask contract wallets.
    function _receive(IERC3009 token, Order memory order, bytes32 nonce, bytes calldata signature) private {
        (address payer, uint256 value, uint256 deadline) = (order.payer, order.maxCost, order.deadline);
        if (signature.length != 65) {
            token.receiveWithAuthorization(payer, address(this), value, 0, deadline, nonce, signature);
            return;
        }
        (bytes32 r, bytes32 s) = (bytes32(signature[:32]), bytes32(signature[32:64]));
        token.receiveWithAuthorization(payer, address(this), value, 0, deadline, nonce, uint8(signature[64]), r, s);
    }

    /// @dev The nonce is the order, so that whoever relays it cannot change it.
    function _orderNonce(Order memory order, bytes32 salt) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid,
                address(this),
                order.planId,
                order.units,
                order.recipient,
                order.then,
                order.maxCost,
                order.deadline,
                salt
            )
        );
    }

    function _deliver(Order memory order) private {
        if (order.then == Then.Deposit) _mint(address(_escrow), order.planId, order.units, abi.encode(order.payer));
        else _mint(order.recipient, order.planId, order.units, "");
    }

    // ------------------------------------------------------------------------------------------ private: others

    /// @dev Burns units of the caller, which must have them.
    function _burnUnits(uint256 planId, uint256 units) private returns (uint256 supply) {
        _burn(msg.sender, planId, units);
        PlanCount storage count = _plans[planId].count;
        supply = count.supply - units;
        count.supply = uint64(supply);
    }

    /// @dev Sends money held here to the shares and has it split: in one transfer and one call.
    function _release(uint256 planId, Sale sale, uint256 gross) private {
        if (gross == 0) return;
        IERC20 token = _tokenOf(sale);
        uint256 before = token.balanceOf(address(_shares));
        token.safeTransfer(address(_shares), gross);
        // What arrives is what is split, should the currency have begun to charge; never more than was sent.
        uint256 received = Math.min(token.balanceOf(address(_shares)) - before, gross);
        _shares.release(planId, sale.currency(), received, sale.feeBps());
    }

    /// @dev Soulbound units move to the escrow, for their holder, and back; it sees to that.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0) && to != address(0) && from != address(_escrow) && to != address(_escrow)) {
            for (uint256 i; i < ids.length; ++i) {
                if (ids[i].isSoulbound()) revert Errors.AccessToken_Soulbound(ids[i]);
            }
        }
        super._update(from, to, ids, values);
    }

    function _storePlan(Plan storage plan, PlanTerms calldata terms) private {
        plan.sale = SaleWord.pack(
            terms.unitPrice,
            terms.currency,
            _feeBps,
            terms.royaltyBps,
            terms.saleStart,
            terms.earlySeconds,
            terms.period,
            terms.refundable
        );
        plan.count.supplyCap = terms.supplyCap == 0 ? uint64(MAX_UNITS) : terms.supplyCap;
        plan.count.accountCap = terms.accountCap;
        plan.earlyScore = terms.earlyScore;
        plan.perRequest = terms.perRequest;
        plan.perUnitIn = terms.perUnitIn;
        plan.measure = terms.measure;
        plan.perUnitOut = terms.perUnitOut;
        plan.limitsHash = terms.limitsHash;
    }

    function _tokenOf(Sale sale) private view returns (IERC20) {
        return IERC20(_currencies[sale.currency()].token);
    }

    function _requireValid(PlanTerms calldata terms) private pure {
        if (terms.kind == PlanKind.Timed) {
            if (terms.period < MIN_PERIOD || terms.period > MAX_PERIOD) {
                revert Errors.AccessToken_BadPeriod(terms.period, MIN_PERIOD, MAX_PERIOD);
            }
        } else if (terms.period != 0) {
            revert Errors.AccessToken_BadPeriod(terms.period, 0, 0);
        }
        if (terms.kind == PlanKind.Pass && terms.refundable) revert Errors.AccessToken_PassNotRefundable();
        if (terms.royaltyBps > MAX_ROYALTY_BPS) {
            revert Errors.AccessToken_RoyaltyTooHigh(terms.royaltyBps, MAX_ROYALTY_BPS);
        }
        // A supply cap of `MAX_UNITS` is how none is kept: asked for by name, it would read back as 0.
        uint256 cap = Math.max(terms.supplyCap, terms.accountCap);
        if (cap >= MAX_UNITS) revert Errors.AccessToken_CapTooHigh(cap, MAX_UNITS - 1);
        if (terms.earlySeconds > terms.saleStart) {
            revert Errors.AccessToken_EarlyBeforeTime(terms.earlySeconds, terms.saleStart);
        }
    }

    function _requireProvider(uint256 serviceId) private view returns (address provider) {
        provider = _registry.ownerOf(serviceId);
        if (msg.sender != provider) revert Errors.AccessToken_NotProvider(serviceId, msg.sender, provider);
    }
}
