"""Sign-in nonces: issued without a row, recognised by their own code, spent by one atomic insert."""

import hashlib
import hmac
import secrets
from typing import Final

from backend.accounts import repository
from backend.core.errors import InvalidNonce
from backend.core.units import UnixTime
from backend.db.session import Store

_TIME_DIGITS: Final = 10
_RANDOM_DIGITS: Final = 24
_CODE_DIGITS: Final = 24
LENGTH: Final = _TIME_DIGITS + _RANDOM_DIGITS + _CODE_DIGITS
SIGN_IN: Final = "sign-in"


class NonceIssuer:
    """Makes nonces of hexadecimal digits: time, randomness, and a code under a secret that replicas share.

    A flood of requests for nonces writes nothing, and a nonce nobody issued is refused without a look-up.
    """

    def __init__(self, master_secret: bytes, lifetime: int) -> None:
        self._secret = hmac.digest(master_secret, b"emporion.nonce", "sha256")
        self.lifetime = lifetime

    def issue(self, now: UnixTime) -> str:
        """A nonce that lives `lifetime` seconds."""
        head = f"{now:0{_TIME_DIGITS}x}" + secrets.token_hex(_RANDOM_DIGITS // 2)
        return head + self._code(head)

    def check(self, nonce: str, now: UnixTime) -> UnixTime:
        """When a nonce of ours dies. Raises InvalidNonce for one we did not issue or that is too old."""
        head, code = nonce[:-_CODE_DIGITS], nonce[-_CODE_DIGITS:]
        ours = len(nonce) == LENGTH and hmac.compare_digest(self._code(head).encode(), code.encode())
        if not ours:
            raise InvalidNonce("this gateway did not issue the nonce; take one from GET /v1/auth/nonce")
        expires_at = int(head[:_TIME_DIGITS], 16) + self.lifetime
        if now > expires_at:
            raise InvalidNonce("the nonce has expired; take a new one from GET /v1/auth/nonce")
        return UnixTime(expires_at)

    def _code(self, head: str) -> str:
        return hmac.new(self._secret, head.encode(), hashlib.sha256).hexdigest()[:_CODE_DIGITS]


async def consume(store: Store, purpose: str, nonce: str, expires_at: UnixTime) -> None:
    """Spend a nonce: whoever inserts it first has it. Raises InvalidNonce for everybody else.

    A store that does not answer raises, so a nonce never counts as fresh by accident.
    """
    async with store.write_connection() as connection:
        if not await repository.spend_nonce(connection, purpose, nonce, expires_at):
            raise InvalidNonce("the nonce was used already; take a new one", used=True)


async def forget_old(store: Store, audit_before: int, use_before: int) -> int:
    """Delete audit lines and ended sessions older than one time, use of keys older than another."""
    async with store.write_connection() as connection:
        gone = await repository.forget_old(connection, audit_before)
        return gone + await repository.forget_days(connection, use_before // 86_400)


async def forget_expired(store: Store, now: UnixTime) -> int:
    """Delete nonces whose signatures are worthless by now; returns how many."""
    async with store.write_connection() as connection:
        return await repository.forget_nonces(connection, now)
