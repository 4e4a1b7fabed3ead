// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";

/// @title A currency that turns on its users when told: charges on transfer, refuses a receiver, calls somebody in between
contract HostileCurrency is ERC20, ERC1155Holder {
    uint256 public feeBps;
    address public refused;
    address public target;
    bytes public payload;
    bool public reached;

    constructor() ERC20("Hostile", "HOST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 bps) external {
        feeBps = bps;
    }

    function refuse(address receiver) external {
        refused = receiver;
    }

    /// @dev The next transfer makes this call once; `reached` says whether it went through.
    function callOnTransfer(address target_, bytes calldata payload_) external {
        (target, payload, reached) = (target_, payload_, false);
    }

    /// @dev So that this contract can own what it attacks with.
    function act(address target_, bytes calldata payload_) external {
        (bool ok, bytes memory answer) = target_.call(payload_);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @dev Asks nobody for a signature; of EIP-3009 the form for contract wallets alone.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _transfer(from, to, value);
    }

    function _update(address from, address to, uint256 value) internal override {
        require(to == address(0) || to != refused, ERC20InvalidReceiver(to));
        uint256 fee = from == address(0) ? 0 : value * feeBps / 10_000;
        super._update(from, to, value - fee);
        if (fee > 0) super._update(from, address(0xdead), fee);
        address called = target;
        if (called == address(0) || from == address(0)) return;
        target = address(0);
        (reached,) = called.call(payload);
    }
}
