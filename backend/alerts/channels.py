"""Channels: made, confirmed by a code that arrives there, removed."""

import base64
import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from backend.alerts import repository
from backend.alerts.ports import AlertSender, Message, Sealer
from backend.alerts.schemas import ChannelReply, NewChannelReply
from backend.alerts.senders import SECRET_PREFIX
from backend.alerts.targets import Target, read_target
from backend.core.clock import Clock
from backend.core.errors import Forbidden, NotFound, RateLimited, Unprocessable
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.net.guard import NetworkPolicy

CODE_SECONDS: Final = 900
TRIES: Final = 5
MOST: Final = 10
AN_HOUR: Final = 5
"""Channels an account may make in an hour: each sends a message to a place that has not asked for it."""


class Channels:
    """Channels of one chain's accounts. Targets and secrets are kept sealed."""

    def __init__(
        self,
        store: Store,
        sender: AlertSender,
        sealer: Sealer,
        policy: NetworkPolicy,
        clock: Clock,
        digits: Callable[[], str] = lambda: f"{secrets.randbelow(10**8):08d}",
    ) -> None:
        self._store = store
        self._sender = sender
        self._sealer = sealer
        self._policy = policy
        self._clock = clock
        self._digits = digits

    async def add(self, chain_id: ChainId, account: Address, text: str) -> NewChannelReply:
        """Keep a channel and send it a code.

        Raises Unprocessable, AddressBlocked, RateLimited, UpstreamError where the code could not be sent.
        """
        target, now = read_target(text, self._policy), self._clock.now()
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        code, channel_id = self._digits(), secrets.token_hex(8)
        row = {
            "id": channel_id,
            "chain_id": chain_id,
            "account": account,
            "scheme": target.scheme,
            "shown": target.shown,
            "sealed_target": self._sealer.seal(target.text, _place(channel_id, "target")),
            "sealed_secret": self._sealer.seal(secret, _place(channel_id, "secret")),
            "code_hash": _code_hash(channel_id, code),
            "code_until": now + CODE_SECONDS,
            "created_at": now,
            "tries": 0,
        }
        async with self._store.write_connection() as db:
            await self._require_room(db, chain_id, account, now)
            await repository.add_channel(db, row)
        await self._sender.send(target, secret, _code_message(channel_id, code, now))
        shown = secret if target.scheme == "webhook" else None
        return NewChannelReply(
            id=channel_id,
            scheme=target.scheme,
            shown=target.shown,
            confirmed=False,
            created_at=now,
            secret=shown,
        )

    async def confirm(self, chain_id: ChainId, account: Address, channel_id: str, code: str) -> ChannelReply:
        """Begin to use a channel. Raises NotFound, Forbidden for a wrong or late code."""
        now = self._clock.now()
        async with self._store.write_connection() as db:
            known = await repository.channels(db, chain_id, account)
            row = _named(known, channel_id)
            if row.confirmed_at is not None:
                return channel_reply(row)
            tried = await repository.count_try(db, channel_id, TRIES, now)
        right = tried is not None and hmac.compare_digest(tried.code_hash, _code_hash(channel_id, code))
        if not right:
            raise Forbidden("the code is wrong or too old; remove the channel and add it again for a new one")
        async with self._store.write_connection() as db:
            await repository.confirm(db, channel_id, now)
        return channel_reply(row).model_copy(update={"confirmed": True})

    async def remove(self, chain_id: ChainId, account: Address, channel_id: str) -> None:
        """Stop using a channel and forget where it led. Raises NotFound."""
        async with self._store.write_connection() as db:
            _named(await repository.channels(db, chain_id, account), channel_id)
            await repository.remove_channel(db, channel_id, self._clock.now())

    async def reseal(self) -> int:
        """Seal again what an earlier key sealed, of every account; returns how many channels changed."""
        async with self._store.write_connection() as db:
            return await self.reseal_in(db)

    async def reseal_in(self, db: Any) -> int:
        """The same, in a transaction of the caller's."""
        return sum([await self._resealed(db, row) for row in await repository.all_channels(db)])

    async def _resealed(self, db: Any, row: Any) -> bool:
        kept = {"target": bytes(row.sealed_target), "secret": bytes(row.sealed_secret)}
        anew = {part: self._sealer.resealed(sealed, _place(row.id, part)) for part, sealed in kept.items()}
        if anew != kept:
            values = {f"sealed_{part}": sealed for part, sealed in anew.items()}
            await repository.change_channel(db, row.id, values)
        return anew != kept

    def opened(
        self, channel_id: str, scheme: Any, shown: str, target: bytes, secret: bytes
    ) -> tuple[Target, str]:
        """A channel's target and secret. Raises SettingsError where they were sealed by another key."""
        text = self._sealer.open(target, _place(channel_id, "target"))
        return Target(scheme, text, shown), self._sealer.open(secret, _place(channel_id, "secret"))

    async def _require_room(self, db: Any, chain_id: ChainId, account: Address, now: int) -> None:
        if len(await repository.channels(db, chain_id, account)) >= MOST:
            raise Unprocessable(f"an account has at most {MOST} channels; remove one first")
        if await repository.made_since(db, chain_id, account, now - 3_600) >= AN_HOUR:
            raise RateLimited(
                f"{AN_HOUR} channels an hour can be made; wait for the next one", retry_after=3_600
            )


def channel_reply(row: Any) -> ChannelReply:
    """A channel without its secrets."""
    return ChannelReply(
        id=row.id,
        scheme=row.scheme,
        shown=row.shown,
        confirmed=row.confirmed_at is not None,
        created_at=row.created_at,
    )


def _named(rows: list[Any], channel_id: str) -> Any:
    for row in rows:
        if row.id == channel_id:
            return row
    raise NotFound("there is no such channel; see GET /v1/alerts")


def _place(channel_id: str, part: str) -> str:
    return f"alert channel {channel_id} {part}"


def _code_hash(channel_id: str, code: str) -> bytes:
    return sha256(f"{channel_id}:{code}".encode()).digest()


def _code_message(channel_id: str, code: str, now: int) -> Message:
    return Message(
        id=f"code_{channel_id}",
        kind="confirmation",
        at=now,
        title="Emporion: confirm this channel",
        text=f"Somebody wants alerts sent here. The code is {code}. If that was not you, do nothing.",
        data={"channel": channel_id, "code": code},
    )
