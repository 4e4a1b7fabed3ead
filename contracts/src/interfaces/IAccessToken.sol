// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {PlanTerms, Then} from "../types/DataTypes.sol";

/// @title ERC-1155 of plans: one token of a plan is one unit, backed by its price until it is consumed
interface IAccessToken is IERC1155 {
    /// @notice A plan was created; `feeBps` is the protocol fee it keeps for good.
    event PlanCreated(
        uint256 indexed planId, uint256 indexed serviceId, address indexed provider, PlanTerms terms, uint256 feeBps
    );
    /// @notice The holder opened or closed sales.
    event SaleOpenSet(uint256 indexed planId, address indexed provider, bool open);
    /// @notice Units were bought. `supply` is what exists now, `sold` what was ever sold less refunded,
    /// `bought` what this payer ever bought where the plan has an account cap, else 0.
    event Bought(
        uint256 indexed planId,
        address indexed payer,
        address indexed recipient,
        uint256 units,
        uint256 cost,
        Then then,
        uint256 supply,
        uint256 sold,
        uint256 bought
    );
    /// @notice Timed units were burnt for access (also by buying with `Then.Activate`).
    event Activated(
        uint256 indexed planId,
        address indexed holder,
        address indexed beneficiary,
        uint256 units,
        uint256 accessUntil,
        uint256 supply
    );
    /// @notice Metered units were burnt and their backing released (by their holder, or by settlement from the escrow).
    event Consumed(uint256 indexed planId, address indexed holder, uint256 units, uint256 supply);
    /// @notice Units were burnt and their price returned.
    event Refunded(
        uint256 indexed planId,
        address indexed holder,
        address indexed to,
        uint256 units,
        uint256 amount,
        uint256 supply,
        uint256 sold
    );
    /// @notice A currency joined the table.
    event CurrencyAdded(uint256 indexed index, address indexed token);
    /// @notice A currency was closed or reopened for new plans and sales.
    event CurrencyOpenSet(uint256 indexed index, bool open);
    /// @notice Sales are paused until `until`.
    event SalesPaused(address indexed guardian, uint256 until);
    /// @notice A parameter was set by governance.
    event ParameterSet(bytes32 indexed name, uint256 value);

    /// @notice Creates a plan. Holder of the service only.
    /// @param serviceId the service
    /// @param terms the terms, which never change
    /// @return planId serviceId << 20 | index << 4 | transferable << 2 | kind
    function createPlan(uint256 serviceId, PlanTerms calldata terms) external returns (uint256 planId);

    /// @notice Opens or closes sales of a plan. Holder of the service only.
    /// @param planId the plan
    /// @param open whether it sells
    function setSaleOpen(uint256 planId, bool open) external;

    /// @notice Buys units with an allowance of the plan's currency. With `then` other than Hold, and for a plan with an
    /// account cap, the recipient must be the caller.
    /// @param planId the plan
    /// @param units how many, above 0
    /// @param recipient who gets them
    /// @param maxCost most base units to pay, else it reverts
    /// @param deadline unix time after which it reverts
    /// @param then what to do with them at once
    function buy(uint256 planId, uint256 units, address recipient, uint256 maxCost, uint256 deadline, Then then)
        external;

