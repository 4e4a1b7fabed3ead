"""Receipts are signed in the escrow's domain, with the meter's key.

sign
    given a chain nobody follows: it refuses
    recovers to the meter from the digest; another chain gives another digest
"""

import pytest

from backend.core.errors import DeploymentMismatch
from backend.core.units import ZERO_HASH, Address, ChainId, MicroCredits
from backend.meter.receipts import Issued
from backend.meter.signer import MeterSigner
from backend.signing.ecdsa import recover
from backend.signing.keys import LocalKey
from backend.signing.messages import UsageReceipt
from tests.backend.meter.conftest import served

ESCROWS = {ChainId(1): Address(b"\x01" * 20), ChainId(2): Address(b"\x02" * 20)}


@pytest.fixture
def body() -> UsageReceipt:
    request = served("r", 5)
    return Issued(request, 1, 0, request.cost, MicroCredits(0), ZERO_HASH, request.started_at).body()


class TestSign:
    def test_refuses_a_chain_nobody_follows(self, body: UsageReceipt) -> None:
        with pytest.raises(DeploymentMismatch, match="chain 3"):
            MeterSigner(LocalKey.create(), ESCROWS).sign(ChainId(3), body)

    def test_recovers_to_the_meter(self, body: UsageReceipt) -> None:
        signer = MeterSigner(LocalKey.create(), ESCROWS)
        digest, signature = signer.sign(ChainId(1), body)
        assert recover(digest, signature) == signer.address

    def test_each_chain_has_its_own_digest(self, body: UsageReceipt) -> None:
        signer = MeterSigner(LocalKey.create(), ESCROWS)
        assert signer.sign(ChainId(1), body)[0] != signer.sign(ChainId(2), body)[0]
