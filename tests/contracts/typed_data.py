"""EIP-712 signatures for contracts under test."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from web3 import Web3
from web3.contract.contract import Contract

RECEIVE = "from:address,to:address,value:uint256,validAfter:uint256,validBefore:uint256,nonce:bytes32"
ORDER = ["uint256", "address", "uint256", "uint256", "address", "uint8", "uint256", "uint256", "bytes32"]
PERMIT = "owner:address,spender:address,value:uint256,nonce:uint256,deadline:uint256"


def signed(
    contract: Contract,
    name: str,
    primary: str,
    fields: str,
    values: tuple[Any, ...],
    key: bytes,
    *,
    chain_id: int | None = None,
) -> tuple[int, bytes, bytes]:
    """v, r and s over the struct `primary` with fields `name:type,...`, in a domain of version 1."""
    pairs = [tuple(field.split(":")) for field in fields.split(",")]
    domain = {
        "name": name,
        "version": "1",
        "chainId": chain_id if chain_id is not None else contract.w3.eth.chain_id,
        "verifyingContract": contract.address,
    }
    types = {primary: [{"name": field, "type": kind} for field, kind in pairs]}
    message = {field: value for (field, _), value in zip(pairs, values, strict=True)}
    signature = Account.sign_message(encode_typed_data(domain, types, message), key)
    return signature.v, signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big")


def order_nonce(
    access: Contract,
    plan: int,
    units: int,
    recipient: str,
    max_cost: int,
    deadline: int,
    then: int,
    salt: bytes,
) -> bytes:
    """The nonce of an authorization: the order itself, so that whoever relays it cannot change it."""
    fields = (access.w3.eth.chain_id, access.address, plan, units, recipient, then, max_cost, deadline, salt)
    return bytes(Web3.keccak(encode(ORDER, fields)))


def joined(v: int, r: bytes, s: bytes) -> bytes:
    """The 65 bytes wallets give."""
    return r + s + bytes([v])
