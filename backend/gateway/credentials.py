"""What a request carries as its credential."""

from typing import Final

from backend.accounts.resolver import Presented
from backend.accounts.signed_requests import SignedRequest
from backend.core.errors import InvalidCredential
from backend.gateway.asgi import Scope, header
from backend.gateway.client_address import ClientAddress

_BEARER: Final = "bearer "
_SIGNED: Final = (b"signature-input", b"signature")


def presented(scope: Scope, addresses: ClientAddress) -> Presented:
    """`Authorization: Bearer`, `x-api-key`, or a signature of the request.

    Raises InvalidCredential for two of them, or another scheme; MalformedRequest for a header sent twice.
    """
    authorization = header(scope, b"authorization")
    api_key = header(scope, b"x-api-key")
    if authorization and api_key:
        raise InvalidCredential("send Authorization or x-api-key, not both")
    if authorization and authorization[: len(_BEARER)].lower() != _BEARER:
        raise InvalidCredential("the scheme of Authorization must be Bearer")
    token = authorization[len(_BEARER) :].strip() if authorization else api_key
    if not any(name in _SIGNED for name, _ in scope["headers"]):
        return Presented(token or None, addresses.of(scope))
    if token:
        raise InvalidCredential("send a bearer or sign the request, not both")
    return Presented(None, addresses.of(scope), _signed(scope))


def _signed(scope: Scope) -> SignedRequest:
    """The request as a signature names its parts: as it was sent, before any decoding."""
    names = {name for name, _ in scope["headers"]}
    headers = {name.decode("latin-1"): header(scope, name) or "" for name in names}
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"].decode("latin-1")
    return SignedRequest(scope["method"], path.split(b"?")[0].decode("latin-1"), query, headers)
