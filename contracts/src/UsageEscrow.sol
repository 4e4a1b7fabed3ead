// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IServiceRegistry} from "./interfaces/IServiceRegistry.sol";
import {IUsageEscrow} from "./interfaces/IUsageEscrow.sol";
import {Errors} from "./libraries/Errors.sol";
import {PlanId} from "./libraries/PlanId.sol";
import {Entry, PlanKind, SkipReason, Tab} from "./types/DataTypes.sol";

/// @dev See {IUsageEscrow}. A tab's `balance + settled` is what was ever deposited less withdrawn, and both are counted
/// in the plan's units ever sold, so neither passes 2**63 - 1.
contract UsageEscrow is IUsageEscrow, EIP712, ERC165, ReentrancyGuardTransient {
    using SafeCast for uint256;
    using PlanId for uint256;

    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("UsageVoucher(address payer,uint256 planId,uint256 cumulativeUnits)");
    uint8 private constant VOUCHERS = 1;
    uint256 private constant SIGNATURE_GAS = 100_000;
    uint256 private constant LONGEST_DELAY = 7 days;

    IAccessToken private immutable _accessToken;
    IServiceRegistry private immutable _registry;
    address private immutable _governance;
    uint256 private immutable _minWithdrawalDelay;
    uint256 private immutable _maxWithdrawalDelay;

    /// @inheritdoc IUsageEscrow
    uint256 public withdrawalDelay;

    mapping(uint256 planId => mapping(address payer => Tab)) private _tabs;

    constructor(
        address accessToken,
        address registry,
        address governance,
        uint256 initialWithdrawalDelay,
        uint256 minWithdrawalDelay,
        uint256 maxWithdrawalDelay
    ) EIP712("Emporion Usage Escrow", "1") {
        if (maxWithdrawalDelay > LONGEST_DELAY) {
            revert Errors.UsageEscrow_DelayOutOfBounds(maxWithdrawalDelay, minWithdrawalDelay, LONGEST_DELAY);
        }
        _accessToken = IAccessToken(accessToken);
        _registry = IServiceRegistry(registry);
        _governance = governance;
        _minWithdrawalDelay = minWithdrawalDelay;
        _maxWithdrawalDelay = maxWithdrawalDelay;
        _setWithdrawalDelay(initialWithdrawalDelay);
    }

    // -------------------------------------------------------------------------------------------------- deposit

    /// @inheritdoc IUsageEscrow
    function deposit(uint256 planId, uint256 units) external {
        if (units == 0) revert Errors.UsageEscrow_ZeroUnits();
        // Comes back as `onERC1155Received`, which does all the rest: the two ways in cannot differ.
        _accessToken.safeTransferFrom(msg.sender, address(this), planId, units, "");
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155Received(address, address from, uint256 planId, uint256 units, bytes calldata data)
        external
        returns (bytes4)
    {
        _requireAccessToken();
        _deposit(planId, units, from, data);
        return IERC1155Receiver.onERC1155Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155BatchReceived(
        address,
        address from,
        uint256[] calldata planIds,
        uint256[] calldata units,
        bytes calldata data
    ) external returns (bytes4) {
        _requireAccessToken();
        for (uint256 i; i < planIds.length; ++i) _deposit(planIds[i], units[i], from, data);
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    // ------------------------------------------------------------------------------------------------ settlement

    /// @inheritdoc IUsageEscrow
    function settle(uint256 planId, Entry[] calldata entries) external nonReentrant returns (uint256 consumed) {
        // Check.
        uint256 serviceId = planId.serviceOf();
        (bool allowed, uint256 retiredAt) = _registry.settlementState(serviceId, msg.sender);
        if (!allowed) revert Errors.UsageEscrow_NotMeter(serviceId, msg.sender);
        bool ended = _isEnded(retiredAt);

        // Effect.
        for (uint256 i; i < entries.length; ++i) consumed += _settleEntry(planId, entries[i], ended);

        // Interaction: one for all.
        if (consumed != 0) _accessToken.consume(planId, consumed);
    }

    // ------------------------------------------------------------------------------------------------ withdrawal

    /// @inheritdoc IUsageEscrow
    function requestWithdrawal(uint256 planId) external {
        Tab storage tab = _tabs[planId][msg.sender];
        if (tab.withdrawAt != 0) revert Errors.UsageEscrow_AlreadyRequested(planId, msg.sender, tab.withdrawAt);
        uint256 withdrawAt = block.timestamp + withdrawalDelay;
        tab.withdrawAt = withdrawAt.toUint40();
        emit WithdrawalSet(planId, msg.sender, msg.sender, withdrawAt);
    }

    /// @inheritdoc IUsageEscrow
    function cancelWithdrawal(uint256 planId) external {
        Tab storage tab = _tabs[planId][msg.sender];
        if (tab.withdrawAt == 0) revert Errors.UsageEscrow_NoRequest(planId, msg.sender);
        tab.withdrawAt = 0;
        emit WithdrawalSet(planId, msg.sender, msg.sender, 0);
    }

    /// @inheritdoc IUsageEscrow
    function close(uint256 planId, address payer) external {
        uint256 serviceId = planId.serviceOf();
        if (!_registry.isMeter(serviceId, msg.sender)) revert Errors.UsageEscrow_NotMeter(serviceId, msg.sender);
        Tab storage tab = _tabs[planId][payer];
        if (tab.withdrawAt == 0) revert Errors.UsageEscrow_NoRequest(planId, payer);
        uint256 withdrawAt = Math.min(tab.withdrawAt, block.timestamp);
        tab.withdrawAt = uint40(withdrawAt);
        emit WithdrawalSet(planId, payer, msg.sender, withdrawAt);
    }

    /// @inheritdoc IUsageEscrow
    function withdraw(uint256 planId, address to) external nonReentrant {
        // Check.
        Tab storage tab = _tabs[planId][msg.sender];
        _requireReady(planId, tab);
        uint256 units = tab.balance;
        if (units == 0) revert Errors.UsageEscrow_NothingToWithdraw(planId, msg.sender);
        if (to == address(this)) revert Errors.UsageEscrow_BadRecipient(to); // it would be this contract's own tab
        if (planId.isSoulbound() && to != msg.sender) revert Errors.UsageEscrow_Soulbound(planId, to, msg.sender);

        // Effect.
        tab.balance = 0;
        tab.withdrawAt = 0;
        emit Withdrawn(planId, msg.sender, to, units, 0);

        // Interaction: calls `to`, so it is the last.
        _accessToken.safeTransferFrom(address(this), to, planId, units, "");
    }

    // --------------------------------------------------------------------------------------------------- options

    /// @inheritdoc IUsageEscrow
    function setTabOptions(uint256 planId, bool vouchers, uint256 dailyLimit) external {
        Tab storage tab = _tabs[planId][msg.sender];
        if (tab.balance != 0) revert Errors.UsageEscrow_BalanceNotZero(planId, msg.sender, tab.balance);
        if (dailyLimit > type(uint32).max) {
            revert Errors.UsageEscrow_LimitTooHigh(dailyLimit, type(uint32).max);
        }
        tab.flags = vouchers ? VOUCHERS : 0;
        tab.dailyLimit = uint32(dailyLimit);
        emit TabOptionsSet(planId, msg.sender, vouchers, dailyLimit);
    }

    /// @inheritdoc IUsageEscrow
    function setWithdrawalDelay(uint256 duration) external {
        if (msg.sender != _governance) revert Errors.UsageEscrow_NotGovernance(msg.sender, _governance);
        _setWithdrawalDelay(duration);
    }

    // ----------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IUsageEscrow
    function tabOf(uint256 planId, address payer) external view returns (Tab memory tab) {
        return _tabs[planId][payer];
    }

    /// @inheritdoc IUsageEscrow
    function spendableOf(uint256 planId, address payer) external view returns (uint256) {
        Tab storage tab = _tabs[planId][payer];
        return tab.withdrawAt == 0 ? tab.balance : 0;
    }

    /// @inheritdoc IUsageEscrow
    function voucherDigest(address payer, uint256 planId, uint256 cumulativeUnits) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, payer, planId, cumulativeUnits)));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC165, IERC165) returns (bool) {
        return interfaceId == type(IERC1155Receiver).interfaceId || interfaceId == type(IUsageEscrow).interfaceId
            || super.supportsInterface(interfaceId);
    }

    // --------------------------------------------------------------------------------------------------- private

    /// @dev No guard: the units are here already, and nothing is called. A mint names its payer in `data`; `AccessToken`
    /// writes that only for `Then.Deposit`.
    function _deposit(uint256 planId, uint256 units, address from, bytes calldata data) private {
        if (!planId.isKind(PlanKind.Metered)) revert Errors.UsageEscrow_NotMetered(planId);
        if (units == 0) return;
        address payer = from;
        if (from == address(0)) {
            if (data.length != 32) revert Errors.UsageEscrow_MintNotDeposit(planId);
            payer = abi.decode(data, (address));
        }
        Tab storage tab = _tabs[planId][payer];
        uint256 balance = tab.balance + units;
        tab.balance = balance.toUint64();
        emit Deposited(planId, payer, units, balance);
    }

    function _settleEntry(uint256 planId, Entry calldata entry, bool ended) private returns (uint256 units) {
        Tab memory tab = _tabs[planId][entry.payer];
        uint256 day = uint16(block.timestamp / 1 days);
        if (tab.day != day) tab.spent = 0;
        SkipReason reason = ended ? SkipReason.ServiceEnded : _skipReason(planId, entry, tab);
        if (reason != SkipReason.None) {
            emit SettlementSkipped(planId, entry.payer, msg.sender, entry.cumulativeUnits, reason);
            return 0;
        }
        // At most the balance, so the casts below lose nothing.
        units = entry.cumulativeUnits - tab.settled;
        tab.balance -= uint64(units);
        tab.settled = uint64(entry.cumulativeUnits);
        // Without a limit it may pass 32 bits; then it stays at the top, which is right for any limit set later that day.
        tab.spent = uint32(Math.min(tab.spent + units, type(uint32).max));
        tab.day = uint16(day);
        _tabs[planId][entry.payer] = tab;
        emit Settled(
            planId, entry.payer, msg.sender, units, tab.balance, tab.settled, tab.spent, day, entry.receiptsRoot
        );
    }

    function _skipReason(uint256 planId, Entry calldata entry, Tab memory tab) private view returns (SkipReason) {
        uint256 cumulative = entry.cumulativeUnits;
        if (cumulative <= tab.settled) return SkipReason.NothingNew;
        uint256 units = cumulative - tab.settled;
        if (units > tab.balance) return SkipReason.ExceedsBalance;
        if (tab.dailyLimit != 0 && tab.spent + units > tab.dailyLimit) return SkipReason.DailyLimit;
        if (tab.flags & VOUCHERS == 0) return SkipReason.None;
        return _voucherReason(planId, entry);
    }

    /// @dev A voucher is the units it covers (32 bytes), then the payer's signature.
    function _voucherReason(uint256 planId, Entry calldata entry) private view returns (SkipReason) {
        if (entry.voucher.length <= 32) return SkipReason.VoucherMissing;
        uint256 covered = uint256(bytes32(entry.voucher[:32]));
        if (covered < entry.cumulativeUnits) return SkipReason.VoucherTooSmall;
        bytes32 digest = voucherDigest(entry.payer, planId, covered);
        return _isSignedBy(entry.payer, digest, entry.voucher[32:]) ? SkipReason.None : SkipReason.VoucherInvalid;
    }

    /// @dev ECDSA first, because an account with delegated code (EIP-7702) still signs with its key.
    function _isSignedBy(address payer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == payer) return true;
        return payer.code.length != 0 && _walletAccepts(payer, digest, signature);
    }

    /// @dev A wallet may burn what it is given and answer at any length: it gets 100,000 gas, and 32 bytes are read.
    function _walletAccepts(address wallet, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool accepted)
    {
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        // A call gets at most 63 of 64 parts of what is left: with less, a good voucher would look bad.
        uint256 needed = SIGNATURE_GAS * 64 / 63 + 5_000;
        if (gasleft() < needed) revert Errors.UsageEscrow_GasTooLow(gasleft(), needed);
        bytes32 magic = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            mstore(0x00, 0)
            let success := staticcall(SIGNATURE_GAS, wallet, add(data, 0x20), mload(data), 0x00, 0x20)
            accepted := and(and(success, gt(returndatasize(), 31)), eq(mload(0x00), magic))
        }
    }

    function _setWithdrawalDelay(uint256 duration) private {
        if (duration < _minWithdrawalDelay || duration > _maxWithdrawalDelay) {
            revert Errors.UsageEscrow_DelayOutOfBounds(duration, _minWithdrawalDelay, _maxWithdrawalDelay);
        }
        withdrawalDelay = duration;
        emit ParameterSet("withdrawalDelay", duration);
    }

    /// @dev A retired service settles for the withdrawal delay; then every tab is free to leave.
    function _isEnded(uint256 retiredAt) private view returns (bool) {
        return retiredAt != 0 && block.timestamp > retiredAt + withdrawalDelay;
    }

    function _requireReady(uint256 planId, Tab storage tab) private view {
        uint256 withdrawAt = tab.withdrawAt;
        if (withdrawAt != 0 && block.timestamp >= withdrawAt) return;
        if (!_isEnded(_registry.retiredAtOf(planId.serviceOf()))) revert Errors.UsageEscrow_NotReady(planId, msg.sender, withdrawAt);
    }

    function _requireAccessToken() private view {
        if (msg.sender != address(_accessToken)) {
            revert Errors.UsageEscrow_NotAccessToken(msg.sender, address(_accessToken));
        }
    }
}
