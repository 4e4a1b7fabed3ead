"""What a request carries as its credential."""

from backend.accounts.resolver import Presented
from backend.core.errors import InvalidCredential
from backend.gateway.asgi import Scope, header
from backend.gateway.client_address import ClientAddress

_BEARER = "bearer "


def presented(scope: Scope, addresses: ClientAddress) -> Presented:
    """`Authorization: Bearer`, or `x-api-key`. Raises InvalidCredential for both, or another scheme."""
    authorization = header(scope, b"authorization")
    api_key = header(scope, b"x-api-key")
    if authorization and api_key:
        raise InvalidCredential("send Authorization or x-api-key, not both")
    if authorization and authorization[: len(_BEARER)].lower() != _BEARER:
        raise InvalidCredential("the scheme of Authorization must be Bearer")
    token = authorization[len(_BEARER) :].strip() if authorization else api_key
    return Presented(token or None, addresses.of(scope))
