// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Sale} from "../libraries/SaleWord.sol";

/// @notice What a service offers.
enum ServiceKind {
    Model,
    Dataset,
    Compute,
    Agent
}

/// @notice Life of a service: `Paused` makes no new sales, `Retired` is final.
enum ServiceStatus {
    Active,
    Paused,
    Retired
}

/// @notice What consuming a unit means; the lowest two bits of every plan id.
enum PlanKind {
    Pass,
    Timed,
    Metered
}

/// @notice What happens to bought units in the same transaction.
enum Then {
    Hold,
    Activate,
    Deposit
}

/// @notice What a rate card's measures count.
enum Measure {
    Tokens,
    KiB,
    Rows,
    Seconds
}

/// @notice Why an entry of a settlement was left out.
enum SkipReason {
    None,
    NothingNew,
    ExceedsBalance,
    DailyLimit,
    VoucherMissing,
    VoucherTooSmall,
    VoucherInvalid,
    ServiceEnded
}

/// @notice A service this one is derived from, and its part of every release.
/// @param serviceId id of the upstream service, smaller than the id of the derived one
/// @param bps part of the gross release in hundredths of a per cent
struct Upstream {
    uint40 serviceId;
    uint16 bps;
}

/// @notice A service as the registry keeps it; a sale touches the first slot only, a settlement the second only.
/// @param bond EMP base units bonded, unbonding ones included
/// @param unbonding EMP base units on their way out: they do not count for sales, they can be slashed
/// @param kind what is offered
/// @param status whether it sells
/// @param lastSale unix time of the last sale of any of its plans
/// @param meter key that may settle its usage
/// @param previousMeterUntil unix time in seconds; 0 where no key was replaced
/// @param retiredAt unix time of retirement; 0 while not retired
/// @param previousMeter replaced key, may settle what it served until `previousMeterUntil`
/// @param unbondRequestedAt unix time of the request; 0 without one
/// @param challengeUntil unix time a sign of life is due; 0 without a challenge
/// @param challenger who put up the challenge deposit
/// @param challengeDeposit EMP base units of that deposit
/// @param openDisputes disputes not resolved yet; while above 0 no bond leaves
/// @param underbondedSince unix time of `flagUnderbonded`; 0 while not flagged
/// @param contentHash keccak256 of the metadata document
struct Service {
    uint96 bond;
    uint96 unbonding;
    ServiceKind kind;
    ServiceStatus status;
    uint40 lastSale;
    // slot 1
    address meter;
    uint40 previousMeterUntil;
    uint40 retiredAt;
    // slot 2
    address previousMeter;
    uint40 unbondRequestedAt;
    uint40 challengeUntil;
    // slot 3
    address challenger;
    uint96 challengeDeposit;
    // slots 4 and 5
    uint32 openDisputes;
    uint40 underbondedSince;
    bytes32 contentHash;
}

/// @notice What the registry is deployed with.
/// @param minBond EMP base units a service must have bonded to sell, above 0
/// @param unbondCooldown seconds a bond waits after its request and the last sale
/// @param minUnbondCooldown shortest cooldown governance may set
/// @param maxUnbondCooldown longest cooldown governance may set
/// @param flagPeriod seconds an under-bonded service has before anybody may retire it
/// @param challengePeriod seconds a challenged service has to answer
/// @param challengeDeposit EMP base units a challenge deposits
struct RegistrySettings {
    uint256 minBond;
    uint256 unbondCooldown;
    uint256 minUnbondCooldown;
    uint256 maxUnbondCooldown;
    uint256 flagPeriod;
    uint256 challengePeriod;
    uint256 challengeDeposit;
}

