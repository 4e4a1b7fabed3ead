"""The wallet's yes: a signed EIP-4361 message that names the app, every scope and every limit.

The message is written here, so that page and gateway cannot differ; its request id is a digest of all that is
approved, also of the address the code goes to and of the app's PKCE challenge. A signature for signing in
approves nothing, and one that approves signs nobody in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.accounts.key_format import hash_of
from backend.accounts.oauth import protocol, repository
from backend.accounts.oauth.protocol import Asked
from backend.accounts.oauth.schemas import (
    EXPLAINED,
    ApproveRequest,
    Asking,
    ConsentLimits,
    ConsentReply,
    ConsentRequest,
    DecidedReply,
    OAuthAnswer,
    ReviewReply,
    ScopeReply,
)
from backend.accounts.principal import Principal, Scope
from backend.accounts.repository import add_audit
from backend.accounts.schemas import SignInRequest
from backend.accounts.service import audit_row
from backend.accounts.sessions import SessionService
from backend.accounts.sign_in_message import CONSENT, SignIn
from backend.core.clock import Clock
from backend.core.errors import Conflict, InvalidSignature, MalformedRequest, NotFound
from backend.core.units import Address, checksum, to_address
from backend.db.session import Store

CODE_SECONDS: Final = 60
CODE_PREFIX: Final = "emc_"
GRANTS_LIMIT: Final = 200
"""Live grants of one account."""
STATEMENT: Final = (
    "Let the app named below use your account here, as far as the lines below say. "
    "This moves nothing, and you can take it back at any time."
)


@dataclass(frozen=True, slots=True)
class _Decision:
    """Who decided, over what, when."""

    said: SignIn
    asked: Asked
    limits: ConsentLimits
    now: int


class ConsentService:
    """Shows what an app asks for, and turns a wallet's signature into a grant. `issuer` is our URL."""

    def __init__(self, store: Store, clock: Clock, sessions: SessionService, issuer: str) -> None:
        self._store = store
        self._clock = clock
        self._sessions = sessions
        self._issuer = issuer

    async def judge(self, query: str) -> Asked | OAuthAnswer:
        """What the authorization endpoint was asked, or the answer that refuses it."""
        client_id = protocol.Params(query).data.get("client_id", "")
        async with self._store.read_connection() as db:
            app = await repository.app_of(db, client_id)
        return protocol.review(protocol.Facts(now=self._clock.now(), app=app), query, self._issuer)

    async def review(self, asking: Asking) -> ReviewReply:
        """What is shown before anything is signed. Raises MalformedRequest, NotFound for an unknown code."""
        async with self._store.read_connection() as db:
            asked = await self._asked(db, asking)
        parts, refused = urlsplit(asked.redirect_uri), {"error": "access_denied"}
        return ReviewReply(
            client_id=asked.app.client_id,
            client_name=asked.app.name,
            client_uri=asked.app.uri,
            registered_by=checksum(Address(asked.app.account)),
            answers_to=parts.netloc or parts.scheme,
            scopes=[ScopeReply(scope=scope.value, explanation=EXPLAINED[scope]) for scope in asked.scopes],
            deny_to=protocol.redirect_of(asked, self._issuer, **refused) if asked.redirect_uri else "",
        )

    async def message(self, wanted: ConsentRequest) -> ConsentReply:
        """The message the wallet signs. Raises MalformedRequest, NotFound."""
        async with self._store.read_connection() as db:
            asked = await self._asked(db, wanted)
        nonce, limits = self._sessions.nonce(), _limits_of(wanted)
        issued = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = [
            f"{nonce.domain} wants you to sign in with your Ethereum account:",
            checksum(to_address(wanted.address)),
            f"\n{STATEMENT}\n",
            f"URI: {nonce.uri}",
            f"Version: 1\nChain ID: {nonce.chain_id}\nNonce: {nonce.nonce}\nIssued At: {issued}",
            f"Request ID: {_request_id(asked, limits)}\nResources:",
            *(f"- {resource}" for resource in _resources(asked, limits, self._issuer)),
        ]
        return ConsentReply(message="\n".join(lines))

    async def approve(self, given: ApproveRequest, client: str) -> DecidedReply:
        """Let the app in. Raises what signing in raises, InvalidSignature for a message that says something
        else, Conflict where too many grants live.
        """
        said = await self._sessions.prove(SignInRequest(message=given.message, signature=given.signature))
        now, limits = self._clock.now(), _limits_of(given)
        async with self._store.write_connection() as db:
            asked = await self._asked(db, given, lock=True)
            if said.request_id != _request_id(asked, limits):
                raise InvalidSignature(
                    "the wallet signed another consent; read the message again and sign it"
                )
            decision = _Decision(said, asked, limits, now)
            grant_id = await self._grant(db, decision, client)
            if asked.device_hash:
                await repository.set_device(db, asked.device_hash, grant_id=grant_id)
                return DecidedReply(redirect_to="")
            code = CODE_PREFIX + secrets.token_urlsafe(32)
            await repository.add_code(db, _code_row(code, grant_id, decision))
        return DecidedReply(redirect_to=protocol.redirect_of(asked, self._issuer, code=code))

    async def deny(self, asking: Asking) -> DecidedReply:
        """Refuse an app; a device is told so at its next question."""
        now = self._clock.now()
        async with self._store.write_connection() as db:
            asked = await self._asked(db, asking, lock=True)
            if asked.device_hash:
                await repository.set_device(db, asked.device_hash, denied_at=now)
                return DecidedReply(redirect_to="")
        return DecidedReply(redirect_to=protocol.redirect_of(asked, self._issuer, error="access_denied"))

    async def _asked(self, db: AsyncConnection, asking: Asking, *, lock: bool = False) -> Asked:
        if bool(asking.query) == bool(asking.user_code):
            raise MalformedRequest("send `query` or `user_code`, one of them")
        now = self._clock.now()
        if asking.user_code:
            return await self._asked_by_device(db, asking.user_code, now, lock=lock)
        client_id = protocol.Params(asking.query).data.get("client_id", "")
        facts = protocol.Facts(now=now, app=await repository.app_of(db, client_id))
        asked = protocol.review(facts, asking.query, self._issuer)
        if isinstance(asked, OAuthAnswer):
            told = asked.body.get("error_description") or asked.location or asked.body.get("error")
            raise MalformedRequest(f"the app's request is wrong: {told}")
        return asked

    async def _asked_by_device(self, db: AsyncConnection, user_code: str, now: int, *, lock: bool) -> Asked:
        row = await repository.waiting_device(db, hash_of(spelled(user_code)), now, lock=lock)
        app = None if row is None else await repository.app_of(db, row.client_id)
        if row is None or app is None:
            raise NotFound("no app waits with this code; look at its screen again, or start it anew")
        return Asked(app, tuple(Scope(name) for name in row.scopes), device_hash=row.device_hash)

    async def _grant(self, db: AsyncConnection, decision: _Decision, client: str) -> str:
        said, asked, limits, now = decision.said, decision.asked, decision.limits, decision.now
        if await repository.live_grants(db, said.chain_id, said.address, now) >= GRANTS_LIMIT:
            raise Conflict(f"{GRANTS_LIMIT} grants to apps live; revoke some first")
        grant_id = secrets.token_hex(10)
        scopes = [scope.value for scope in asked.scopes]
        row = {
            "grant_id": grant_id,
            "client_id": asked.app.client_id,
            "chain_id": said.chain_id,
            "account": said.address,
            "scopes": scopes,
            "services": sorted(set(limits.services)),
            "daily_cap": limits.daily_cap,
            "created_at": now,
            "expires_at": now + limits.expires_in,
        }
        await repository.add_grant(db, row)
        owner = Principal(said.chain_id, said.address, "session", f"consent {grant_id}")
        details = {"app": asked.app.client_id, "name": asked.app.name, "scopes": scopes}
        entry = audit_row(owner, "app.approved", grant_id, client, self._clock.now(), **details)
        await add_audit(db, entry)
        return grant_id


