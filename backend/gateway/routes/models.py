"""Models as OpenAI lists them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from backend.accounts.principal import Scope
from backend.catalog.names import name_of
from backend.catalog.schemas import ListedService
from backend.core.errors import InvalidCredential, ModelNotFound
from backend.core.units import ServiceKind, checksum
from backend.gateway.rights import Anyone, Given
from backend.gateway.schemas import ModelEntry, ModelList, problems


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/models", tags=["inference"])

    @api.get("", responses=problems(InvalidCredential))
    async def models(
        given: Given,
        principal: Anyone,
        response: Response,
        everything: Annotated[bool, Query(alias="all", description="Everything on sale here.")] = False,
    ) -> ModelList:
        """What the caller's wallet may use now; with `all=1` everything on sale, for anybody."""
        response.headers["cache-control"] = "no-store"
        if everything:
            found = await given.catalog.served()
        elif principal is None:
            raise InvalidCredential("send an API key to see what you may use, or ask for ?all=1")
        else:
            principal.require_scope(Scope.INFERENCE)
            usable = await given.catalog.usable(principal.address)
            found = [one for one in usable if not principal.services or one.service_id in principal.services]
        chain_id = int(given.chain_id)
        return ModelList(data=[_entry(chain_id, one) for one in found if one.kind is ServiceKind.MODEL])

    @api.get("/{model:path}", responses=problems(ModelNotFound))
    async def model(model: str, given: Given, principal: Anyone) -> ModelEntry:
        """One model, by any of its names."""
        return _entry(int(given.chain_id), await given.catalog.resolve(model))

    return api


def _entry(chain_id: int, one: ListedService) -> ModelEntry:
    facts: dict[str, Any] = one.document.get("model") or {}
    name = name_of(chain_id, one.service_id)
    owner = checksum(one.owner)
    return ModelEntry(
        id=name,
        created=one.created_at,
        owned_by=owner,
        name=one.name or name,
        slug=f"{owner}/{one.slug}" if one.slug else None,
        operations=facts.get("operations", []),
        context=facts.get("context"),
    )
