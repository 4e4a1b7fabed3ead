// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title An account that is a contract and turns on whoever deals with it, when told
/// @dev Every attempt says in the log where it began and whether it went through: the logs of a call that failed inside are
/// recorded all the same, and the ledger leaves them out.
contract HostileActor {
    enum Mood {
        Honest,
        Refuses,
        BurnsAllGas,
        AcceptsAll
    }

    event AttemptBegun();
    event AttemptEnded(bool succeeded);

    Mood public mood;
    address private _target;
    bytes private _payload;
    uint256 public attempts;
    uint256 public successes;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @dev The next callback makes this call, once.
    function arm(address target, bytes calldata payload) external {
        (_target, _payload) = (target, payload);
    }

    /// @dev Whoever calls, and never fails: a hostile currency calls it in the middle of a transfer.
    function attempt(address target, bytes memory payload) public {
        emit AttemptBegun();
        (bool succeeded,) = target.call(payload);
        emit AttemptEnded(succeeded);
        ++attempts;
        if (succeeded) ++successes;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        _turn();
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        returns (bytes4)
    {
        _turn();
        return this.onERC1155BatchReceived.selector;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mood == Mood.BurnsAllGas) {
            while (true) {}
        }
        return mood == Mood.AcceptsAll ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    function _turn() private {
        require(mood != Mood.Refuses, "refused");
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        attempt(target, _payload);
    }
}
