"""What subscribers ask for and what they are shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.core.units import SERVICE_ID_LIMIT, Address


class Finality(StrEnum):
    """`instant`: every event at once, and a retraction where a reorganisation takes it back. `finalized`:
    only what can no longer be taken back.
    """

    INSTANT = "instant"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: of a service, of an account, how certain."""

    finality: Finality = Finality.INSTANT
    service_id: int | None = None
    account: Address | None = None


class EndpointRequest(BaseModel):
    """A URL to send events to."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=8, max_length=500, pattern=r"^https?://[!-~]+$", examples=["https://example.com/hook"]
    )
    finality: Finality = Finality.FINALIZED
    service_id: int | None = Field(default=None, ge=1, lt=SERVICE_ID_LIMIT)
    account: str | None = Field(default=None, pattern=r"^0x[0-9a-fA-F]{40}$")


class SecretRotation(BaseModel):
    """How long the earlier secret signs too."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: int = Field(default=3_600, ge=0, le=7 * 86_400)


class EndpointReply(BaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    finality: Finality
    service_id: int | None
    account: str | None
    created_at: int
    disabled: bool


class NewEndpointReply(EndpointReply):
    """A webhook with its secret, shown this once."""

    secret: str


class DeliveryReply(BaseModel):
    """One event on its way to an endpoint."""

    id: int
    message_id: str
    event_id: int
    state: Literal["due", "delivered", "dead"]
    attempts: int
    next_at: int
    last_status: int | None
    delivered_at: int | None


class RetriedReply(BaseModel):
    """How many dead letters are on their way again."""

    retried: int