def spelled(user_code: str) -> str:
    """A code as it is kept: what people add or leave out between the letters does not count."""
    return "".join(letter for letter in user_code.upper() if letter.isalnum())


def _limits_of(wanted: ConsentLimits) -> ConsentLimits:
    return ConsentLimits(**{name: getattr(wanted, name) for name in ConsentLimits.model_fields})


def _resources(asked: Asked, limits: ConsentLimits, issuer: str) -> list[str]:
    """What the wallet shows, line by line."""
    services = ",".join(str(one) for one in sorted(set(limits.services))) or "all"
    cap = "none" if limits.daily_cap is None else str(limits.daily_cap)
    return [
        f"{issuer}/v1/oauth/apps/{asked.app.client_id}",
        f"urn:emporion:app:{quote(asked.app.name, safe='')}",
        *(f"urn:emporion:scope:{scope.value}" for scope in asked.scopes),
        f"urn:emporion:services:{services}",
        f"urn:emporion:micro-credits-a-day:{cap}",
        f"urn:emporion:ends-after-seconds:{limits.expires_in}",
    ]


def _request_id(asked: Asked, limits: ConsentLimits) -> str:
    """One text for one consent: whatever is approved is in it."""
    parts = [
        *_resources(asked, limits, ""),
        asked.redirect_uri,
        asked.challenge,
        asked.state,
        asked.device_hash.hex(),
    ]
    digest = hashlib.sha256("\0".join(quote(part, safe="") for part in parts).encode())
    return CONSENT + digest.hexdigest()


def _code_row(code: str, grant_id: str, decision: _Decision) -> dict[str, Any]:
    return {
        "code_hash": hash_of(code),
        "grant_id": grant_id,
        "redirect_uri": decision.asked.redirect_uri,
        "challenge": decision.asked.challenge,
        "expires_at": decision.now + CODE_SECONDS,
    }
