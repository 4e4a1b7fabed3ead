"""Signing in and out.

sign_in
├── when the message is for another domain, chain or URI, it should be refused
├── when the nonce is not ours, is old or was used, it should be refused
├── when the message breaks the grammar, it should be refused, and only after its nonce was spent
├── when the signature is another's, malleable or no hexadecimal, it should be refused
├── when the message says it has expired or is from the future, it should be refused
├── given a contract wallet
│   ├── without an oracle it should answer 503 port_absent
│   └── with one it should ask it, once, and only for a nonce of ours
└── it should open a session that finds the wallet, until it ends or is signed out
"""

import asyncio

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from backend.accounts.nonces import NonceIssuer, forget_expired
from backend.accounts.ports import FixedSignatureOracle
from backend.accounts.resolver import CredentialResolver
from backend.accounts.schemas import SignInRequest
from backend.accounts.sessions import SessionService, SignInRules
from backend.core.clock import ManualClock
from backend.core.errors import (
    InvalidCredential,
    InvalidNonce,
    InvalidSignature,
    MalformedRequest,
    PortAbsent,
)
from backend.db.session import Store
from tests.backend.accounts.conftest import (
    CHAIN,
    CLIENT,
    DOMAIN,
    URI,
    presented,
    sign_in_text,
    signed,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class TestSignIn:
    @pytest.mark.parametrize(
        "changed", [{"domain": "evil.example"}, {"chain": "1"}, {"uri": "http://evil.example"}]
    )
    async def test_refuses_a_message_for_somebody_else(
        self, sessions: SessionService, buyer: LocalAccount, changed: dict[str, str]
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce, **changed)
        with pytest.raises(InvalidCredential):
            await sessions.sign_in(signed(buyer, message), CLIENT)

    async def test_refuses_a_nonce_it_did_not_issue(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        with pytest.raises(InvalidNonce, match="did not issue"):
            await sessions.sign_in(signed(buyer, sign_in_text(buyer.address, "a" * 58)), CLIENT)

    async def test_asks_for_the_nonce_before_it_parses(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        """Parsing costs milliseconds: only who was given a nonce can make us do it, once."""
        nonce = sessions.nonce().nonce
        broken = sign_in_text(buyer.address, nonce).replace("Version: 1", "Version: one")
        with pytest.raises(InvalidNonce, match="did not issue"):
            await sessions.sign_in(signed(buyer, broken.replace(nonce, "a" * 58)), CLIENT)
        with pytest.raises(MalformedRequest, match="grammar"):
            await sessions.sign_in(signed(buyer, broken), CLIENT)
        with pytest.raises(InvalidNonce, match="used"):
            await sessions.sign_in(signed(buyer, broken), CLIENT)

    async def test_refuses_an_old_nonce(
        self, sessions: SessionService, buyer: LocalAccount, clock: ManualClock
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce)
        await clock.advance(301)
        with pytest.raises(InvalidNonce, match="expired"):
            await sessions.sign_in(signed(buyer, message), CLIENT)

    async def test_spends_a_nonce_once_even_when_sent_at_once(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        request = signed(buyer, sign_in_text(buyer.address, sessions.nonce().nonce))
        results = await asyncio.gather(
            *(sessions.sign_in(request, CLIENT) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, InvalidNonce) for result in results) == 4

    @pytest.mark.parametrize("spoil", ["Version: 2", "Version: 1\nVersion: 1"])
    async def test_refuses_what_breaks_the_grammar(
        self, sessions: SessionService, buyer: LocalAccount, spoil: str
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce).replace("Version: 1", spoil)
        with pytest.raises(MalformedRequest):
            await sessions.sign_in(signed(buyer, message), CLIENT)

    @pytest.mark.parametrize(
        "message", ["", "hello", f"{DOMAIN} wants you to sign in with your Ethereum account:\n"]
    )
    async def test_refuses_what_is_no_message(self, sessions: SessionService, message: str) -> None:
        with pytest.raises(MalformedRequest):
            await sessions.sign_in(SignInRequest(message=message, signature="0x" + "11" * 65), CLIENT)

    @pytest.mark.parametrize("signature", ["zz", "0x11", ""])
    async def test_refuses_a_signature_that_is_none(
        self, sessions: SessionService, buyer: LocalAccount, signature: str
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce)
        with pytest.raises(MalformedRequest, match="signature"):
            await sessions.sign_in(SignInRequest(message=message, signature=signature), CLIENT)

    async def test_refuses_a_malleable_signature(self, sessions: SessionService, buyer: LocalAccount) -> None:
        request = signed(buyer, sign_in_text(buyer.address, sessions.nonce().nonce))
        raw = bytes.fromhex(request.signature.removeprefix("0x"))
        high = (ORDER - int.from_bytes(raw[32:64])).to_bytes(32)
        twin = raw[:32] + high + bytes([55 - raw[64]])
        with pytest.raises(InvalidSignature, match="malleable"):
            await sessions.sign_in(SignInRequest(message=request.message, signature=twin.hex()), CLIENT)

    async def test_refuses_a_message_from_the_future(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce, issued="2023-11-14T23:13:20Z")
        with pytest.raises(InvalidCredential, match="future"):
            await sessions.sign_in(signed(buyer, message), CLIENT)

    async def test_refuses_a_message_that_says_it_has_expired(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        message = (
            sign_in_text(buyer.address, sessions.nonce().nonce) + "\nExpiration Time: 2023-11-14T22:00:00Z"
        )
        with pytest.raises(InvalidCredential, match="expired"):
            await sessions.sign_in(signed(buyer, message), CLIENT)

    async def test_needs_an_oracle_for_another_signer(
        self, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        stranger = Account.from_key("0x" + "22" * 32)
        message = sign_in_text(buyer.address, sessions.nonce().nonce)
        with pytest.raises(PortAbsent):
            await sessions.sign_in(signed(stranger, message), CLIENT)

    async def test_asks_the_oracle_about_contract_wallets(
        self, store: Store, clock: ManualClock, issuer: NonceIssuer, buyer: LocalAccount
    ) -> None:
        wallet = bytes.fromhex(buyer.address[2:])
        oracle = FixedSignatureOracle(frozenset({(wallet, b"\x07" * 80)}))
        rules = SignInRules((DOMAIN,), URI, (CHAIN,), session_seconds=3600)
        sessions = SessionService(store, clock, issuer, rules, oracle)
        for byte, good in ((7, True), (8, False)):
            message = sign_in_text(buyer.address, sessions.nonce().nonce)
            request = SignInRequest(message=message, signature=bytes([byte]).hex() * 80)
            if good:
                assert (await sessions.sign_in(request, CLIENT)).address == buyer.address
            else:
                with pytest.raises(InvalidSignature):
                    await sessions.sign_in(request, CLIENT)
        with pytest.raises(InvalidNonce):
            await sessions.sign_in(request, CLIENT)
        assert oracle.asked == 2

    async def test_opens_a_session_until_it_ends(
        self, sessions: SessionService, resolver: CredentialResolver, buyer: LocalAccount, clock: ManualClock
    ) -> None:
        opened = await sessions.sign_in(
            signed(buyer, sign_in_text(buyer.address, sessions.nonce().nonce)), CLIENT
        )
        found = await resolver.resolve(presented(opened.token))
        assert (found.address, found.signed_at) == (bytes.fromhex(buyer.address[2:]), clock.now())
        await clock.advance(3600)
        with pytest.raises(InvalidCredential, match="over"):
            await resolver.resolve(presented(opened.token))

    async def test_ends_a_session_when_signed_out(
        self, sessions: SessionService, resolver: CredentialResolver, buyer: LocalAccount
    ) -> None:
        opened = await sessions.sign_in(
            signed(buyer, sign_in_text(buyer.address, sessions.nonce().nonce)), CLIENT
        )
        await sessions.sign_out(opened.token, await resolver.resolve(presented(opened.token)), CLIENT)
        resolver.forget()
        with pytest.raises(InvalidCredential):
            await resolver.resolve(presented(opened.token))


class TestForgetExpired:
    async def test_keeps_nonces_whose_signatures_still_live(
        self, store: Store, sessions: SessionService, buyer: LocalAccount, clock: ManualClock
    ) -> None:
        await sessions.sign_in(signed(buyer, sign_in_text(buyer.address, sessions.nonce().nonce)), CLIENT)
        assert await forget_expired(store, clock.now()) == 0
        await clock.advance(301)
        assert await forget_expired(store, clock.now()) == 1
