"""Accounts on both databases, with a clock moved by hand and a wallet."""

from collections.abc import AsyncIterator

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from backend.accounts.nonces import NonceIssuer
from backend.accounts.ports import NoSignatureOracle
from backend.accounts.principal import Principal
from backend.accounts.resolver import CredentialResolver, Presented
from backend.accounts.schemas import SignInRequest
from backend.accounts.service import KeyService
from backend.accounts.sessions import SessionService, SignInRules
from backend.core.clock import ManualClock
from backend.core.settings import Settings
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from tests.backend.shared_stores import settings

__all__ = ["settings"]

CHAIN = ChainId(31337)
DOMAIN = "127.0.0.1:8080"
URI = "http://127.0.0.1:8080"
CLIENT = "203.0.113.9"


def sign_in_text(wallet: str, nonce: str, **changed: str) -> str:
    said = {"domain": DOMAIN, "uri": URI, "chain": str(CHAIN), "issued": "2023-11-14T22:13:20Z", **changed}
    return (
        f"{said['domain']} wants you to sign in with your Ethereum account:\n{wallet}\n\nSign in.\n\n"
        f"URI: {said['uri']}\nVersion: 1\nChain ID: {said['chain']}\nNonce: {nonce}\n"
        f"Issued At: {said['issued']}"
    )


def signed(wallet: LocalAccount, message: str) -> SignInRequest:
    signature = wallet.sign_message(encode_defunct(text=message)).signature.hex()
    return SignInRequest(message=message, signature=signature)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def buyer() -> LocalAccount:
    wallet: LocalAccount = Account.from_key("0x" + "11" * 32)
    return wallet


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await open_gateway_store(settings)
    yield opened
    await opened.close()


@pytest.fixture
def issuer() -> NonceIssuer:
    return NonceIssuer(b"s" * 32, lifetime=300)


@pytest.fixture
def sessions(store: Store, clock: ManualClock, issuer: NonceIssuer) -> SessionService:
    rules = SignInRules((DOMAIN,), URI, (CHAIN,), session_seconds=3600)
    return SessionService(store, clock, issuer, rules, NoSignatureOracle())


@pytest.fixture
def keys(store: Store, clock: ManualClock) -> KeyService:
    return KeyService(store, clock, "dev")


@pytest.fixture
def resolver(keys: KeyService, sessions: SessionService, clock: ManualClock) -> CredentialResolver:
    return CredentialResolver(keys, sessions, "dev", clock)


@pytest.fixture
def owner(buyer: LocalAccount, clock: ManualClock) -> Principal:
    """The buyer, who has just signed in."""
    address = Address(bytes.fromhex(buyer.address[2:]))
    return Principal(CHAIN, address, "session", "aa" * 8, signed_at=clock.now())


def presented(token: str | None, client: str = CLIENT) -> Presented:
    return Presented(token, client)
