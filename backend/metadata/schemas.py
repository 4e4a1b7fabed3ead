"""The documents: what a service says about itself, and the limits a plan promises. JSON Schema 2020-12."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from backend.metadata.json_schemas import check_schema

SLUG = r"^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$"
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^(https?|ipfs|data):")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]
Digest = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]


FilePath = Annotated[
    str,
    StringConstraints(
        max_length=200,
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$",
    ),
]
"""No empty part, none that begins with a dot: it can lead nowhere else."""
MediaType = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$")]
Schema = Annotated[dict[str, Any], AfterValidator(check_schema)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFacts(_Document):
    """What a language model can do. Lengths in tokens."""

    operations: list[Literal["chat", "completions", "embeddings", "responses", "images", "audio"]] = Field(
        default=["chat", "completions"], min_length=1
    )
    context: int = Field(default=2_048, ge=1, le=100_000_000)
    max_output: int = Field(default=1_024, ge=1, le=10_000_000)
    image_tokens: int | None = Field(default=None, ge=1, description="Tokens of one image; none: text only.")
    digest: Digest | None = Field(default=None, description="SHA-256 of the weights.")
    deterministic: bool = Field(default=False, description="Whether the same request gives the same answer.")


class DataFile(_Document):
    """A file of a data set. `hash` is the Keccak-256 of its bytes; `size` is in bytes."""

    path: FilePath
    size: int = Field(ge=0, le=2**50)
    hash: Digest
    media_type: MediaType = "application/octet-stream"
    rows: int | None = Field(default=None, ge=0, le=2**50, description="Lines, for plans that count rows.")


class DataFacts(_Document):
    """What a data set holds."""

    files: list[DataFile] = Field(min_length=1, max_length=1_000)


class ServiceDocument(_Document):
    """A service's metadata; its keccak256 is on chain. `name`, `description` and `image` are ERC-1155's."""

    emporion: Literal["service/1"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
    slug: Annotated[str, StringConstraints(pattern=SLUG)]
    summary: str = Field(default="", max_length=280)
    description: str = Field(default="", max_length=20_000)
    tags: list[Tag] = Field(default=[], max_length=20)
    gateway: Url | None = Field(default=None, description="Where the service is served.")
    image: Url | None = None
    website: Url | None = None
    terms: Url | None = None
    licence: str = Field(default="", max_length=100)
    confirmation: Literal["latest", "safe", "finalized"] | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    request_schema: Schema | None = Field(default=None, description="JSON Schema of a request.")
    response_schema: Schema | None = Field(default=None, description="JSON Schema of an answer.")
    properties: dict[str, Any] = Field(default={}, description="Anything else.")


class LimitsDocument(_Document):
    """What a plan promises at most; its keccak256 is in the plan's terms. None: no limit.

    With `per_unit`, and always where units can be moved to other wallets, the rates and `concurrent` are for
    each unit held.
    """

    emporion: Literal["limits/1"]
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    concurrent: int | None = Field(default=None, ge=1)
    context: int | None = Field(default=None, ge=1)
    max_output: int | None = Field(default=None, ge=1)
    per_unit: bool = True


class ReviewDocument(_Document):
    """The words of a review; their document's keccak256 is on chain."""

    emporion: Literal["review/1"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True)]


class StoredReply(BaseModel):
    """A document that was kept."""

    hash: str
    kind: str
    size: int
    url: str


class DocumentProblem(BaseModel):
    """What is wrong with a document, and where."""

    path: str
    problem: str
