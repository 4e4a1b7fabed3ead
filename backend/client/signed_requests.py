"""Signing a request with a wallet's key (RFC 9421, draft ERC-8128): nothing to steal, nothing to replay."""

import base64
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from backend.signing.http_messages import (
    LABEL,
    content_digest,
    key_id,
    parameters,
    personal_message,
    signature_base,
)
from backend.signing.keys import Signer

LIFE_SECONDS: Final = 30


def signed_headers(
    key: Signer,
    chain_id: int,
    method: str,
    url: str,
    now: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers to add to a request; `url` is whole, `headers` are further ones to be signed along.

    Headers that begin with `emporion-` must be among them.
    """
    target = urlsplit(url)
    host = target.netloc.lower().removesuffix(":443" if target.scheme == "https" else ":80")
    covered = [("@method", method.upper()), ("@authority", host), ("@path", target.path or "/")]
    if target.query:
        covered.append(("@query", f"?{target.query}"))
    more = {name.lower(): value for name, value in (headers or {}).items()}
    if body or method.upper() not in ("GET", "HEAD"):
        more["content-digest"] = content_digest(body)
    covered += more.items()
    names = [name for name, _ in covered]
    said = parameters(
        names, now, now + LIFE_SECONDS, secrets.token_urlsafe(18), key_id(chain_id, key.address)
    )
    signature = key.sign_data(personal_message(signature_base(covered, said)))
    return {
        **more,
        "signature-input": f"{LABEL}={said}",
        "signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }
