"""Digests packed by hand.

digest
├── for each message and any values: it should equal the general encoder's
├── given another chain or contract: it should differ
└── given an integer above 2**256: it should raise
typed_data
└── it should be what a wallet signs to the same digest
"""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from backend.core.units import (
    Address,
    Hash32,
    MicroCredits,
    PlanId,
    ServiceId,
    Then,
    Units,
    UnixTime,
    keccak,
)
from backend.signing.ecdsa import recover
from backend.signing.eip712 import Domain, TypedMessage
from backend.signing.keys import LocalKey
from backend.signing.messages import UsageReceipt, UsageVoucher, receipt_domain, voucher_domain
from backend.signing.permit import Order, Permit, ReceiveWithAuthorization

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(Address)
hashes = st.binary(min_size=32, max_size=32).map(Hash32)
receipts = st.builds(
    UsageReceipt,
    payer=addresses,
    plan_id=words.map(PlanId),
    service_id=words.map(ServiceId),
    model_digest=hashes,
    request_hash=hashes,
    response_hash=hashes,
    units_in=words,
    units_out=words,
    micro_credits=words.map(MicroCredits),
    cumulative_micro_credits=words.map(MicroCredits),
    issued_at=words.map(UnixTime),
    previous_receipt=hashes,
)
vouchers = st.builds(
    UsageVoucher, payer=addresses, plan_id=words.map(PlanId), cumulative_units=words.map(Units)
)
permits = st.builds(Permit, owner=addresses, spender=addresses, value=words, nonce=words, deadline=words)
authorizations = st.builds(
    ReceiveWithAuthorization,
    sender=addresses,
    receiver=addresses,
    value=words,
    valid_after=words,
    valid_before=words,
    nonce=hashes,
)
domains = st.builds(
    Domain,
    name=st.text(max_size=30),
    version=st.text(max_size=3),
    chain_id=words,
    verifying_contract=addresses,
)

ESCROW = Address(b"\x11" * 20)
VOUCHER = UsageVoucher(payer=Address(b"\x22" * 20), plan_id=PlanId(1048578), cumulative_units=Units(5))


class TestDigest:
    @given(message=st.one_of(receipts, vouchers, permits, authorizations), domain=domains)
    def test_equals_the_general_encoder(self, message: TypedMessage, domain: Domain) -> None:
        general = encode_typed_data(full_message=message.typed_data(domain))
        assert message.digest(domain) == keccak(b"\x19\x01" + general.header + general.body)

    def test_given_another_place_differs(self) -> None:
        here = VOUCHER.digest(voucher_domain(1, ESCROW))
        elsewhere = [
            VOUCHER.digest(voucher_domain(2, ESCROW)),
            VOUCHER.digest(voucher_domain(1, Address(b"\x12" * 20))),
            VOUCHER.digest(receipt_domain(1, ESCROW)),
        ]
        assert here not in elsewhere

    def test_given_too_large_an_integer_raises(self) -> None:
        with pytest.raises(OverflowError):
            UsageVoucher(VOUCHER.payer, PlanId(2**256), Units(1)).digest(voucher_domain(1, ESCROW))


class TestTypedData:
    def test_signed_by_a_wallet_recovers_to_it(self) -> None:
        domain = voucher_domain(31337, ESCROW)
        key = LocalKey.create()
        wallet = Account.sign_typed_data(key.account().key, full_message=VOUCHER.typed_data(domain))
        assert recover(VOUCHER.digest(domain), bytes(wallet.signature)) == key.address


class TestOrderNonce:
    @given(
        order=st.builds(
            Order,
            chain_id=words,
            access_token=addresses,
            plan_id=words,
            units=words,
            recipient=addresses,
            then=st.sampled_from(Then),
            max_cost=words,
            deadline=words,
            salt=hashes,
        )
    )
    def test_equals_the_abi_encoding(self, order: Order) -> None:
        from eth_abi.abi import encode

        kinds = [
            "uint256",
            "address",
            "uint256",
            "uint256",
            "address",
            "uint8",
            "uint256",
            "uint256",
            "bytes32",
        ]
        values = [order.chain_id, order.access_token, order.plan_id, order.units, order.recipient,
                  int(order.then), order.max_cost, order.deadline, order.salt]  # fmt: skip
        assert order.nonce() == keccak(encode(kinds, values))

    def test_pins_the_authorization(self) -> None:
        order = Order(1, ESCROW, 2, 3, VOUCHER.payer, Then.DEPOSIT, 400, 99, Hash32(bytes(32)))
        signed = order.authorization(VOUCHER.payer)
        assert (signed.receiver, signed.value, signed.valid_before) == (ESCROW, 400, 99)
        assert signed.nonce == order.nonce()
