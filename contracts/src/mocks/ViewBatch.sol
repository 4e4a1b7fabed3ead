// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Many views in one call, so that a test can compare everything after every step
contract ViewBatch {
    /// @dev In: for each call the target (20 bytes), the length of its data (2 bytes) and the data. Out: for each call one
    /// word, the length of the answer (all ones where it failed), and the answer. Packed, because thousands of these
    /// are read and the ABI's offsets would cost more than the views.
    fallback() external {
        assembly ("memory-safe") {
            let out := mload(0x40)
            let end := out
            for { let at := 0 } lt(at, calldatasize()) {} {
                let head := calldataload(at)
                let size := and(shr(80, head), 0xffff)
                calldatacopy(end, add(at, 22), size)
                let success := staticcall(gas(), shr(96, head), end, size, 0, 0)
                mstore(end, sub(0, 1))
                if success { mstore(end, returndatasize()) }
                end := add(end, 32)
                if success {
                    returndatacopy(end, 0, returndatasize())
                    end := add(end, returndatasize())
                }
                at := add(at, add(22, size))
            }
            return(out, sub(end, out))
        }
    }
}
