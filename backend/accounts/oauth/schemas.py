"""Shapes of OAuth at the edge; names are those of the RFCs where there are any."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.accounts.principal import Scope

EXPLAINED: Final[dict[Scope, str]] = {
    Scope.INFERENCE: "Call services in your name and spend the credits, passes and access you hold.",
    Scope.READ: "See your usage, receipts, holdings and statements.",
    Scope.PROVIDER: "Change your own services (upstreams, data, documents) and see what they earn.",
}
"""What an app may ask for, as people are told. Keys are not among it: an app cannot hand on what it has."""

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES: Final = ("authorization_code", "refresh_token", DEVICE_GRANT)
LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]"})
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_PRINTABLE: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_TEXT: Final = r"^[^\x00-\x1f\x7f]*$"


def redirect_uri(text: str) -> str:
    """An address an app may be answered at: https, http on this machine, or an app's own scheme with a dot in
    it (RFC 8252, 7). No fragment, no user, no wildcard. Raises ValueError.
    """
    parts = urlsplit(text)
    if not _PRINTABLE.fullmatch(text) or "#" in text or "*" in text or "@" in parts.netloc:
        raise ValueError("write the whole address, without fragment, user or wildcard")
    local = parts.scheme == "http" and parts.netloc.rpartition(":")[0] in LOOPBACK
    local = local or (parts.scheme == "http" and (parts.netloc in LOOPBACK or parts.hostname == "localhost"))
    if (parts.scheme == "https" and parts.hostname) or local or _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return text
    raise ValueError("redirects go to https://, to http://127.0.0.1, or to a scheme like com.example.app:/")


def _web_address(text: str) -> str:
    if text and not (text.startswith("https://") and _PRINTABLE.fullmatch(text)):
        raise ValueError("an https:// address is needed")
    return text


def _scopes(text: str) -> str:
    names = text.split(" ")
    offered = {scope.value for scope in EXPLAINED}
    if not set(names) <= offered or len(set(names)) != len(names):
        raise ValueError(f"scopes are {' '.join(sorted(offered))}, each once, with one space between")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AppRequest(_Strict):
    """Metadata of a public client (RFC 7591)."""

    client_name: str = Field(min_length=1, max_length=60, pattern=_TEXT)
    client_uri: Annotated[str, AfterValidator(_web_address)] = Field(default="", max_length=300)
    redirect_uris: list[Annotated[str, Field(max_length=500), AfterValidator(redirect_uri)]] = Field(
        default=[],
        max_length=10,
        description="Compared letter by letter. None for apps with a code on screen.",
    )
    scope: Annotated[str, AfterValidator(_scopes)] = "inference"
    token_endpoint_auth_method: Literal["none"] = "none"  # noqa: S105 - the RFC's name for public clients


class AppReply(BaseModel):
    """A registered app."""

    client_id: str
    client_id_issued_at: int
    client_name: str
    client_uri: str
    redirect_uris: list[str]
    scope: str
    token_endpoint_auth_method: Literal["none"] = "none"  # noqa: S105 - the RFC's name for public clients
    grant_types: list[str] = list(GRANT_TYPES)
    response_types: list[str] = ["code"]
    registered_by: str


class Asking(_Strict):
    """What an app asks for: the query it opened the page with, or the code it showed on its screen."""

    query: str = Field(default="", max_length=4_096)
    user_code: str = Field(default="", max_length=20)


class ScopeReply(BaseModel):
    """A scope, explained."""

    scope: str
    explanation: str


class ReviewReply(BaseModel):
    """What is shown before anything is signed."""

    client_id: str
    client_name: str
    client_uri: str
    registered_by: str
    answers_to: str
    """Host or scheme the answer goes to; empty for a device."""
    scopes: list[ScopeReply]
    deny_to: str
    """Where a refusal leads; empty for a device."""


class ConsentLimits(Asking):
    """The wallet's own limits on top of what is asked."""

    services: list[Annotated[int, Field(ge=1, lt=2**33)]] = Field(default=[], max_length=100)
    daily_cap: int | None = Field(default=None, ge=1, lt=2**63, description="Micro-credits a UTC day.")
    expires_in: int = Field(default=90 * 86_400, ge=300, le=366 * 86_400, description="Seconds from now.")


class ConsentRequest(ConsentLimits):
    """The wallet that is going to sign."""

    address: str = Field(max_length=42)


class ConsentReply(BaseModel):
    """The EIP-4361 message to sign, letter by letter."""

    message: str


class ApproveRequest(ConsentLimits):
    """The signed message; the limits must be those it names."""

    message: str = Field(max_length=4_096)
    signature: str = Field(max_length=16_386)


class DecidedReply(BaseModel):
    """Where the browser goes now; empty for a device, which finds out by itself."""

    redirect_to: str


class GrantReply(BaseModel):
    """What an app may do."""

    id: str
    client_id: str
    client_name: str
    scopes: list[str]
    services: list[int]
    daily_cap: int | None
    created_at: int
    expires_at: int
    revoked_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class OAuthAnswer:
    """An answer in OAuth's own shape (RFC 6749, 5): status, JSON body, headers."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def location(self) -> str:
        """Where a redirect leads; empty for anything else."""
        return self.headers.get("Location", "")
