"""`service.toml`: what a provider publishes, read strictly, each mistake named with its line.

Money is written as text in whole units ("0.01"), rates in micro-credits, durations as `30d`.
"""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from backend.cli.devnet.controls import seconds_of
from backend.core.errors import EmporionError, Unprocessable
from backend.core.units import BaseUnits

_SLUG: Final = r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"

_TAG: Final = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"


def _amount(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError(f'write money as text: "{value}"')  # noqa: TRY004 - pydantic wants ValueError
    return value


Amount = Annotated[str, BeforeValidator(_amount), Field(pattern=r"^\d+(\.\d+)?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitsPart(_Strict):
    """What a plan promises at most; what is left out has no limit. `per_unit`: for each unit held."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    concurrent: int | None = Field(default=None, ge=1)
    context: int | None = Field(default=None, ge=1)
    max_output: int | None = Field(default=None, ge=1)
    per_unit: bool = True


class UpstreamPart(_Strict):
    """Where requests are answered. A secret comes from a file, never from the manifest."""

    kind: Literal["embedded", "openai", "http"] = "embedded"
    url: str = ""
    model: str = ""
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _has_url(self) -> "UpstreamPart":
        if self.kind != "embedded" and not self.url:
            raise ValueError(f"an upstream of kind {self.kind} needs a url")
        return self


class ServicePart(_Strict):
    """The service itself."""

    name: str = Field(min_length=1, max_length=80)
    slug: str = Field(pattern=_SLUG)
    description: str = Field(default="", max_length=4_000)
    kind: Literal["model", "dataset", "compute", "agent"] = "model"
    tags: list[Annotated[str, Field(pattern=_TAG)]] = Field(default=[], max_length=20)
    operations: list[Literal["chat", "completions", "embeddings", "responses", "images", "audio"]] = Field(
        default=["chat", "completions", "embeddings"], min_length=1
    )
    """What a model can do; other kinds ignore it."""
    context_length: int = Field(default=2_048, ge=1)
    bond: Amount = "1000"
    deterministic: bool = False
    upstreams: dict[str, int] = Field(default={}, max_length=4)
    """Service ids this one is derived from, and their parts in hundredths of a per cent."""


class RatesPart(_Strict):
    """Micro-credits (millionths of a credit) a request, a measure in, a measure out."""

    request: int = Field(default=0, ge=0, lt=2**64)
    unit_in: int = Field(default=0, ge=0, lt=2**64)
    unit_out: int = Field(default=0, ge=0, lt=2**64)


class PlanPart(_Strict):
    """A plan. `price` buys one unit: a pass, a period, a credit."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal["pass", "timed", "metered"]
    currency: str = Field(min_length=1, max_length=20)
    price: Amount
    period: str = ""
    measure: Literal["tokens", "kib", "rows", "seconds"] = "tokens"
    rates: RatesPart = RatesPart()
    transferable: bool = True
    refundable: bool = False
    royalty_bps: int = Field(default=0, ge=0, le=2_500)
    supply_cap: int = Field(default=0, ge=0, lt=2**63 - 1)
    account_cap: int = Field(default=0, ge=0, lt=2**63 - 1)
    sale_start: AwareDatetime | None = None
    early: str = ""
    early_score: Amount = "0"
    limits: LimitsPart | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> "PlanPart":
        if (self.kind == "timed") != bool(self.period):
            raise ValueError("a timed plan, and no other, needs a period such as 30d")
        if self.kind == "pass" and self.refundable:
            raise ValueError("a pass is used up at once and cannot be refundable")
        if self.kind != "metered" and self.rates != RatesPart():
            raise ValueError("only a metered plan has rates")
        if self.early and self.sale_start is None:
            raise ValueError("early access comes before a sale_start")
        if self.early_score != "0" and not self.early:
            raise ValueError("early_score is asked for in the time that `early` says, such as 2d")
        if self.transferable and self.limits is not None and not self.limits.per_unit:
            raise ValueError(
                "limits that are not per unit would be multiplied by moving units to other wallets: leave "
                "per_unit = false out, or set transferable = false"
            )
        return self

    @property
    def period_seconds(self) -> int:
        """Seconds of access in a unit; 0 unless timed."""
        return seconds_of(self.period) if self.period else 0

    @property
    def sale_begins(self) -> int:
        """Unix time of the open sale; 0 for at once."""
        return 0 if self.sale_start is None else int(self.sale_start.timestamp())

    @property
    def early_seconds(self) -> int:
        """How long before that stakers may buy."""
        return seconds_of(self.early) if self.early else 0


class Manifest(_Strict):
    """All of `service.toml`."""

    service: ServicePart
    upstream: UpstreamPart = UpstreamPart()
    plan: list[PlanPart] = Field(min_length=1, max_length=50)


def read_manifest(path: Path) -> Manifest:
    """Read and check. Raises Unprocessable, every mistake with its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unprocessable(
            f"{path} cannot be read: {error.strerror}; give the path of a service.toml"
        ) from None
    try:
        return Manifest.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Unprocessable(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        told = [_told(path, text, mistake) for mistake in error.errors(include_url=False)]
        raise Unprocessable("; ".join(told), mistakes=told) from None
    except EmporionError as error:
        raise Unprocessable(f"{path}: {error.message}") from None


def base_units(text: str, decimals: int) -> BaseUnits:
    """Money as written to base units, exactly. Raises Unprocessable for more digits than the currency has."""
    try:
        scaled = Decimal(text).scaleb(decimals)
    except InvalidOperation:
        scaled = Decimal("nan")
    if not scaled.is_finite() or scaled < 0:
        raise Unprocessable(f"{text!r} is no amount; write digits such as 0.01")
    if scaled != scaled.to_integral_value():
        raise Unprocessable(f"{text} has more than the currency's {decimals} decimals")
    return BaseUnits(int(scaled))


def _told(path: Path, text: str, mistake: Mapping[str, Any]) -> str:
    place = [part for part in mistake["loc"] if isinstance(part, str | int)]
    name = ".".join(str(part) for part in place) or "the file"
    words = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{path}:{line_of(text, place)}: {name}: {words}"


def line_of(text: str, place: list[str | int]) -> int:
    """The line a key stands on, or its table's, counting from 1; 1 where neither is written."""
    table, index = (str(place[0]) if place else ""), next((p for p in place if isinstance(p, int)), 0)
    keys = [str(part) for part in place[1:] if isinstance(part, str)]
    header = re.compile(rf"^\s*\[{{1,2}}\s*{re.escape(table)}\s*[.\]]")
    found, seen = 1, -1
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            inside = bool(header.match(line))
            seen += inside and "." not in line
            if inside and seen == index:
                found = number
        elif seen == index and any(re.match(rf"^\s*{re.escape(key)}\s*[=.]", line) for key in keys):
            return number
    return found