/// @notice The terms of a plan; they never change.
/// @param kind Pass, Timed or Metered
/// @param transferable whether units move between accounts; a plan that is not is soulbound
/// @param refundable whether unconsumed units return their price; never for a Pass
/// @param measure what the rate card counts
/// @param currency index in the table of currencies
/// @param royaltyBps resale royalty, at most 2,500
/// @param unitPrice base units of the currency for one unit
/// @param period seconds of access in one unit: 1 hour to 3,650 days for Timed, 0 otherwise
/// @param supplyCap units ever sold less refunded, at most 2**63 - 2; 0 is no cap
/// @param accountCap units one account can ever buy, less than 2**64; 0 is no cap
/// @param saleStart unix time sales open to everybody
/// @param earlySeconds how long before `saleStart` stakers may buy
/// @param earlyScore staking score of the payer that early access asks for
/// @param limitsHash keccak256 of the limits document (rates, concurrency, context); 0 for none
/// @param perRequest micro-credits a request
/// @param perUnitIn micro-credits a measure in
/// @param perUnitOut micro-credits a measure out
struct PlanTerms {
    PlanKind kind;
    bool transferable;
    bool refundable;
    Measure measure;
    uint8 currency;
    uint16 royaltyBps;
    uint96 unitPrice;
    uint32 period;
    uint64 supplyCap;
    uint64 accountCap;
    uint40 saleStart;
    uint32 earlySeconds;
    uint112 earlyScore;
    bytes32 limitsHash;
    uint64 perRequest;
    uint64 perUnitIn;
    uint64 perUnitOut;
}

/// @notice Counters of a plan beside their caps; exactly one storage slot.
/// @param supply units that exist
/// @param sold units ever sold less refunded
/// @param supplyCap as in `PlanTerms`, 2**63 - 1 for none
/// @param accountCap as in `PlanTerms`
struct PlanCount {
    uint64 supply;
    uint64 sold;
    uint64 supplyCap;
    uint64 accountCap;
}

/// @notice A plan as `AccessToken` keeps it: a sale touches slots 0 and 1, the rest is seldom read.
/// @param sale packed terms that sales and releases read
/// @param count its counters
/// @param earlyScore as in `PlanTerms`
/// @param perRequest as in `PlanTerms`
/// @param perUnitIn as in `PlanTerms`
/// @param measure as in `PlanTerms`
/// @param perUnitOut as in `PlanTerms`
/// @param limitsHash as in `PlanTerms`
struct Plan {
    Sale sale;
    PlanCount count;
    // slot 2
    uint112 earlyScore;
    uint64 perRequest;
    uint64 perUnitIn;
    Measure measure;
    // slots 3 and 4
    uint64 perUnitOut;
    bytes32 limitsHash;
}

/// @notice What an account has in a plan beside its balance; one storage slot.
/// @param accessUntil unix time its access ends
/// @param lastPaidUse unix time it last bought a Pass, activated or consumed a unit of price above 0
/// @param bought units it ever bought, counted where the plan has an account cap
struct PlanAccount {
    uint40 accessUntil;
    uint40 lastPaidUse;
    uint64 bought;
}

/// @notice A line of the table of currencies; one storage slot.
/// @param token the ERC-20
/// @param open whether new plans and sales may use it
/// @param pausedUntil unix time until which no plan of it sells: the guardian's pause, kept where a sale reads anyway
struct Currency {
    address token;
    bool open;
    uint40 pausedUntil;
}

/// @notice What a holder of shares has earned in one service and currency; one storage slot.
/// @param owed millionths of a base unit owed up to `checkpoint`, at most 1,000,000 * 2**108
/// @param checkpoint total distributed when the account was last brought up to date
struct ShareAccount {
    uint128 owed;
    uint128 checkpoint;
}

/// @notice A purchase as it was asked for.
/// @param planId the plan
/// @param units how many
/// @param payer who pays
/// @param recipient who gets them
/// @param maxCost most base units to pay
/// @param deadline unix time after which it is refused
/// @param then what to do with them at once
struct Order {
    uint256 planId;
    uint256 units;
    address payer;
    address recipient;
    uint256 maxCost;
    uint256 deadline;
    Then then;
}

/// @notice One payer's line in a settlement.
/// @param payer owner of the tab
/// @param cumulativeUnits credits used in the life of the tab, this settlement included
/// @param receiptsRoot Merkle root of the receipts this line settles
/// @param voucher where the tab demands one: the units it covers as 32 bytes, then the payer's EIP-712 `UsageVoucher`
/// signature over them; else empty
struct Entry {
    address payer;
    uint256 cumulativeUnits;
    bytes32 receiptsRoot;
    bytes voucher;
}

