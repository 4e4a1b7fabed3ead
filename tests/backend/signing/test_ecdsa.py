"""Signatures.

recover
├── given a wrong length, v, or an r or s out of range: it should raise InvalidSignature
├── given the other half of s (malleable): it should raise InvalidSignature
├── given bytes that are no point: it should raise InvalidSignature
├── given another digest: it should not give the signer
└── given a signature of ours or of eth_account: it should give the signer
"""

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import InvalidSignature
from backend.core.units import Hash32, keccak
from backend.signing.ecdsa import recover, require_coincurve, sign_digest
from backend.signing.keys import LocalKey

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = keccak(b"hello")
KEY = bytes(31) + b"\x07"
GOOD = sign_digest(KEY, DIGEST)


def flipped(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


class TestRecover:
    @pytest.mark.parametrize(
        "bad",
        [
            b"",
            GOOD[:64],
            GOOD + b"\0",
            GOOD[:64] + b"\x00",
            GOOD[:64] + b"\x1d",
            bytes(32) + GOOD[32:],
            GOOD[:32] + bytes(32) + GOOD[64:],
            b"\xff" * 32 + GOOD[32:],
            flipped(GOOD),
        ],
        ids=["empty", "short", "long", "v=0", "v=29", "r=0", "s=0", "r>=n", "malleable"],
    )
    def test_given_a_bad_shape_raises(self, bad: bytes) -> None:
        with pytest.raises(InvalidSignature):
            recover(DIGEST, bad)

    @given(noise=st.binary(min_size=64, max_size=64), v=st.sampled_from([27, 28]))
    def test_given_noise_raises_or_names_a_stranger(self, noise: bytes, v: int) -> None:
        try:
            found = recover(DIGEST, noise + bytes([v]))
        except InvalidSignature:
            return
        assert found != LocalKey(KEY).address

    def test_given_another_digest_names_another(self) -> None:
        assert recover(keccak(b"other"), GOOD) != LocalKey(KEY).address

    @given(key=st.integers(1, ORDER - 1), digest=st.binary(min_size=32, max_size=32).map(Hash32))
    def test_agrees_with_eth_account(self, key: int, digest: Hash32) -> None:
        mine = LocalKey(key.to_bytes(32, "big"))
        theirs = Account.unsafe_sign_hash(digest, private_key=key.to_bytes(32, "big"))
        assert mine.sign(digest) == bytes(theirs.signature)
        assert recover(digest, mine.sign(digest)) == mine.address
        assert mine.account().address.lower() == "0x" + mine.address.hex()


class TestRequireCoincurve:
    def test_given_it_is_installed_passes(self) -> None:
        require_coincurve()
