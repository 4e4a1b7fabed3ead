// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {Entry, SkipReason, Tab} from "../types/DataTypes.sol";

/// @title Tabs of deposited credits, settled by the service's meter
/// @notice A deposit is the spending limit: nobody can be charged more than they deposited. WARNING: without vouchers a
/// dishonest meter can take what is deposited.
interface IUsageEscrow is IERC1155Receiver {
    /// @notice Credits were deposited; `balance` is the tab's new one.
    event Deposited(uint256 indexed planId, address indexed payer, uint256 units, uint256 balance);
    /// @notice One line was settled; `settled` is the tab's new total, `spent` that of UTC day `day`.
    event Settled(
        uint256 indexed planId,
        address indexed payer,
        address indexed meter,
        uint256 units,
        uint256 balance,
        uint256 settled,
        uint256 spent,
        uint256 day,
        bytes32 receiptsRoot
    );
    /// @notice One line was left out.
    event SettlementSkipped(
        uint256 indexed planId, address indexed payer, address indexed meter, uint256 cumulativeUnits, SkipReason reason
    );
    /// @notice A withdrawal was asked for; until then and after, the tab gives no access. `withdrawAt` 0: taken back.
    event WithdrawalSet(uint256 indexed planId, address indexed payer, address indexed actor, uint256 withdrawAt);
    /// @notice Unsettled credits left.
    event Withdrawn(
        uint256 indexed planId, address indexed payer, address indexed to, uint256 units, uint256 balance
    );
    /// @notice The payer set the options of its tab.
    event TabOptionsSet(uint256 indexed planId, address indexed payer, bool vouchers, uint256 dailyLimit);
    /// @notice A parameter was set by governance.
    event ParameterSet(bytes32 indexed name, uint256 value);

    /// @notice Deposits credits the caller holds and approved.
    /// @param planId a Metered plan
    /// @param units how many, above 0
    function deposit(uint256 planId, uint256 units) external;

    /// @notice Settles usage of many payers of one plan. Meter of the plan's service only. A bad entry is skipped and says
    /// why; the good ones are consumed in one total.
    /// @param planId the plan
    /// @param entries cumulative for the life of each tab, so that repeating or reordering changes nothing
    /// @return consumed credits settled now
    function settle(uint256 planId, Entry[] calldata entries) external returns (uint256 consumed);

    /// @notice Asks to withdraw the caller's tab; ready after `withdrawalDelay`.
    /// @param planId the plan
    function requestWithdrawal(uint256 planId) external;

    /// @notice Takes the caller's request back.
    /// @param planId the plan
    function cancelWithdrawal(uint256 planId) external;

    /// @notice Makes a requested withdrawal ready at once. Meter only.
    /// @param planId the plan
    /// @param payer owner of the tab
    function close(uint256 planId, address payer) external;

    /// @notice Takes out what is unsettled, once ready (or once the service is retired for the withdrawal delay).
    /// @param planId the plan
    /// @param to who gets the credits; soulbound credits return only to the payer
    function withdraw(uint256 planId, address to) external;

    /// @notice Sets the options of the caller's tab while its balance is 0.
    /// @param planId the plan
    /// @param vouchers whether settlements need the payer's signed voucher
    /// @param dailyLimit credits a UTC day; 0 for none
    function setTabOptions(uint256 planId, bool vouchers, uint256 dailyLimit) external;

    /// @notice Sets the withdrawal delay. Governance only.
    /// @param duration seconds, 1 hour to 7 days unless the devnet's bounds say otherwise
    function setWithdrawalDelay(uint256 duration) external;

    /// @notice A tab.
    /// @param planId the plan
    /// @param payer its owner
    /// @return tab the record
    function tabOf(uint256 planId, address payer) external view returns (Tab memory tab);

    /// @notice Credits that give access: the balance, 0 while a withdrawal is requested.
    /// @param planId the plan
    /// @param payer the tab's owner
    function spendableOf(uint256 planId, address payer) external view returns (uint256);

    /// @notice Digest a payer signs: EIP-712 `UsageVoucher(address payer,uint256 planId,uint256 cumulativeUnits)`.
    /// @param payer the tab's owner
    /// @param planId the plan
    /// @param cumulativeUnits credits covered in the life of the tab
    function voucherDigest(address payer, uint256 planId, uint256 cumulativeUnits) external view returns (bytes32);

    /// @notice Seconds a withdrawal waits.
    function withdrawalDelay() external view returns (uint256);
}