/// @notice Deposited credits of one payer in one plan; exactly one storage slot.
/// @param balance credits deposited and not settled
/// @param settled credits settled in the life of the tab
/// @param withdrawAt unix time a withdrawal is ready; 0 without a request
/// @param flags bit 0: vouchers are demanded
/// @param dailyLimit credits that may settle in a UTC day; 0 for none
/// @param spent credits settled on `day`
/// @param day UTC day of the last settlement (unix time / 86,400), modulo 2**16
struct Tab {
    uint64 balance;
    uint64 settled;
    uint40 withdrawAt;
    uint8 flags;
    uint32 dailyLimit;
    uint32 spent;
    uint16 day;
}

/// @notice A lock in the staking vault; exactly one storage slot.
/// @param amount EMP base units locked
/// @param score amount times the multiplier of its duration; 0 once expired
/// @param end unix time the lock ends
struct Position {
    uint96 amount;
    uint112 score;
    uint40 end;
}

/// @notice An offer of access units or shares at a fixed unit price.
/// @param seller who holds the tokens until they are filled
/// @param expiry unix time after which it cannot be filled
/// @param currency index in the table of currencies
/// @param token `AccessToken` or `RevenueShares`
/// @param unitPrice base units of the currency for one unit
/// @param id ERC-1155 id
/// @param units units still offered
struct Listing {
    address seller;
    uint40 expiry;
    uint8 currency;
    address token;
    uint96 unitPrice;
    uint256 id;
    uint256 units;
}

/// @notice Periods of the staking vault, fixed at deployment: on mainnet 7 days, 365 days and 7 days.
/// @param minDuration seconds of the shortest lock, whose multiplier is 1.0
/// @param maxDuration seconds of the longest lock, whose multiplier is 4.0
/// @param streamDuration seconds over which flushed rewards are paid out, below 2**20
struct VaultSettings {
    uint40 minDuration;
    uint40 maxDuration;
    uint40 streamDuration;
}

/// @notice A linear vesting of the distributor; it never changes.
/// @param beneficiary who gets it
/// @param amount EMP base units in all
/// @param start unix time it begins
/// @param duration seconds it takes
struct Vesting {
    address beneficiary;
    uint96 amount;
    uint40 start;
    uint40 duration;
}

/// @notice How a dispute stands.
enum DisputeOutcome {
    Open,
    Upheld,
    Rejected,
    NoQuorum
}

/// @notice A claim against a provider's bond.
/// @param claimant who opened it
/// @param opened unix time; votes count as they were a second before
/// @param votingEnds unix time voting ends
/// @param outcome how it stands
/// @param serviceId the service whose bond is claimed
/// @param bond EMP base units the claimant put up
/// @param amount EMP base units claimed
/// @param quorum votes that must be cast, fixed when it was opened
/// @param votesFor votes to uphold it
/// @param votesAgainst votes to reject it
struct Dispute {
    address claimant;
    uint40 opened;
    uint40 votingEnds;
    DisputeOutcome outcome;
    uint40 serviceId;
    uint96 bond;
    uint96 amount;
    uint112 quorum;
    uint112 votesFor;
    uint112 votesAgainst;
}

/// @notice Parameters of the court at deployment; on mainnet 5 days within 2 to 14, 30 days of use, 400 bps.
/// @param minBond EMP base units, the least a claimant puts up
/// @param votingPeriod seconds
/// @param minVotingPeriod least `votingPeriod` governance can set
/// @param maxVotingPeriod most `votingPeriod` governance can set
/// @param usePeriod seconds a paid use gives the right to open a dispute
/// @param quorumBps part of the total score that must vote, 200 to 2,000
/// @param minQuorum votes that must be cast however small the total is; at least 1% of the supply of EMP
struct CourtSettings {
    uint96 minBond;
    uint40 votingPeriod;
    uint40 minVotingPeriod;
    uint40 maxVotingPeriod;
    uint40 usePeriod;
    uint16 quorumBps;
    uint112 minQuorum;
}

/// @notice Parameters of the governor at deployment.
/// @param votingDelay seconds between a proposal and its vote
/// @param votingPeriod seconds of a vote
/// @param proposalThreshold score that may propose
/// @param quorumBps part of the total score that must vote, 200 to 2,000
/// @param minQuorum votes that must be cast however small the total is; at least 1% of the supply of EMP
struct GovernanceSettings {
    uint48 votingDelay;
    uint32 votingPeriod;
    uint256 proposalThreshold;
    uint256 quorumBps;
    uint256 minQuorum;
}
