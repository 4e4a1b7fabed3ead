"""From a credential to a principal: one place, whatever the credential is."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Final

from backend.accounts.key_format import Network, hash_of, parse_key
from backend.accounts.oauth.protocol import ACCESS_PREFIX
from backend.accounts.oauth.protocol import TOKEN_LENGTH as APP_TOKEN_LENGTH
from backend.accounts.oauth.tokens import TokenService
from backend.accounts.principal import Principal
from backend.accounts.service import KeyService
from backend.accounts.sessions import TOKEN_LENGTH, TOKEN_PREFIX, SessionService
from backend.accounts.signed_requests import NoSignedRequests, SignedRequest, SignedRequests
from backend.core.clock import Clock
from backend.core.errors import InvalidCredential
from backend.core.lookups import SharedLookups

REMEMBERED_SECONDS: Final = 0.5
"""A revoked credential is refused everywhere within a second; here it is evicted at once."""
REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request carries: the bearer of `Authorization`, or `x-api-key`, or a signature of its own; and
    the caller's network address.
    """

    token: str | None
    client: str
    signed: SignedRequest | None = None

    def require_body(self, body: bytes) -> None:
        """Hold the body against the signature, if there is one. Raises InvalidSignature."""
        if self.signed is not None:
            self.signed.require_body(body)


class CredentialResolver:
    """Finds who presents a credential, remembering each answer for half a second."""

    def __init__(
        self,
        keys: KeyService,
        sessions: SessionService,
        network: Network,
        clock: Clock,
        signed: SignedRequests | NoSignedRequests | None = None,
        apps: TokenService | None = None,
    ) -> None:
        self._apps = apps
        self._signed = signed or NoSignedRequests()
        self._keys = keys
        self._sessions = sessions
        self._network: Network = network
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._lookups: SharedLookups[bytes, Principal] = SharedLookups()

    async def resolve(self, presented: Presented) -> Principal:
        """The caller. Raises InvalidCredential and its kind, AddressNotAllowed outside the key's networks.

        A signed request's body is held against it apart, once it is read.
        """
        if presented.signed is not None:
            return await self._signed.resolve(presented.signed)
        if presented.token is None:
            raise InvalidCredential(
                "no credential: send Authorization: Bearer with an API key or a session's token"
            )
        token = presented.token
        key = hash_of(token)
        principal = self._remembered(key) or await self._lookups.get(key, partial(self._look_up, token, key))
        principal.require_network(presented.client)
        return principal

    def forget(self) -> None:
        """Trust nothing remembered, nor what is being read: a key or session was revoked."""
        self._known = OrderedDict()
        self._lookups.forget()

    def _remembered(self, key: bytes) -> Principal | None:
        entry = self._known.get(key)
        if entry is None or self._clock.monotonic() >= entry[0]:
            return None
        return entry[1]

    async def _look_up(self, token: str, key: bytes) -> Principal:
        known = self._known
        if token.startswith(TOKEN_PREFIX) and len(token) == TOKEN_LENGTH:
            principal = await self._sessions.find(token)
        elif self._apps and token.startswith(ACCESS_PREFIX) and len(token) == APP_TOKEN_LENGTH:
            principal = await self._apps.find(token)
        else:
            parse_key(token, self._network)
            principal = await self._keys.find(token)
        known[key] = (self._clock.monotonic() + REMEMBERED_SECONDS, principal)
        while len(known) > REMEMBERED:
            known.popitem(last=False)
        return principal
