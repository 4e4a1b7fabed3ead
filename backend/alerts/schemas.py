"""Shapes of alerts as JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.alerts.kinds import Kind

ClockText = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Threshold = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,60}$")]


class QuietHours(BaseModel):
    """Times of the UTC day between which nothing is sent; what is found then is sent after."""

    model_config = ConfigDict(extra="forbid")

    start: ClockText
    end: ClockText


class RuleRequest(BaseModel):
    """A kind that is wanted."""

    model_config = ConfigDict(extra="forbid")

    threshold: Threshold | None = Field(None, description="In the kind's unit; its default where absent.")
    channels: list[str] = Field(
        default_factory=list, max_length=10, description="Ids; none: only listed here."
    )


class AlertsRequest(BaseModel):
    """All that is wanted; kinds that are absent are off."""

    model_config = ConfigDict(extra="forbid")

    kinds: dict[Kind, RuleRequest]
    quiet_hours: QuietHours | None = None


class KindReply(BaseModel):
    """A kind, and whether and how it is wanted."""

    kind: Kind
    summary: str
    unit: str
    enabled: bool
    threshold: str
    channels: list[str]


class ChannelReply(BaseModel):
    """A channel without its secrets."""

    id: str
    scheme: str
    shown: str
    confirmed: bool
    created_at: int


class NewChannelReply(ChannelReply):
    """A channel that waits for its code. `secret` signs its web hooks and is shown this once."""

    secret: str | None


class AlertReply(BaseModel):
    """Something that was told."""

    id: int
    kind: str
    at: int
    text: str
    facts: dict[str, str]


class AlertsReply(BaseModel):
    """Everything about an account's alerts, the newest hundred of them first."""

    kinds: list[KindReply]
    quiet_hours: QuietHours | None
    channels: list[ChannelReply]
    recent: list[AlertReply]


class ChannelRequest(BaseModel):
    """A place to send to."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(
        max_length=500,
        description="https://... (web hook), mailto:name@host, slack://A/B/C, discord://ID/TOKEN, "
        "tgram://TOKEN/CHAT",
    )


class CodeRequest(BaseModel):
    """The code that arrived there."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
