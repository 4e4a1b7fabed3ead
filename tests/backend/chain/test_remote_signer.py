"""A key in another process, over real HTTP in Web3Signer's eth1 shape.

RemoteSigner
├── signs transactions and receipts to the byte as the same key here does, in and beside an event loop
├── given a signer that signs with another key, or nonsense: refused
├── given a signer without the key, that is none, that fails, or is away: said what to do
└── the settings: both or none, https off this machine, no meter key beside it
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.chain.remote_signer import RemoteSigner
from backend.cli.signers import meter_signer
from backend.core.errors import InvalidSignature, SigningKeyError, SigningKeyNotFound, UnsafeSettings
from backend.core.settings import load_settings
from backend.core.units import (
    ZERO_HASH,
    Address,
    ChainId,
    MicroCredits,
    PlanId,
    ServiceId,
    UnixTime,
    checksum,
)
from backend.meter.signer import MeterSigner
from backend.signing.envelope import Envelope
from backend.signing.keys import LocalKey
from backend.signing.messages import UsageReceipt
from tests.signer_server import SignerServer, point_of, signer_server

SECRET = b"\x42" * 32
LOCAL = LocalKey(SECRET)
POINT = point_of(SECRET)


@pytest.fixture
def server() -> Iterator[SignerServer]:
    with signer_server(SECRET) as running:
        yield running


@pytest.fixture
def signer(server: SignerServer) -> Iterator[RemoteSigner]:
    opened = RemoteSigner.open(server.url, LOCAL.address)
    yield opened
    opened.close()


def envelope() -> Envelope:
    return Envelope(31337, 7, 1, 2, 21_000, b"\x01" * 20, 5, b"\xca\xfe")


def receipt() -> UsageReceipt:
    return UsageReceipt(
        payer=Address(b"\x02" * 20),
        plan_id=PlanId(1),
        service_id=ServiceId(1),
        model_digest=ZERO_HASH,
        request_hash=ZERO_HASH,
        response_hash=ZERO_HASH,
        units_in=1,
        units_out=2,
        micro_credits=MicroCredits(3),
        cumulative_micro_credits=MicroCredits(3),
        issued_at=UnixTime(1),
        previous_receipt=ZERO_HASH,
    )


class TestRemoteSigner:
    def test_signs_as_the_same_key_here_does(self, signer: RemoteSigner, server: SignerServer) -> None:
        assert envelope().signed(signer) == envelope().signed(LOCAL)
        escrows = {ChainId(1): Address(b"\x03" * 20)}
        there, here = MeterSigner(signer, escrows), MeterSigner(LOCAL, escrows)
        assert there.sign(ChainId(1), receipt()) == here.sign(ChainId(1), receipt())
        assert server.asked == [f"/api/v1/eth1/sign/0x{POINT}"] * 2
        assert SECRET.hex() not in repr(signer)

    async def test_works_inside_an_event_loop(self, signer: RemoteSigner) -> None:
        waiting = [asyncio.to_thread(signer.sign_data, bytes([at])) for at in range(5)]
        expected = [LOCAL.sign_data(bytes([at])) for at in range(5)]
        assert await asyncio.gather(*waiting) == expected
        assert signer.sign_data(b"x") == LOCAL.sign_data(b"x")

    def test_takes_a_low_v(self, signer: RemoteSigner, server: SignerServer) -> None:
        whole = LOCAL.sign_data(b"x")
        server.answer = "0x" + (whole[:64] + bytes([whole[64] - 27])).hex()
        assert signer.sign_data(b"x") == whole

    def test_refuses_another_keys_signature(self, signer: RemoteSigner, server: SignerServer) -> None:
        server.secret = b"\x43" * 32
        with pytest.raises(InvalidSignature, match="did not sign as"):
            signer.sign_data(b"x")

    @pytest.mark.parametrize("answer", ["", "0x", "zz", "0x11", "null", "0x" + "00" * 65])
    def test_refuses_what_is_no_signature(
        self, signer: RemoteSigner, server: SignerServer, answer: str
    ) -> None:
        server.answer = answer
        with pytest.raises((InvalidSignature, SigningKeyError)):
            signer.sign_data(b"x")

    def test_says_when_the_signer_fails_or_is_gone(self, signer: RemoteSigner, server: SignerServer) -> None:
        server.status = 500
        with pytest.raises(SigningKeyError, match="answered 500"):
            signer.sign_data(b"x")
        with pytest.raises(SigningKeyError, match="does not answer"):
            RemoteSigner.open("http://127.0.0.1:9", LOCAL.address)

    @pytest.mark.parametrize(("keys", "kind"), [([], SigningKeyNotFound), (5, SigningKeyError)])
    def test_says_when_the_key_is_not_there(self, server: SignerServer, keys: Any, kind: type) -> None:
        server.keys = keys
        with pytest.raises(kind):
            RemoteSigner.open(server.url, LOCAL.address)


class TestSettings:
    def test_name_the_meters_signer(self, server: SignerServer, tmp_path: Path) -> None:
        remote = {"signer_url": server.url, "signer_address": checksum(LOCAL.address)}
        with meter_signer(load_settings(home=tmp_path, **remote)) as key:
            assert key.sign_data(b"x") == LOCAL.sign_data(b"x")
        both = load_settings(home=tmp_path, meter_key="42" * 32, **remote)
        with pytest.raises(SigningKeyError, match="keep one"), meter_signer(both):
            pass

    @pytest.mark.parametrize(
        "given",
        [
            {"signer_url": "http://127.0.0.1:9000"},
            {"signer_address": "0x" + "11" * 20},
            {"signer_url": "http://signer.example", "signer_address": "0x" + "11" * 20},
            {"wallet_signer_url": "http://127.0.0.1:9000"},
            {"wallet_signer_address": "0x" + "11" * 20},
            {"wallet_signer_url": "http://signer.example", "wallet_signer_address": "0x" + "11" * 20},
        ],
    )
    def test_are_refused_where_unsafe(self, tmp_path: Path, given: dict[str, str]) -> None:
        with pytest.raises(UnsafeSettings, match="SIGNER"):
            load_settings(home=tmp_path, **given)
