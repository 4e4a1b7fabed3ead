// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IStakingVault} from "./interfaces/IStakingVault.sol";
import {Errors} from "./libraries/Errors.sol";
import {Position, VaultSettings} from "./types/DataTypes.sol";

/// @dev See {IStakingVault}.
///
/// Rewards in one paragraph. The clock runs only while somebody has a score. Whenever the total score changes, or a stream
/// begins, the index of every live currency first takes what streamed since (`_advance`); a claim only reads. So an index is a
/// function of the events alone and can be rebuilt from them. No reentrancy guard: EMP has no hooks, and `claim`, the only
/// function that calls other tokens, has done all its effects before the first of them hears of it.
contract StakingVault is IStakingVault, ERC165, Votes {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev One slot. The supply of EMP fits 96 bits and a score is at most 4 times its amount: neither sum can overflow.
    struct Totals {
        uint104 score;
        uint96 locked;
        uint40 updatedAt; // unix time the streams were advanced to
        uint8 live; // bit i: currency i was streamed once
    }

    /// @dev One slot.
    struct Account {
        uint112 score;
        uint40 positions; // ever made
    }

    /// @dev One slot. `index` is base units a score, scaled by 1e30, modulo 2**128: a wrap between two touches of an account
    /// pays it less, never more. `pending` is what has not streamed yet << 20 | seconds left.
    struct Stream {
        uint128 index;
        uint128 pending;
    }

    /// @dev One slot. `owed` is in millionths of a base unit, at the last touch, when the index stood at `index`.
    struct Rewards {
        uint128 index;
        uint128 owed;
    }

    /// @dev One slot. The clock shows the seconds since deployment less `idle`, those without any score.
    struct Clock {
        uint40 idle;
        uint8 empCurrencyPlusOne; // 0: EMP was never streamed
    }

    uint256 private constant INDEX_SCALE = 1e30;
    uint256 private constant OWED_SCALE = 1e6;
    uint256 private constant MIN_AMOUNT = 1e18;
    uint256 private constant MULTIPLIER_RISE = 3; // from 1.0x to 4.0x
    uint256 private constant LEFT_BITS = 20;
    uint256 private constant LEFT_MASK = 2 ** LEFT_BITS - 1;
    uint256 private constant MAX_CURRENCIES = 8;

    IERC20 private immutable _emp;
    IAccessToken private immutable _accessToken;
    address private immutable _shares;
    uint256 private immutable _minDuration;
    uint256 private immutable _maxDuration;
    uint256 private immutable _streamDuration;

    Totals private _totals;
    Clock private _clock;
    mapping(address owner => Account) private _accounts;
    mapping(address owner => mapping(uint256 index => Position)) private _positions;
    mapping(address owner => mapping(uint256 currency => Rewards)) private _rewards;
    mapping(uint256 currency => Stream) private _streams;
    mapping(uint256 currency => address) private _tokens; // copied at the first stream, the table is append-only

    constructor(address emp, address accessToken, address shares, VaultSettings memory settings)
        EIP712("Emporion Staking Vault", "1")
    {
        if (settings.minDuration == 0 || settings.minDuration >= settings.maxDuration) {
            revert Errors.StakingVault_BadDurations(settings.minDuration, settings.maxDuration);
        }
        if (settings.streamDuration == 0 || settings.streamDuration > LEFT_MASK) {
            revert Errors.StakingVault_BadStreamDuration(settings.streamDuration, LEFT_MASK);
        }
        _emp = IERC20(emp);
        _accessToken = IAccessToken(accessToken);
        _shares = shares;
        _minDuration = settings.minDuration;
        _maxDuration = settings.maxDuration;
        _streamDuration = settings.streamDuration;
        _totals.updatedAt = uint40(block.timestamp);
        _clock.idle = uint40(block.timestamp);
    }

    /// @inheritdoc IStakingVault
    function lock(uint256 amount, uint256 duration) external returns (uint256 index) {
        return _lock(amount, duration);
    }

    /// @inheritdoc IStakingVault
    function lockWithPermit(uint256 amount, uint256 duration, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 index)
    {
        // Whoever sees the permit may use it first; then the allowance is there, and without one the transfer reverts.
        try IERC20Permit(address(_emp)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _lock(amount, duration);
    }

    /// @inheritdoc IStakingVault
    function increase(uint256 index, uint256 amount) external {
        // Check.
        if (amount == 0) revert Errors.StakingVault_ZeroAmount();
        uint256 score = scoreDown(amount, _requireRunning(msg.sender, index));

        // Effect.
        _grow(_touch(msg.sender), index, amount, score, false);

        // Interaction: EMP charges nothing on transfer, so what arrives is the amount.
        _emp.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IStakingVault
    function extend(uint256 index, uint256 duration) external {
        // Check.
        _requireDuration(duration);
        Position memory position = _requirePosition(msg.sender, index);
        uint256 end = block.timestamp + duration;
        if (end < position.end) revert Errors.StakingVault_EndBeforeOld(end, position.end);
        uint256 score = scoreDown(position.amount, duration);
        bool ended = block.timestamp >= position.end;
        if (!ended && score < position.score) revert Errors.StakingVault_ScoreWouldFall(score, position.score);

        // Effect: an ended position loses its score before it gets a new one.
        if (ended) {
            _expire(msg.sender, index);
            position.score = 0;
        }
        Totals memory totals = _touch(msg.sender);
        _positions[msg.sender][index] = Position(position.amount, score.toUint112(), end.toUint40());
        _book(msg.sender, totals, position.score, score);
        emit Extended(msg.sender, index, position.amount, score, end, totals.score);
    }

    /// @inheritdoc IStakingVault
    function compound(uint256 index) external {
        // Check: nothing earned moves nothing and says nothing.
        uint256 left = _requireRunning(msg.sender, index);
        uint256 currencyPlusOne = _clock.empCurrencyPlusOne;
        if (currencyPlusOne == 0) return;
        uint256 amount = claimable(msg.sender, currencyPlusOne - 1);
        if (amount == 0) return;

        // Effect: the rewards leave the account and join its position; the EMP is here already.
        Totals memory totals = _touch(msg.sender);
        _rewards[msg.sender][currencyPlusOne - 1].owed -= (amount * OWED_SCALE).toUint128();
        emit RewardsClaimed(msg.sender, address(this), currencyPlusOne - 1, amount, true);
        _grow(totals, index, amount, scoreDown(amount, left), true);
    }

    /// @inheritdoc IStakingVault
    function expire(address[] calldata owners, uint256[] calldata indices) external {
        if (owners.length != indices.length) {
            revert Errors.StakingVault_LengthMismatch(owners.length, indices.length);
        }
        for (uint256 i; i < owners.length; ++i) {
            // Those that run, are expired or never were are passed over: one of them must not spoil the list.
            if (block.timestamp >= _positions[owners[i]][indices[i]].end) _expire(owners[i], indices[i]);
        }
    }

    /// @inheritdoc IStakingVault
    function unlock(uint256 index, address to) external {
        // Check.
        Position memory position = _requirePosition(msg.sender, index);
        if (block.timestamp < position.end) revert Errors.StakingVault_StillLocked(position.end, block.timestamp);

        // Effect.
        _expire(msg.sender, index);
        delete _positions[msg.sender][index];
        _totals.locked -= position.amount;
        emit Unlocked(msg.sender, index, to, position.amount, _totals.score);

        // Interaction.
        _emp.safeTransfer(to, position.amount);
    }

    /// @inheritdoc IStakingVault
    function claim(uint256[] calldata currencies, address to) external {
        // Check: none is needed. A currency that never streamed, or is named twice, has nothing to pay.
        // Effect: all of them, before any token is called.
        Totals memory totals = _totals;
        uint256 score = _accounts[msg.sender].score;
        uint256[] memory amounts = new uint256[](currencies.length);
        for (uint256 i; i < currencies.length; ++i) {
            amounts[i] = _take(msg.sender, to, score, currencies[i], totals);
        }

        // Interaction.
        for (uint256 i; i < currencies.length; ++i) {
            if (amounts[i] > 0) IERC20(_tokens[currencies[i]]).safeTransfer(to, amounts[i]);
        }
    }

    /// @inheritdoc IStakingVault
    function stream(uint256 currency, uint256 amount) external {
        // Check.
        if (msg.sender != _shares) revert Errors.StakingVault_NotShares(msg.sender, _shares);
        if (amount == 0) revert Errors.StakingVault_ZeroAmount();
        if (amount > type(uint128).max >> LEFT_BITS) {
            revert Errors.StakingVault_StreamTooLarge(amount, type(uint128).max >> LEFT_BITS);
        }
        if (streaming(currency)) revert Errors.StakingVault_StreamRunning(currency);

        // Effect.
        if (_tokens[currency] == address(0)) _open(currency);
        Totals memory totals = _advance();
        totals.live |= uint8(1 << currency);
        _totals = totals;
        _streams[currency].pending = uint128(amount << LEFT_BITS | _streamDuration); // fits by the check above
        uint256 clockNow = block.timestamp - _clock.idle;
        emit RewardsStreamed(currency, msg.sender, amount, clockNow, clockNow + _streamDuration);
    }

    /// @inheritdoc IStakingVault
    function streaming(uint256 currency) public view returns (bool) {
        return _streams[currency].pending & LEFT_MASK > _elapsed(_totals);
    }

    /// @inheritdoc IStakingVault
    function positionOf(address owner, uint256 index) external view returns (Position memory position) {
        return _positions[owner][index];
    }

    /// @inheritdoc IStakingVault
    function positionCount(address owner) external view returns (uint256) {
        return _accounts[owner].positions;
    }

    /// @inheritdoc IStakingVault
    function scoreOf(address owner) external view returns (uint256) {
        return _accounts[owner].score;
    }

    /// @inheritdoc IStakingVault
    function totalScore() external view returns (uint256) {
        return _totals.score;
    }

    /// @inheritdoc IStakingVault
    function totalLocked() external view returns (uint256) {
        return _totals.locked;
    }

    /// @inheritdoc IStakingVault
    function claimable(address owner, uint256 currency) public view returns (uint256) {
        (, uint256 owed) = _owedDown(owner, _accounts[owner].score, currency, _totals);
        return owed / OWED_SCALE;
    }

    /// @inheritdoc IStakingVault
    function scoreDown(uint256 amount, uint256 duration) public view returns (uint256) {
        return amount + amount * MULTIPLIER_RISE * (duration - _minDuration) / (_maxDuration - _minDuration);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IStakingVault).interfaceId || interfaceId == type(IVotes).interfaceId
            || interfaceId == type(IERC6372).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Votes are counted in time, not blocks (ERC-6372).
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @dev As ERC-6372 words it.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _getVotingUnits(address account) internal view override returns (uint256) {
        return _accounts[account].score;
    }

    function _lock(uint256 amount, uint256 duration) private returns (uint256 index) {
        // Check.
        if (amount < MIN_AMOUNT) revert Errors.StakingVault_AmountTooSmall(amount, MIN_AMOUNT);
        _requireDuration(duration);

        // Effect.
        uint96 amount96 = amount.toUint96();
        uint256 score = scoreDown(amount, duration);
        uint256 end = block.timestamp + duration;
        index = _accounts[msg.sender].positions++;
        if (index == 0 && delegates(msg.sender) == address(0)) _delegate(msg.sender, msg.sender);
        Totals memory totals = _touch(msg.sender);
        totals.locked += amount96;
        _positions[msg.sender][index] = Position(amount96, uint112(score), end.toUint40()); // at most 4 * 2**96
        _book(msg.sender, totals, 0, score);
        emit Locked(msg.sender, index, amount, score, end, totals.score);

        // Interaction: EMP charges nothing on transfer, so what arrives is the amount.
        _emp.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev Adds to a running position of the caller.
    function _grow(Totals memory totals, uint256 index, uint256 added, uint256 score, bool compounded) private {
        Position memory position = _positions[msg.sender][index];
        position.amount += added.toUint96();
        position.score += score.toUint112();
        totals.locked += uint96(added);
        _positions[msg.sender][index] = position;
        _book(msg.sender, totals, 0, score);
        emit Increased(
            msg.sender, index, added, compounded, position.amount, position.score, position.end, totals.score
        );
    }

    /// @dev Takes the score of an ended position away, unless that was done; the caller has checked its end.
    function _expire(address owner, uint256 index) private {
        Position memory position = _positions[owner][index];
        if (position.score == 0) return;
        Totals memory totals = _touch(owner);
        _positions[owner][index].score = 0;
        _book(owner, totals, position.score, 0);
        emit Expired(owner, index, msg.sender, position.amount, totals.score);
    }

    /// @dev Before a score changes: what streamed so far is shared out by the scores as they were.
    function _touch(address owner) private returns (Totals memory totals) {
        totals = _advance();
        uint256 score = _accounts[owner].score;
        for (uint256 currency; totals.live >> currency != 0; ++currency) {
            if (totals.live >> currency & 1 == 0) continue;
            (uint128 index, uint256 owed) = _owedDown(owner, score, currency, totals);
            Rewards storage rewards = _rewards[owner][currency];
            if (rewards.index != index) (rewards.index, rewards.owed) = (index, uint128(owed));
        }
    }

    /// @dev Moves a score between an account, the total and the votes, and stores the totals.
    function _book(address owner, Totals memory totals, uint256 removed, uint256 added) private {
        totals.score = (totals.score + added - removed).toUint104();
        _totals = totals;
        _accounts[owner].score = (_accounts[owner].score + added - removed).toUint112();
        if (added > removed) _transferVotingUnits(address(0), owner, added - removed);
        else _transferVotingUnits(owner, address(0), removed - added);
    }

    /// @dev Moves the clock to now and every running stream with it. The caller stores the totals.
    function _advance() private returns (Totals memory totals) {
        totals = _totals;
        uint256 elapsed = _elapsed(totals);
        if (totals.score == 0 && block.timestamp > totals.updatedAt) {
            _clock.idle += uint40(block.timestamp) - totals.updatedAt;
        }
        for (uint256 currency; elapsed > 0 && totals.live >> currency != 0; ++currency) {
            Stream memory current = _streams[currency];
            if (current.pending != 0) _streams[currency] = _streamedDown(current, elapsed, totals.score);
        }
        totals.updatedAt = uint40(block.timestamp);
    }

    /// @dev Effect of a claim in one currency.
    function _take(address owner, address to, uint256 score, uint256 currency, Totals memory totals)
        private
        returns (uint256 amount)
    {
        (uint128 index, uint256 owed) = _owedDown(owner, score, currency, totals);
        amount = owed / OWED_SCALE;
        if (amount == 0) return 0;
        _rewards[owner][currency] = Rewards(index, uint128(owed % OWED_SCALE));
        emit RewardsClaimed(owner, to, currency, amount, false);
    }

    /// @dev Makes a currency live: remembers its token, and which one is EMP.
    function _open(uint256 currency) private {
        (address token,) = _accessToken.currencyOf(currency);
        if (token == address(0) || currency >= MAX_CURRENCIES) revert Errors.StakingVault_UnknownCurrency(currency);
        _tokens[currency] = token;
        if (token == address(_emp)) _clock.empCurrencyPlusOne = uint8(currency) + 1;
    }

    /// @dev Seconds the streams have run since they were advanced: none while nobody has a score.
    function _elapsed(Totals memory totals) private view returns (uint256) {
        return totals.score == 0 ? 0 : block.timestamp - totals.updatedAt;
    }

    /// @dev What an account is owed now, in millionths, and the index that says so.
    function _owedDown(address owner, uint256 score, uint256 currency, Totals memory totals)
        private
        view
        returns (uint128 index, uint256 owed)
    {
        index = _streamedDown(_streams[currency], _elapsed(totals), totals.score).index;
        Rewards memory rewards = _rewards[owner][currency];
        uint128 grown;
        unchecked {
            grown = index - rewards.index; // modulo 2**128 by design
        }
        owed = rewards.owed + score * grown / (INDEX_SCALE / OWED_SCALE);
        // Only a token whose supply grew beyond what the table admits can get here: it must not stop an `unlock`.
        owed = Math.min(owed, type(uint128).max);
    }

    /// @dev A stream after some seconds. What a second's part loses to rounding stays pending and streams by the end; only
    /// the index rounds against stakers, by under score / 1e30 base units.
    function _streamedDown(Stream memory current, uint256 elapsed, uint256 score)
        private
        pure
        returns (Stream memory)
    {
        uint256 left = current.pending & LEFT_MASK;
        if (left == 0 || elapsed == 0) return current;
        uint256 amount = current.pending >> LEFT_BITS;
        uint256 part = elapsed < left ? amount * elapsed / left : amount;
        left = elapsed < left ? left - elapsed : 0;
        unchecked {
            // The index wraps by design; part is below 2**108, so its product with 1e30 fits 208 bits.
            current.index += uint128(part * INDEX_SCALE / score);
        }
        current.pending = uint128((amount - part) << LEFT_BITS | left);
        return current;
    }

    function _requirePosition(address owner, uint256 index) private view returns (Position memory position) {
        position = _positions[owner][index];
        if (position.amount == 0) revert Errors.StakingVault_NoPosition(owner, index);
    }

    /// @dev Seconds a running position has left: fewer than the shortest lock would score more than they are worth.
    function _requireRunning(address owner, uint256 index) private view returns (uint256 left) {
        uint256 end = _requirePosition(owner, index).end;
        left = end > block.timestamp ? end - block.timestamp : 0;
        if (left < _minDuration) revert Errors.StakingVault_TooLittleLeft(left, _minDuration);
    }

    function _requireDuration(uint256 duration) private view {
        if (duration < _minDuration || duration > _maxDuration) {
            revert Errors.StakingVault_DurationOutOfBounds(duration, _minDuration, _maxDuration);
        }
    }
}
