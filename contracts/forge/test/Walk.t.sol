// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Handler} from "./Handler.sol";
import {HostileActor} from "./HostileActor.sol";

/// @title A long walk from one seed: every action must succeed somewhere in it, or the campaigns prove nothing about it
contract Walk {
    event log_named_uint(string name, uint256 value);

    uint256 private constant WORLDS = 24;
    uint256 private constant STEPS = 250;

    mapping(string name => uint256) private _done;
    uint256 private _begun;
    uint256 private _succeeded;
    uint256 private _byVoucher;
    uint256 private _underLimit;

    function test_EveryActionSucceedsSomewhere() public {
        for (uint256 i; i < WORLDS; ++i) _walk(i);
        string[62] memory names = _names();
        string memory missing;
        for (uint256 i; i < names.length; ++i) {
            uint256 done = _done[names[i]];
            emit log_named_uint(names[i], done);
            bool intruder = keccak256(bytes(names[i])) == keccak256("intrude");
            if (intruder ? done != 0 : done == 0) missing = string.concat(missing, " ", names[i]);
        }
        emit log_named_uint("ambushes begun", _begun);
        emit log_named_uint("ambushes that went through", _succeeded);
        require(bytes(missing).length == 0, missing);
        require(_succeeded > 0, "no ambush went through");
        emit log_named_uint("settled by voucher", _byVoucher);
        emit log_named_uint("settled under a limit", _underLimit);
        require(_byVoucher > 0 && _underLimit > 0, "no voucher or limit was tried");
    }

    function _walk(uint256 walk) private {
        Handler world = new Handler();
        string[62] memory names = _names();
        for (uint256 i; i < STEPS; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(walk, i)));
            string memory name = names[seed % names.length];
            (bool ok, bytes memory why) = address(world).call(abi.encodeWithSignature(string.concat(name, "(uint256)"), seed));
            require(ok, string.concat(name, ": ", string(why)));
        }
        for (uint256 i; i < names.length; ++i) _done[names[i]] += world.done(bytes32(bytes(names[i])));
        _byVoucher += world.settledByVoucher();
        _underLimit += world.settledUnderLimit();
        for (uint256 i = 8; i < 12; ++i) {
            _begun += HostileActor(world.actors(i)).attempts();
            _succeeded += HostileActor(world.actors(i)).successes();
        }
    }

    function _names() private pure returns (string[62] memory) {
        return [
            "createPlan", "setSaleOpen", "buy", "buyWithPermit", "buyWithAuthorization", "activate", "consume",
            "refund", "give", "donate", "governSales", "deposit", "depositBatch", "settle", "requestWithdrawal",
            "cancelWithdrawal", "close", "withdraw", "setTabOptions", "setWithdrawalDelay", "distribute",
            "claimShares", "giveShares", "flushFees", "setTreasury", "intrude", "list", "cancel", "fill", "register",
            "setStatus", "setMeter", "setMetadata", "giveService", "bond", "requestUnbond", "unbond",
            "flagUnderbonded", "retire", "challenge", "answer", "governServices", "lock", "lockWithPermit",
            "increase", "extend", "compound", "expire", "unlock", "claimRewards", "delegate", "openDispute",
            "respond", "vote", "resolve", "governCourt", "review", "drawEmp", "wait", "turn", "armReceiver",
            "armCurrency"
        ];
    }
}
