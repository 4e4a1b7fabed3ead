"""Every transaction builder encodes to the function it is named after.

Builders
└── given values of the right types: the call data decodes to the same function and values
Envelope.signed: the same bytes as the reference signer gives
"""

import pytest
from eth_account import Account

from backend.chain.bindings.access_token import AccessToken
from backend.chain.bindings.revenue_shares import RevenueShares
from backend.chain.bindings.service_registry import ServiceRegistry
from backend.chain.bindings.staking_vault import StakingVault
from backend.chain.bindings.structs import Upstream
from backend.chain.bindings.token_market import TokenMarket
from backend.chain.bindings.tokens import Erc20
from backend.chain.bindings.usage_escrow import UsageEscrow
from backend.chain.client import NodeClient
from backend.chain.contract import Transaction, decode_call
from backend.core.units import ZERO_HASH, Address, ServiceId, ServiceKind, ServiceStatus, checksum
from backend.signing.envelope import Envelope, creation_address
from backend.signing.keys import LocalKey
from tests.backend.chain.fakes import FakeTransport

CLIENT = NodeClient(FakeTransport({}), "http://127.0.0.1:1")
PLACE = Address(b"\x11" * 20)
WHO = b"\x22" * 20
ACCESS, ESCROW = AccessToken(CLIENT, PLACE), UsageEscrow(CLIENT, PLACE)
REGISTRY, SHARES = ServiceRegistry(CLIENT, PLACE), RevenueShares(CLIENT, PLACE)
VAULT, MARKET, EMP = StakingVault(CLIENT, PLACE), TokenMarket(CLIENT, PLACE), Erc20(CLIENT, PLACE)
UPSTREAM = Upstream(ServiceId(1), 500)
KEY = LocalKey(b"\x01" * 32)

BUILT = [
    (ACCESS.set_sale_open(5, False), "setSaleOpen", {"planId": 5, "open": False}),
    (ACCESS.consume(5, 2), "consume", {"planId": 5, "units": 2}),
    (ESCROW.deposit(5, 2), "deposit", {"planId": 5, "units": 2}),
    (ESCROW.cancel_withdrawal(5), "cancelWithdrawal", {"planId": 5}),
    (ESCROW.close(5, WHO), "close", {"planId": 5, "payer": WHO}),
    (ESCROW.set_tab_options(5, True, 9), "setTabOptions", {"planId": 5, "vouchers": True, "dailyLimit": 9}),
    (REGISTRY.set_status(3, ServiceStatus.RETIRED), "setStatus", {"serviceId": 3, "status": 2}),
    (REGISTRY.set_meter(3, WHO), "setMeter", {"serviceId": 3, "meter": WHO}),
    (
        REGISTRY.set_metadata(3, "data:,", ZERO_HASH),
        "setMetadata",
        {"serviceId": 3, "uri": "data:,", "contentHash": ZERO_HASH},
    ),
    (REGISTRY.bond(3, 7), "bond", {"serviceId": 3, "amount": 7}),
    (REGISTRY.request_unbond(3, 7), "requestUnbond", {"serviceId": 3, "amount": 7}),
    (REGISTRY.unbond(3, WHO), "unbond", {"serviceId": 3, "to": WHO}),
    (REGISTRY.flag_underbonded(3), "flagUnderbonded", {"serviceId": 3}),
    (REGISTRY.retire(3), "retire", {"serviceId": 3}),
    (REGISTRY.challenge(3), "challenge", {"serviceId": 3}),
    (REGISTRY.answer(3), "answer", {"serviceId": 3}),
    (REGISTRY.transfer(WHO, PLACE, 3), "transferFrom", {"from": WHO, "to": PLACE, "tokenId": 3}),
    (SHARES.distribute(3, 1, 7), "distribute", {"serviceId": 3, "currency": 1, "amount": 7}),
    (VAULT.increase(0, 7), "increase", {"index": 0, "amount": 7}),
    (VAULT.extend(0, 7), "extend", {"index": 0, "duration": 7}),
    (VAULT.compound(0), "compound", {"index": 0}),
    (VAULT.expire([(WHO, 4)]), "expire", {"owners": [WHO], "indices": [4]}),
    (VAULT.unlock(0, WHO), "unlock", {"index": 0, "to": WHO}),
    (MARKET.cancel(6), "cancel", {"listingId": 6}),
    (EMP.transfer(WHO, 7), "transfer", {"to": WHO, "value": 7}),
]


class TestBuilders:
    @pytest.mark.parametrize(("transaction", "function", "values"), BUILT, ids=lambda part: str(part)[:24])
    def test_encode_what_they_are_named_after(
        self, transaction: Transaction, function: str, values: dict[str, object]
    ) -> None:
        contract, _, called = transaction.label.partition(".")
        assert called == function
        assert decode_call(contract, transaction.data) == (function, values)
        assert transaction.to == PLACE

    def test_register_with_upstreams(self) -> None:
        built = REGISTRY.register(ServiceKind.AGENT, "data:,", ZERO_HASH, upstreams=[UPSTREAM], bond=7)
        _, values = decode_call("ServiceRegistry", built.data)
        assert values["upstreams"] == [{"serviceId": 1, "bps": 500}]
        assert list(values.values())[-1] == 7
        assert (values["kind"], values["meter"]) == (3, bytes(20))


class TestEnvelope:
    @pytest.mark.parametrize("to", [None, WHO])
    def test_signs_as_the_reference_does(self, to: bytes | None) -> None:
        envelope = Envelope(31_337, 0, 10, 2**40, 21_000, to, 0, b"\x00\x01\xff")
        fields = {
            "type": 2,
            "chainId": 31_337,
            "nonce": 0,
            "maxPriorityFeePerGas": 10,
            "maxFeePerGas": 2**40,
            "gas": 21_000,
            "value": 0,
            "data": "0x0001ff",
            **({"to": checksum(Address(to))} if to else {}),
        }
        reference = Account.from_key(b"\x01" * 32).sign_transaction(fields)
        assert envelope.signed(KEY) == bytes(reference.raw_transaction)


class TestCreationAddress:
    @pytest.mark.parametrize(
        ("nonce", "address"),
        [
            (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
            (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        ],
    )
    def test_equals_the_published_examples(self, nonce: int, address: str) -> None:
        sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
        assert creation_address(sender, nonce).hex() == address[2:]
