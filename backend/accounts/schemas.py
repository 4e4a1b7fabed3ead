"""Shapes of sign-in and keys at the edge."""

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.accounts.principal import Scope


def _cidr(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NonceReply(BaseModel):
    """What to put into the sign-in message."""

    nonce: str
    expires_at: int
    """Unix seconds."""
    domain: str
    uri: str
    chain_id: int
    statement: str


class SignInRequest(_Strict):
    """An EIP-4361 message and the wallet's signature over it, in hexadecimal."""

    message: str = Field(max_length=4_096)
    signature: str = Field(max_length=16_386)


class SessionReply(BaseModel):
    """A session: send the token as `Authorization: Bearer`."""

    token: str
    address: str
    chain_id: int
    expires_at: int


class KeyRequest(_Strict):
    """What a key may do. Left out: everything but `keys` and `provider`, from anywhere, without end."""

    name: str = Field(default="", max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
    scopes: list[Scope] = Field(default=[Scope.INFERENCE, Scope.READ], min_length=1)
    services: list[Annotated[int, Field(ge=1, lt=2**33)]] = Field(default=[], max_length=100)
    networks: list[Annotated[str, AfterValidator(_cidr)]] = Field(default=[], max_length=50)
    daily_cap: int | None = Field(default=None, ge=1, lt=2**63, description="Micro-credits a UTC day.")
    expires_in: int | None = Field(default=None, ge=60, le=10 * 366 * 86_400, description="Seconds from now.")


class KeyChange(_Strict):
    """What is to change of a key; what is left out stays. `null` takes a limit away."""

    name: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
    scopes: list[Scope] | None = Field(default=None, min_length=1)
    services: list[Annotated[int, Field(ge=1, lt=2**33)]] | None = Field(default=None, max_length=100)
    networks: list[Annotated[str, AfterValidator(_cidr)]] | None = Field(default=None, max_length=50)
    daily_cap: int | None = Field(default=None, ge=1, lt=2**63, description="Micro-credits a UTC day.")
    expires_in: int | None = Field(default=None, ge=60, le=10 * 366 * 86_400, description="Seconds from now.")


class RotateRequest(_Strict):
    """How long the old secret stays valid beside the new one, in seconds."""

    overlap_seconds: int = Field(default=0, ge=0, le=30 * 86_400)


class KeyDay(BaseModel):
    """Use on one UTC day (days since 1970)."""

    day: int
    requests: int
    spent_micro_credits: int


class KeyReply(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    services: list[int]
    networks: list[str]
    daily_cap: int | None
    version: int
    created_at: int
    expires_at: int | None
    ends_at: int | None
    """When it stops working unless it is rotated: at `expires_at`, or sooner by a secret's greatest age."""
    ends_soon: bool = False
    """Within a week from now."""
    revoked_at: int | None
    last_used_at: int | None
    overlap_until: int | None = None
    """While a rotation overlaps: when the old secret dies. Until then it can be rolled back."""
    days: list[KeyDay] = []


class NewKeyReply(KeyReply):
    """A key with its text, which is shown this once."""

    key: str


class AuditReply(BaseModel):
    """A line of the audit trail."""

    id: int
    at: int
    action: str
    subject: str
    network: str
    details: dict[str, Any]
