// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The part of EIP-3009 that a purchase by authorization needs
interface IERC3009 {
    /// @notice Moves tokens by a signed authorization; the caller must be `to`.
    /// @param from who signed and pays
    /// @param to who receives, and calls
    /// @param value base units
    /// @param validAfter unix time after which it is valid
    /// @param validBefore unix time before which it is valid
    /// @param nonce of the signer's choice, used once
    /// @param v signature part
    /// @param r signature part
    /// @param s signature part
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice The same with the signature of a contract wallet (ERC-1271).
    /// @param from who signed and pays
    /// @param to who receives, and calls
    /// @param value base units
    /// @param validAfter unix time after which it is valid
    /// @param validBefore unix time before which it is valid
    /// @param nonce of the signer's choice, used once
    /// @param signature what the wallet accepts
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}
