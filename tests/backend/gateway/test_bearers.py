"""Credentials of any bytes: one refusal for all, at once, and nobody's wallet.

├── any text as a bearer, as x-api-key, or in the shape of a key: 401 (400 where it is no header's value)
├── a real key with any letter changed, cut or doubled: 401
└── none of them: a crash, or a word of the secret in the answer
"""

import asyncio
import re

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.accounts.key_format import ALPHABET, check_of
from tests.backend.gateway.conftest import House

SHAPED = st.builds(
    lambda network, name, secret: f"emp_{network}_{name}_{secret}",
    st.sampled_from(["dev", "live", "test"]),
    st.text(ALPHABET, min_size=10, max_size=14),
    st.text(ALPHABET, min_size=30, max_size=34),
)
LEGAL = re.compile(rb"[!-~\x80-\xff](?:[ -~\t\x80-\xff]*[!-~\x80-\xff])?")
"""What the tests' client can send as a header's value; `test_raw_sockets` sends the rest."""
TOKENS = st.one_of(
    st.from_regex(LEGAL, fullmatch=True),
    st.text(min_size=1, max_size=60).map(str.encode).filter(LEGAL.fullmatch),
    SHAPED.map(lambda head: (head + check_of(head)).encode()),
)


def drawn(tokens: st.SearchStrategy[bytes], most: int = 60) -> list[bytes]:
    """What the strategy gives, so that it can be sent from one running loop."""
    found: list[bytes] = []

    @settings(max_examples=most, suppress_health_check=list(HealthCheck))
    @given(tokens)
    def collect(token: bytes) -> None:
        found.append(token)

    collect()
    return found


async def refused(house: House, name: str, value: bytes) -> httpx.Response:
    reply = await house.http.get("/v1/keys", headers=[(name.encode(), value)])
    assert reply.status_code in (400, 401), (name, value, reply.text)
    return reply


class TestAnyText:
    async def test_proves_nobody(self, house: House) -> None:
        for token in drawn(TOKENS):
            await refused(house, "authorization", b"Bearer " + token)
            await refused(house, "authorization", token)
            await refused(house, "x-api-key", token)
        assert (await house.http.get("/healthz")).status_code == 200


class TestChangedKey:
    async def test_proves_nobody(self, house: House) -> None:
        key = await house.key()
        changes = st.tuples(st.integers(0, len(key) - 1), st.sampled_from(ALPHABET), st.integers(0, 2))
        keys = changes.map(lambda change: changed(key, *change)).filter(lambda one: one != key.encode())
        secret = key.rpartition("_")[2]
        for reply in await asyncio.gather(
            *(refused(house, "authorization", b"Bearer " + one) for one in drawn(keys, 40))
        ):
            assert secret[:16] not in reply.text


def changed(key: str, at: int, letter: str, how: int) -> bytes:
    """A letter replaced, left out, or put in."""
    return (key[:at] + (letter if how else "") + key[at + (how < 2) :]).encode()
