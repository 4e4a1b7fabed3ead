"""Sending: web hooks through the guarded client, signed by Standard Webhooks; the rest through apprise."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote

import orjson
from yarl import URL

from backend.alerts.ports import AlertSender, Message
from backend.alerts.targets import Target
from backend.core.clock import Clock
from backend.core.errors import Unprocessable, UpstreamError

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - no secret, what one begins with
_PATIENCE_SECONDS: Final = 30


class Outgoing(Protocol):
    """The part of `backend.net`'s client that is needed."""

    def stream(
        self, method: str, url: URL, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Send a request; the reply has a `status`."""
        ...


class WebhookSender:
    """POSTs a message with the three headers of Standard Webhooks. Any status but 2xx is a failure."""

    def __init__(self, http: Outgoing, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """Raises UpstreamError and its kind, AddressBlocked."""
        body = body_of(message)
        now = self._clock.now()
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(secret, message.id, now, body),
        }
        url = URL(target.text)
        async with self._http.stream("POST", url, headers=headers, body=body) as reply:
            if not 200 <= reply.status < 300:
                raise UpstreamError(f"{url.host} answered {reply.status}", status=reply.status)


def body_of(message: Message) -> bytes:
    """The JSON of a web hook: type, time, data."""
    said = {
        "type": f"alert.{message.kind}",
        "timestamp": datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"title": message.title, "text": message.text, **message.data},
    }
    return orjson.dumps(said)


def signature(secret: str, message_id: str, sent_at: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0)."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{sent_at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class AppriseSender:
    """Mail by the operator's server, Slack, Discord and Telegram, through apprise in a thread.

    `mail_url` is apprise's URL of that server (`mailtos://user:password@host`), never a stranger's. The hosts
    of the others are apprise's own: what a target says is only whom to tell there.
    """

    def __init__(self, mail_url: str = "") -> None:
        self._mail_url = mail_url

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """Raises UpstreamError where it was not taken, Unprocessable for mail without a server."""
        url = self._url(target)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                taken = await asyncio.to_thread(_notify, url, message)
        except TimeoutError:
            taken = False
        if not taken:
            raise UpstreamError(f"{target.scheme} did not take the message")

    def _url(self, target: Target) -> str:
        if target.scheme != "mail":
            return target.text
        if not self._mail_url:
            raise Unprocessable("this gateway sends no mail (no EMPORION_MAIL_URL); choose another channel")
        joint = "&" if "?" in self._mail_url else "?"
        return f"{self._mail_url}{joint}to={quote(target.text.removeprefix('mailto:'))}"


def _notify(url: str, message: Message) -> bool:
    # It takes a third of a second to import, and only who sends needs it.
    from apprise import Apprise, NotifyFormat

    sender = Apprise()
    return bool(
        sender.add(url)
        and sender.notify(title=message.title, body=message.text, body_format=NotifyFormat.TEXT)
    )


class SenderByScheme:
    """The sender of each scheme."""

    def __init__(self, webhook: AlertSender, others: AlertSender) -> None:
        self._webhook = webhook
        self._others = others

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """As the scheme's sender does."""
        chosen = self._webhook if target.scheme == "webhook" else self._others
        await chosen.send(target, secret, message)
