"""API keys of the caller's account."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from backend.accounts.schemas import AuditReply, KeyChange, KeyReply, KeyRequest, NewKeyReply, RotateRequest
from backend.accounts.service import parse_key_id
from backend.core.errors import (
    Conflict,
    FreshSignatureRequired,
    InvalidCredential,
    NotFound,
    ScopeMissing,
    Unprocessable,
)
from backend.gateway.rights import Administrator, Caller, Client, Given, Signer
from backend.gateway.schemas import RevokedReply, problems

_ALWAYS = (InvalidCredential, ScopeMissing, Unprocessable)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/keys", tags=["keys"])

    @api.post("", status_code=201, responses=problems(*_ALWAYS, FreshSignatureRequired, Conflict))
    async def issue(
        wanted: KeyRequest, principal: Signer, given: Given, client: Client, response: Response
    ) -> NewKeyReply:
        """Make a key; its text is shown this once. Needs a session signed within the last five minutes."""
        response.headers["cache-control"] = "no-store"
        return await given.keys.issue(principal, wanted, client)

    @api.get("", responses=problems(*_ALWAYS))
    async def all_keys(principal: Administrator, given: Given) -> list[KeyReply]:
        """Every key of the account, without secrets, with its use by day."""
        return await given.keys.all_of(principal)

    @api.get("/audit", responses=problems(*_ALWAYS))
    async def audit(
        principal: Administrator,
        given: Given,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[AuditReply]:
        """What was done with the account's credentials, newest first."""
        return await given.keys.audit(principal, before, limit)

    @api.patch("/{key_id}", responses=problems(*_ALWAYS, FreshSignatureRequired, NotFound, Conflict))
    async def change(
        key_id: str, wanted: KeyChange, principal: Administrator, given: Given, client: Client
    ) -> KeyReply:
        """Change a key's name, scopes, services, networks, cap or end; widening needs a fresh signature."""
        kept = await given.keys.change(principal, parse_key_id(key_id), wanted, client)
        given.resolver.forget()
        return kept

    @api.post("/{key_id}/rotate", responses=problems(*_ALWAYS, FreshSignatureRequired, NotFound, Conflict))
    async def rotate(
        key_id: str,
        wanted: RotateRequest,
        principal: Signer,
        given: Given,
        client: Client,
        response: Response,
    ) -> NewKeyReply:
        """Give a key a new secret; the old one lives for `overlap_seconds` more."""
        response.headers["cache-control"] = "no-store"
        fresh = await given.keys.rotate(principal, parse_key_id(key_id), wanted.overlap_seconds, client)
        given.resolver.forget()
        return fresh

    @api.post("/{key_id}/rollback", responses=problems(*_ALWAYS, FreshSignatureRequired, NotFound, Conflict))
    async def roll_back(key_id: str, principal: Signer, given: Given, client: Client) -> KeyReply:
        """Undo a rotation while it overlaps: the old secret stays, the new one dies."""
        kept = await given.keys.roll_back(principal, parse_key_id(key_id), client)
        given.resolver.forget()
        return kept

    @api.delete("/{key_id}", responses=problems(*_ALWAYS, NotFound))
    async def revoke(key_id: str, principal: Caller, given: Given, client: Client) -> RevokedReply:
        """Revoke a key; it is refused everywhere within a second."""
        count = await given.keys.revoke(principal, parse_key_id(key_id), client)
        given.resolver.forget()
        return RevokedReply(revoked=count)

    @api.delete("", responses=problems(*_ALWAYS))
    async def revoke_all(principal: Administrator, given: Given, client: Client) -> RevokedReply:
        """Revoke every key of the account."""
        count = await given.keys.revoke(principal, None, client)
        given.resolver.forget()
        return RevokedReply(revoked=count)

    return api
