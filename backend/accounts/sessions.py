"""Wallet sessions: a nonce, a signed EIP-4361 message, an opaque token."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

from backend.accounts import repository
from backend.accounts.key_format import hash_of
from backend.accounts.nonces import SIGN_IN, NonceIssuer, consume
from backend.accounts.ports import SignatureOracle
from backend.accounts.principal import Principal
from backend.accounts.schemas import NonceReply, SessionReply, SignInRequest
from backend.accounts.service import audit_row
from backend.accounts.sign_in_message import CONSENT, SignIn, nonce_of, read_sign_in, signature_bytes
from backend.core.clock import Clock
from backend.core.errors import InvalidCredential, InvalidSignature, NodeUnreachable, Unavailable
from backend.core.units import Address, ChainId, UnixTime, checksum
from backend.db.session import Store

TOKEN_PREFIX: Final = "ems_"  # noqa: S105 - the public head of every token
TOKEN_LENGTH: Final = len(TOKEN_PREFIX) + 43
STATEMENT: Final = "Sign in to use what your wallet owns. This costs nothing and moves nothing."
ORACLE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SignInRules:
    """What a sign-in must name. `domains` has the gateway's own first, then pages that may sign in for
    users.
    """

    domains: tuple[str, ...]
    uri: str
    chain_ids: tuple[ChainId, ...]
    session_seconds: int


class SessionService:
    """Signs wallets in and out."""

    def __init__(
        self, store: Store, clock: Clock, issuer: NonceIssuer, rules: SignInRules, oracle: SignatureOracle
    ) -> None:
        self._store = store
        self._clock = clock
        self._issuer = issuer
        self._rules = rules
        self._oracle = oracle

    def nonce(self) -> NonceReply:
        """A nonce and what else the message should say. Writes nothing."""
        now = self._clock.now()
        return NonceReply(
            nonce=self._issuer.issue(now),
            expires_at=now + self._issuer.lifetime,
            domain=self._rules.domains[0],
            uri=self._rules.uri,
            chain_id=self._rules.chain_ids[0],
            statement=STATEMENT,
        )

    async def sign_in(self, request: SignInRequest, client: str) -> SessionReply:
        """Open a session. Raises what `prove` raises, InvalidCredential for a consent to an app."""
        said = await self.prove(request)
        if said.request_id.startswith(CONSENT):
            raise InvalidCredential("the message is a consent to an app; sign one for signing in")
        return await self._open(said, self._clock.now(), client)

    async def prove(self, request: SignInRequest) -> SignIn:
        """Who signed a message meant for us. The nonce is spent before it is parsed: one try each.

        Raises MalformedRequest, InvalidCredential and its kind, PortAbsent for contract wallets without a
        node.
        """
        now = self._clock.now()
        nonce = nonce_of(request.message, frozenset(self._rules.domains))
        signature = signature_bytes(request.signature)
        await consume(self._store, SIGN_IN, nonce, self._issuer.check(nonce, now))
        chains = frozenset(int(chain) for chain in self._rules.chain_ids)
        said = await asyncio.to_thread(read_sign_in, request.message, signature, nonce, chains, now)
        if not said.owned:
            await self._ask_wallet(said, signature)
        return said

    async def find(self, token: str) -> Principal:
        """Whom a session's token proves. Raises InvalidCredential."""
        now = self._clock.now()
        async with self._store.lookup() as db:
            row = await repository.session_by_token(db, hash_of(token))
        if row is None or row.revoked_at is not None or now >= row.expires_at:
            raise InvalidCredential("the session is over; sign in again")
        return _principal(row.chain_id, row.account, hash_of(token), row.signed_at)

    async def sign_out(self, token: str, principal: Principal, client: str) -> None:
        """End a session; a second time changes nothing."""
        now = self._clock.now()
        async with self._store.write_connection() as db:
            await repository.end_sessions(db, principal.address, now, hash_of(token))
            entry = audit_row(principal, "session.ended", principal.credential_id, client, now)
            await repository.add_audit(db, entry)
            await self._store.announce(db)

    async def _ask_wallet(self, said: SignIn, signature: bytes) -> None:
        try:
            async with asyncio.timeout(ORACLE_SECONDS):
                valid = await self._oracle.is_valid(said.chain_id, said.address, said.digest, signature)
        except (TimeoutError, NodeUnreachable) as error:
            raise Unavailable("the node did not answer about the wallet's signature; try again") from error
        if not valid:
            raise InvalidSignature(f"the signature is not {checksum(said.address)}'s over this message")

    async def _open(self, said: SignIn, now: UnixTime, client: str) -> SessionReply:
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        ends = now + self._rules.session_seconds
        expires_at = min(ends, said.expires_at or ends)
        principal = _principal(said.chain_id, said.address, hash_of(token), now)
        row = {
            "token_hash": hash_of(token),
            "chain_id": said.chain_id,
            "account": said.address,
            "signed_at": now,
            "expires_at": expires_at,
        }
        async with self._store.write_connection() as db:
            await repository.add_session(db, row)
            entry = audit_row(principal, "session.opened", principal.credential_id, client, now)
            await repository.add_audit(db, entry)
        return SessionReply(
            token=token, address=checksum(said.address), chain_id=said.chain_id, expires_at=expires_at
        )


def _principal(chain_id: int, account: bytes, token_hash: bytes, signed_at: int) -> Principal:
    return Principal(
        chain_id=ChainId(chain_id),
        address=Address(account),
        credential="session",
        credential_id=token_hash[:8].hex(),
        signed_at=UnixTime(signed_at),
    )
