"""The caller's right as a type: what a route's signature asks for is what it gets, or an error.

A buyer is whoever calls for its own account (`Reader`, `Spender`, `Administrator`, `Signer`, `Wallet`); a
provider acts on what it owns on chain (`Publisher`, `ProviderOf`). The operator has no route: it acts by
settings, the command line and the port of the metrics, on its own machine.
"""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Path
from starlette.requests import Request

from backend.accounts.principal import Principal, Scope
from backend.core.errors import Forbidden, InvalidCredential, WalletRequired
from backend.core.units import SERVICE_ID_LIMIT, ServiceId, to_address
from backend.gateway.credentials import presented
from backend.gateway.deps import Services


def services(request: Request) -> Services:
    """The process's services."""
    return cast("Services", request.app.state.services)


Given = Annotated[Services, Depends(services)]


async def caller(request: Request, given: Given) -> Principal:
    """Whoever the credential proves. Raises InvalidCredential."""
    said = presented(request.scope, given.addresses)
    principal = await given.resolver.resolve(said)
    if said.signed is not None:
        said.require_body(await request.body())
    given.key_use.count(principal, said.client)
    return principal


async def anyone(request: Request, given: Given) -> Principal | None:
    """The caller, or None where no credential was sent. A wrong one is still refused."""
    said = presented(request.scope, given.addresses)
    return None if said.token is None and said.signed is None else await caller(request, given)


def client(request: Request, given: Given) -> str:
    """The caller's network address."""
    return given.addresses.of(request.scope)


Caller = Annotated[Principal, Depends(caller)]
Anyone = Annotated[Principal | None, Depends(anyone)]
Client = Annotated[str, Depends(client)]
ServiceIdPath = Annotated[int, Path(ge=1, lt=SERVICE_ID_LIMIT, description="The service's number.")]


async def reader(principal: Caller) -> Principal:
    """A caller who may read its own account. Raises ScopeMissing."""
    principal.require_scope(Scope.READ)
    return principal


async def spender(principal: Caller) -> Principal:
    """A caller who may spend what the account holds. Raises ScopeMissing."""
    principal.require_scope(Scope.INFERENCE)
    return principal


async def administrator(principal: Caller) -> Principal:
    """A caller who may manage the account's keys and apps, and where news of it goes. Raises ScopeMissing."""
    principal.require_scope(Scope.KEYS)
    return principal


async def signer(principal: Caller, given: Given) -> Principal:
    """The same, whose wallet signed within the last five minutes. Raises FreshSignatureRequired."""
    principal.require_scope(Scope.KEYS)
    principal.require_fresh(given.deps.clock.now())
    return principal


async def publisher(principal: Caller) -> Principal:
    """A caller who may act as a provider. Raises ScopeMissing."""
    principal.require_scope(Scope.PROVIDER)
    return principal


async def wallet(principal: Caller) -> Principal:
    """The wallet itself, which signed in or signed this request. Raises WalletRequired for keys and apps."""
    if principal.signed_at is None:
        raise WalletRequired("sign in with the wallet: no key and no app may do this")
    return principal


Wallet = Annotated[Principal, Depends(wallet)]
Reader = Annotated[Principal, Depends(reader)]
Spender = Annotated[Principal, Depends(spender)]
Administrator = Annotated[Principal, Depends(administrator)]
Signer = Annotated[Principal, Depends(signer)]
Publisher = Annotated[Principal, Depends(publisher)]


@dataclass(frozen=True, slots=True)
class Provider:
    """A caller who is the owner of a service, now, on chain."""

    principal: Principal
    service_id: ServiceId


async def provider(service_id: ServiceIdPath, principal: Publisher, given: Given) -> Provider:
    """The owner of the service in the path. Raises NotFound, Forbidden, ScopeMissing."""
    wanted = ServiceId(service_id)
    principal.require_service(wanted)
    service = await given.catalog.service(wanted)
    if to_address(service.owner) != principal.address:
        raise Forbidden(f"service {service_id} belongs to {service.owner}; sign in with that wallet")
    return Provider(principal, wanted)


ProviderOf = Annotated[Provider, Depends(provider)]


def bearer(request: Request, given: Given) -> str:
    """The token of a request that has one. Raises InvalidCredential."""
    token = presented(request.scope, given.addresses).token
    if token is None:
        raise InvalidCredential("no credential was sent")
    return token


Bearer = Annotated[str, Depends(bearer)]
