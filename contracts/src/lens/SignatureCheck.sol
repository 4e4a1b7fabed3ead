// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Asks a contract wallet about a signature (ERC-1271), one that is not deployed yet too (ERC-6492)
/// @notice Never deployed: its creation code is what `eth_call` runs, and the one byte it returns is the answer, 1 for a
/// signature the wallet accepts. What it does on the way, creating the wallet for one, is gone with the call.
/// @dev WARNING: the wallet's factory is called with whatever the signature says; only an `eth_call` makes that harmless.
contract SignatureCheck {
    bytes32 private constant MAGIC = 0x6492649264926492649264926492649264926492649264926492649264926492;

    /// @param wallet whose signature it is said to be
    /// @param digest what was signed
    /// @param signature as the wallet gave it; with ERC-6492's ending also how to create the wallet
    constructor(address wallet, bytes32 digest, bytes memory signature) {
        bool valid = _isAccepted(wallet, digest, signature);
        assembly ("memory-safe") {
            mstore8(0, valid)
            return(0, 1)
        }
    }

    function _isAccepted(address wallet, bytes32 digest, bytes memory signature) private returns (bool) {
        if (!_isWrapped(signature)) return _asks(wallet, digest, signature);
        (address factory, bytes memory creation, bytes memory inner) = _unwrap(signature);
        if (wallet.code.length > 0 && _asks(wallet, digest, inner)) return true;
        // Not there yet, or there and waiting for the preparation that the signature carries.
        (bool made,) = factory.call(creation);
        return made && _asks(wallet, digest, inner);
    }

    function _asks(address wallet, bytes32 digest, bytes memory signature) private view returns (bool) {
        if (wallet.code.length == 0) return false;
        (bool answered, bytes memory answer) =
            wallet.staticcall(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return answered && answer.length == 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }

    function _isWrapped(bytes memory signature) private pure returns (bool wrapped) {
        if (signature.length < 32) return false;
        bytes32 ending;
        assembly ("memory-safe") {
            ending := mload(add(signature, mload(signature)))
        }
        return ending == MAGIC;
    }

    function _unwrap(bytes memory signature) private pure returns (address, bytes memory, bytes memory) {
        assembly ("memory-safe") {
            mstore(signature, sub(mload(signature), 32))
        }
        return abi.decode(signature, (address, bytes, bytes));
    }
}
