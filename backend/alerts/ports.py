"""What alerts need of others: senders, a place to keep secrets, what a meter's key has for gas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from backend.alerts.targets import Target
from backend.core.errors import Unprocessable


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` is the same in every attempt; `data` is for programs."""

    id: str
    kind: str
    at: int
    title: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)


class AlertSender(Protocol):
    """Sends one message to one place."""

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """Raises UpstreamError and its kind where it did not arrive, AddressBlocked where it never will."""
        ...


class NoSender:
    """Nothing can be sent: no channel can be made."""

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """Raises Unprocessable."""
        raise Unprocessable(f"this gateway does not send to {target.scheme}; choose another channel")


class RecordingSender:
    """Keeps what it was given, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[Target, Message]] = []
        self.failures: list[Exception] = []

    async def send(self, target: Target, secret: str, message: Message) -> None:
        """Keep the message."""
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((target, message))


class Sealer(Protocol):
    """Encrypts what is kept, bound to the place it is kept for."""

    def seal(self, secret: str, place: str) -> bytes:
        """Encrypt for one place."""
        ...

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what was sealed for this very place."""
        ...

    def resealed(self, sealed: bytes, place: str) -> bytes:
        """The same, sealed by the newest key."""
        ...


class GasTank(Protocol):
    """What a key has for gas, from a node."""

    async def wei(self, account: bytes) -> int | None:
        """Wei of an account; None where no node says."""
        ...


class NoGasTank:
    """No node at hand."""

    async def wei(self, account: bytes) -> int | None:
        """Unknown."""
        return None


class KnownGas:
    """Fixed amounts."""

    def __init__(self, amounts: Mapping[bytes, int]) -> None:
        self._amounts = dict(amounts)

    async def wei(self, account: bytes) -> int | None:
        """What was given."""
        return self._amounts.get(account)
