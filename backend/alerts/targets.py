"""Where alerts may be sent: five schemes, each read strictly, nothing else of a URL gets through. Pure.

`https://...` (a web hook), `mailto:name@host`, `slack://A/B/C`, `discord://ID/TOKEN`, `tgram://TOKEN/CHAT`.
"""

import re
from typing import Final, Literal, NamedTuple

from yarl import URL

from backend.core.errors import Unprocessable
from backend.net.guard import NetworkPolicy, check_url

Scheme = Literal["webhook", "mail", "slack", "discord", "telegram"]
_LIMIT: Final = 500
_SHAPES: Final[tuple[tuple[Scheme, re.Pattern[str]], ...]] = (
    ("mail", re.compile(r"mailto:([A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63})")),
    ("slack", re.compile(r"slack://([A-Z0-9]{8,12})/([A-Z0-9]{8,12})/([A-Za-z0-9]{20,32})")),
    ("discord", re.compile(r"discord://([0-9]{15,21})/([A-Za-z0-9_-]{40,100})")),
    ("telegram", re.compile(r"tgram://([0-9]{5,12}:[A-Za-z0-9_-]{30,50})/(-?[0-9]{3,20})")),
)
_HOSTS: Final = {
    "slack": "https://hooks.slack.com/services",
    "discord": "https://discord.com/api/webhooks",
    "telegram": "https://api.telegram.org",
}
"""Where the messages of these schemes go, whatever a target says."""


class Target(NamedTuple):
    """A target as it was read. `text` holds secrets; `shown` does not."""

    scheme: Scheme
    text: str
    shown: str


def read_target(text: str, policy: NetworkPolicy) -> Target:
    """A target, checked against where we may connect. Raises Unprocessable, AddressBlocked."""
    if len(text) > _LIMIT:
        raise Unprocessable(f"a target has at most {_LIMIT} characters")
    if text.startswith(("https://", "http://")):
        url = check_url(_url(text), policy)
        return Target("webhook", str(url), str(url.with_query(None).with_path("/...")))
    for scheme, shape in _SHAPES:
        if match := shape.fullmatch(text):
            if scheme in _HOSTS:
                check_url(URL(_HOSTS[scheme]), policy)
            return Target(scheme, text, _shown(scheme, match))
    raise Unprocessable(
        "the target is none of https://..., mailto:name@host, slack://A/B/C, discord://ID/TOKEN, "
        "tgram://TOKEN/CHAT"
    )


def _url(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise Unprocessable("the target is not a URL: write https://host/path") from None


def _shown(scheme: Scheme, match: re.Match[str]) -> str:
    if scheme == "mail":
        name, _, host = match[1].partition("@")
        return f"mailto:{name[0]}...@{host}"
    kept = match[2] if scheme == "telegram" else match[1]
    return f"{scheme} {kept}"
