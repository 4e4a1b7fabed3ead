// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IEmporionDistributor} from "./interfaces/IEmporionDistributor.sol";
import {Errors} from "./libraries/Errors.sol";
import {Vesting} from "./types/DataTypes.sol";

/// @dev See {IEmporionDistributor}. The airdrop is paid from a counter, not from the balance: whatever its tree says, it can
/// never reach into the vestings.
contract EmporionDistributor is IEmporionDistributor, ERC165 {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    IERC20 private immutable _emp;
    address private immutable _treasury;
    bytes32 private immutable _root;
    uint256 private immutable _deadline;

    /// @inheritdoc IEmporionDistributor
    uint256 public airdropLeft;

    BitMaps.BitMap private _claimed;
    Vesting[] private _vestings;
    mapping(uint256 vestingId => uint256) private _released;

    constructor(
        address emp,
        address treasury,
        bytes32 root,
        uint256 airdropAmount,
        uint256 deadline,
        Vesting[] memory vestings
    ) {
        _emp = IERC20(emp);
        _treasury = treasury;
        _root = root;
        _deadline = deadline;
        airdropLeft = airdropAmount;
        emit AirdropOpened(root, treasury, airdropAmount, deadline);
        for (uint256 i; i < vestings.length; ++i) {
            Vesting memory vesting = vestings[i];
            if (vesting.beneficiary == address(0) || vesting.amount == 0 || vesting.duration == 0) {
                revert Errors.EmporionDistributor_BadVesting(i);
            }
            _vestings.push(vesting);
            emit VestingCreated(i, vesting.beneficiary, vesting.amount, vesting.start, vesting.duration);
        }
    }

    /// @inheritdoc IEmporionDistributor
    function claim(uint256 index, address account, uint256 amount, bytes32[] calldata proof) external {
        // Check.
        if (block.timestamp > _deadline) {
            revert Errors.EmporionDistributor_DeadlinePassed(_deadline, block.timestamp);
        }
        if (_claimed.get(index)) revert Errors.EmporionDistributor_AlreadyClaimed(index);
        // Hashed twice, so that an inner node of the tree can never pass for a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, account, amount))));
        if (!MerkleProof.verifyCalldata(proof, _root, leaf)) {
            revert Errors.EmporionDistributor_InvalidProof(index, account, amount);
        }
        if (amount > airdropLeft) revert Errors.EmporionDistributor_AirdropExhausted(amount, airdropLeft);

        // Effect.
        _claimed.set(index);
        airdropLeft -= amount;
        emit AirdropClaimed(index, account, msg.sender, amount, airdropLeft);

        // Interaction.
        _emp.safeTransfer(account, amount);
    }

    /// @inheritdoc IEmporionDistributor
    function sweep() external {
        // Check.
        if (block.timestamp <= _deadline) {
            revert Errors.EmporionDistributor_DeadlineAhead(_deadline, block.timestamp);
        }
        uint256 amount = airdropLeft;
        if (amount == 0) return;

        // Effect.
        airdropLeft = 0;
        emit AirdropSwept(msg.sender, _treasury, amount);

        // Interaction.
        _emp.safeTransfer(_treasury, amount);
    }

    /// @inheritdoc IEmporionDistributor
    function release(uint256 vestingId) external {
        // Check: nothing new moves nothing.
        uint256 released = _released[vestingId];
        uint256 vested = vestedDown(vestingId, block.timestamp);
        if (vested == released) return;

        // Effect.
        address beneficiary = _vestings[vestingId].beneficiary;
        _released[vestingId] = vested;
        emit VestingReleased(vestingId, beneficiary, msg.sender, vested - released, vested);

        // Interaction.
        _emp.safeTransfer(beneficiary, vested - released);
    }

    /// @inheritdoc IEmporionDistributor
    function isClaimed(uint256 index) external view returns (bool) {
        return _claimed.get(index);
    }

    /// @inheritdoc IEmporionDistributor
    function vestingOf(uint256 vestingId) external view returns (Vesting memory vesting, uint256 released) {
        return (_vesting(vestingId), _released[vestingId]);
    }

    /// @inheritdoc IEmporionDistributor
    function vestedDown(uint256 vestingId, uint256 timestamp) public view returns (uint256) {
        Vesting memory vesting = _vesting(vestingId);
        if (timestamp <= vesting.start) return 0;
        uint256 elapsed = Math.min(timestamp - vesting.start, vesting.duration);
        return uint256(vesting.amount) * elapsed / vesting.duration;
    }

    /// @inheritdoc IEmporionDistributor
    function root() external view returns (bytes32) {
        return _root;
    }

    /// @inheritdoc IEmporionDistributor
    function deadline() external view returns (uint256) {
        return _deadline;
    }

    /// @inheritdoc IEmporionDistributor
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @inheritdoc IEmporionDistributor
    function vestingCount() external view returns (uint256) {
        return _vestings.length;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IEmporionDistributor).interfaceId || super.supportsInterface(interfaceId);
    }

    function _vesting(uint256 vestingId) private view returns (Vesting memory) {
        uint256 count = _vestings.length;
        if (vestingId >= count) revert Errors.EmporionDistributor_UnknownVesting(vestingId, count);
        return _vestings[vestingId];
    }
}
