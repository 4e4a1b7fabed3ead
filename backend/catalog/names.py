"""Names of models: `<chain id>/<service id>` or `<owner address>/<slug>`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from backend.core.errors import ModelNotFound
from backend.core.units import Address, ServiceId

_BY_ID: Final = re.compile(r"([0-9]{1,20})/([0-9]{1,10})")
_BY_SLUG: Final = re.compile(r"(0x[0-9a-fA-F]{40})/([a-z0-9][a-z0-9.-]{0,63})")


@dataclass(frozen=True, slots=True)
class ById:
    """A service by its number."""

    service_id: ServiceId


@dataclass(frozen=True, slots=True)
class BySlug:
    """A service by its owner and the short name in its metadata."""

    owner: Address
    slug: str


def read_name(text: str, chain_id: int, aliases: dict[str, ServiceId]) -> ById | BySlug:
    """What a model's name means. Raises ModelNotFound: a bare slug is nobody's, so nobody squats
    another's.
    """
    if text in aliases:
        return ById(aliases[text])
    if match := _BY_ID.fullmatch(text):
        if int(match[1]) != chain_id:
            raise ModelNotFound(f"model {text} is on chain {match[1]}; this gateway serves chain {chain_id}")
        return ById(ServiceId(int(match[2])))
    if match := _BY_SLUG.fullmatch(text):
        return BySlug(Address(bytes.fromhex(match[1][2:])), match[2])
    raise ModelNotFound(
        f"there is no model {text[:100]!r}; name one as <chain id>/<service id> or <owner address>/<slug>, "
        "see GET /v1/models?all=1"
    )


def name_of(chain_id: int, service_id: int) -> str:
    """The name that is always right."""
    return f"{chain_id}/{service_id}"