    /// @notice Buys with an ERC-2612 permit over `maxCost` and the same deadline; a permit already used by somebody else
    /// does not make it fail.
    /// @param planId the plan
    /// @param units how many, above 0
    /// @param recipient who gets them
    /// @param maxCost most base units to pay, and the permit's value
    /// @param deadline unix time, and the permit's deadline
    /// @param then what to do with them at once
    /// @param v signature part
    /// @param r signature part
    /// @param s signature part
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
    ) external;

    /// @notice Buys for `payer` with an EIP-3009 `receiveWithAuthorization` over `maxCost`, valid until `deadline`, whose
    /// nonce is keccak256(abi.encode(chainid, AccessToken, planId, units, recipient, then, maxCost, deadline, salt)); what
    /// is over the cost returns to the payer. Anybody may relay it.
    /// @param payer who signed and pays
    /// @param planId the plan
    /// @param units how many, above 0
    /// @param recipient who gets them
    /// @param maxCost base units authorised
    /// @param deadline unix time
    /// @param then what to do with them at once
    /// @param salt makes the order unique
    /// @param signature 65 bytes, or what an ERC-1271 wallet gives
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
    ) external;

    /// @notice Burns Timed units of the caller: access of the beneficiary grows by units * period from the later of now and
    /// what it had. Soulbound units only for their holder.
    /// @param planId a Timed plan
    /// @param units how many, above 0
    /// @param beneficiary who gets access
    function activate(uint256 planId, uint256 units, address beneficiary) external;

    /// @notice Burns Metered units of the caller and releases their backing; anybody may, the escrow does.
    /// @param planId a Metered plan
    /// @param units how many, above 0
    function consume(uint256 planId, uint256 units) external;

    /// @notice Burns units of the caller and returns units * price, where the plan is refundable or the service is Retired;
    /// never for a Pass.
    /// @param planId the plan
    /// @param units how many, above 0
    /// @param to who gets the money
    function refund(uint256 planId, uint256 units, address to) external;

    /// @notice Adds a currency; at most 8, supply at most 2**108 base units. Governance only.
    /// @param token an ERC-20 that neither charges on transfer nor rebases
    /// @return index its place in the table
    function addCurrency(address token) external returns (uint256 index);

    /// @notice Closes or reopens a currency for new plans and sales. Governance only.
    /// @param index its place in the table
    /// @param open whether it sells
    function setCurrencyOpen(uint256 index, bool open) external;

    /// @notice Sets the protocol fee of new plans. Governance only.
    /// @param bps at most 1,000
    function setFeeBps(uint256 bps) external;

    /// @notice Pauses sales for 30 days; not again for 30 days after. Guardian only.
    function pauseSales() external;

    /// @notice The whole gate on chain.
    /// @param planId the plan
    /// @param account who asks for access
    /// @return units Pass: units held; Metered: credits deposited, 0 while a withdrawal is requested; Timed: 0
    /// @return until Timed: unix time access ends; else 0
    function accessOf(uint256 planId, address account) external view returns (uint256 units, uint256 until);

    /// @notice The terms of a plan.
    /// @param planId the plan
    /// @return terms as created
    function termsOf(uint256 planId) external view returns (PlanTerms memory terms);

    /// @notice Counters of a plan.
    /// @param planId the plan
    /// @return supply units that exist
    /// @return sold units ever sold less refunded
    /// @return saleOpen whether its holder lets it sell
    /// @return feeBps protocol fee it keeps
    function planState(uint256 planId)
        external
        view
        returns (uint256 supply, uint256 sold, bool saleOpen, uint256 feeBps);

    /// @notice What an account has in a plan beside its balance.
    /// @param planId the plan
    /// @param account the account
    /// @return accessUntil unix time its access ends
    /// @return lastPaidUse unix time it last bought a Pass, activated or consumed a unit of price above 0; settlements are
    /// kept by the escrow
    /// @return bought units it ever bought, counted where the plan has an account cap, else 0
    function accountOf(uint256 planId, address account)
        external
        view
        returns (uint256 accessUntil, uint256 lastPaidUse, uint256 bought);

    /// @notice Money that stands behind the unconsumed units of a plan: supply * price; 0 for a Pass.
    /// @param planId the plan
    /// @return amount base units of its currency
    function backingOf(uint256 planId) external view returns (uint256 amount);

    /// @notice A line of the table of currencies.
    /// @param index its place
    /// @return token the ERC-20
    /// @return open whether new plans and sales may use it
    function currencyOf(uint256 index) external view returns (address token, bool open);

    /// @notice Length of the table of currencies.
    function currencyCount() external view returns (uint256);

    /// @notice Whether one of the guarded functions is running: while it is, money on its way to the shares is being counted.
    function isEntered() external view returns (bool);

    /// @notice Protocol fee of plans created now, in hundredths of a per cent.
    function feeBps() external view returns (uint256);
}
