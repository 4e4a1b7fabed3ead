"""What providers say about their upstreams, and what they are shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from backend.core.units import ChainId, ServiceId

MOST_UPSTREAMS = 16


class UpstreamKind(StrEnum):
    """`embedded`: this gateway's own model. `openai`: any OpenAI-compatible server. `http`: one JSON
    endpoint.
    """

    EMBEDDED = "embedded"
    OPENAI = "openai"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service on its chain."""

    chain_id: ChainId
    service_id: ServiceId


class UpstreamDefinition(BaseModel):
    """One upstream as its provider describes it.

    `url`: for `openai` the base that ends where OpenAI's does (`https://host/v1`), for `http` the endpoint
    itself. `secret`: sent as `Authorization: Bearer`; leave it out to keep the one given for this origin
    before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: UpstreamKind
    url: str = Field("", max_length=500, examples=["https://llm.example.com/v1"])
    model: str = Field("", max_length=200, description="The model's name at the upstream.")
    weight: int = Field(1, ge=1, le=1_000, description="Share of requests, against the service's others.")
    timeout_seconds: int = Field(120, ge=1, le=3_600, description="Longest silence of the upstream.")
    secret: Annotated[SecretStr, Field(min_length=1, max_length=4_096)] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "UpstreamDefinition":
        if (self.kind is UpstreamKind.EMBEDDED) == bool(self.url):
            raise ValueError("url: required for `openai` and `http`, and for those alone")
        if self.kind is UpstreamKind.OPENAI and not self.model:
            raise ValueError("model: say what the upstream calls the model")
        if self.secret is not None and not _fits_a_header(self.secret.get_secret_value()):
            raise ValueError("secret: printable ASCII without spaces")
        return self


class UpstreamList(BaseModel):
    """All upstreams of a service; putting it replaces what was there."""

    model_config = ConfigDict(extra="forbid")

    upstreams: list[UpstreamDefinition] = Field(max_length=MOST_UPSTREAMS)


class UpstreamShown(BaseModel):
    """An upstream as its provider sees it: the secret is never returned."""

    id: str
    kind: UpstreamKind
    url: str
    model: str
    weight: int
    timeout_seconds: int
    has_secret: bool
    healthy: bool
    """As this process last saw it."""


def _fits_a_header(secret: str) -> bool:
    return all("!" <= letter <= "~" for letter in secret)
